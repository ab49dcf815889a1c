"""Servers in processes of their own: started, measured, and stopped however the benchmark ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from bench.api import Api, NotAsExpected
from bench.processes import Memory, cpu_seconds, family, memory

ROOT = Path(__file__).parents[1]

_START_PATIENCE, _STOP_PATIENCE = 60.0, 15.0
_POLL = 0.005


def environment(**settings: str) -> dict[str, str]:
    """This environment without settings that whoever runs the benchmark has for a backend of theirs."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("STILLROOM_", "FLASK_"))}
    return {**clean, "PYTHONPATH": str(ROOT), **settings}


class Server:
    """`start` may be called again after `stop`, and goes on with the same data. What it prints goes to a file in `folder`."""

    def __init__(self, name: str, folder: Path, command: list[str], health: str, env: Mapping[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.api = Api(name, free_port())
        self.folder = folder
        self._command, self._health, self._env = command, health, env
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        return self.api.name

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> float:
        """Seconds from the command to the first answer."""
        began = time.monotonic()
        with (self.folder / "output.log").open("ab") as output:
            # A session of its own: Ctrl-C reaches the benchmark alone, which then ends its servers in order.
            self._process = subprocess.Popen(
                [each.replace("PORT", str(self.api.port)) for each in self._command],
                cwd=self.folder, env={name: value.replace("PORT", str(self.api.port)) for name, value in self._env.items()},
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        while not self._answers():
            self._check_alive(time.monotonic() - began)
            time.sleep(_POLL)
        return time.monotonic() - began

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def cpu_seconds(self) -> float:
        return cpu_seconds(self._processes())

    def worker_memory(self) -> list[Memory]:
        """Of the processes that answer: the children, or the one process where it has none."""
        found = self._processes()
        return [memory(each) for each in found[1:] or found]

    def _processes(self) -> list[int]:
        if self._process is None:
            raise NotAsExpected(f"{self.name} does not run")
        return family(self._process.pid)

    def _answers(self) -> bool:
        try:
            return self.api.send("GET", self._health).status == 200
        except OSError:
            return False

    def _check_alive(self, waited: float) -> None:
        if self._process is not None and self._process.poll() is None and waited < _START_PATIENCE:
            return
        raise NotAsExpected(f"{self.name} does not start; it said:\n{self.last_words()}")

    def last_words(self) -> str:
        """The end of its output."""
        return (self.folder / "output.log").read_text(encoding="utf-8", errors="replace")[-2000:]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def empty_view(folder: Path, settings: Mapping[str, str]) -> Server:
    """It reads the settings that Stillroom reads, so that both are served alike."""
    env = environment(**settings, STILLROOM_PORT="PORT", STILLROOM_DATA_DIR=str(folder))
    return Server("empty view", folder, [sys.executable, "-m", "bench.empty"], "/", env)
