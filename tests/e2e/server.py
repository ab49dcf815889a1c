"""The real server in processes of its own, and the command line beside it; for tests that need what a Flask client cannot show."""

import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ADMIN = {"email": "ann@example.org", "password": "correct horse battery"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(**settings: str) -> dict[str, str]:
    """This environment without the settings of whoever runs the tests; each process may keep what it compiles."""
    foreign = ("STILLROOM_", "FLASK_", "PYTHONDONTWRITEBYTECODE")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**clean, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **settings}


def stillroom(*arguments: str, cwd: Path, input: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """One command, to its end."""
    command = [sys.executable, "-m", "app.main", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment(**settings), input=input, capture_output=True, text=True, timeout=110)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: Any


@dataclass
class Server:
    """`start()` returns when it answers. The output goes to a file: a full pipe would stop the server."""

    data_dir: Path
    port: int = field(default_factory=free_port)
    workers: int = 2
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    started_in: float = 0.0
    _is_made: bool = False
    # Seconds for one answer.
    patience: float = 20

    @property
    def url(self) -> str:
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}"

    @property
    def certificate(self) -> str:
        """Its file, where the server speaks TLS."""
        return self.settings.get("STILLROOM_TLS_CERTIFICATE", "")

    def connection(self) -> http.client.HTTPConnection:
        if not self.certificate:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.patience)
        trusting = ssl.create_default_context(cafile=self.certificate)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=self.patience, context=trusting)

    @property
    def log(self) -> Path:
        return self.data_dir.parent / f"server-{self.port}.log"

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def environment(self) -> dict[str, str]:
        own = {"STILLROOM_DATA_DIR": str(self.data_dir), "STILLROOM_PORT": str(self.port), "STILLROOM_WORKERS": str(self.workers)}
        # A test signs in from one address more often than people do; those of limits set their own.
        own["STILLROOM_LIMITS"] = "off"
        return environment(**{**own, **self.settings})

    def launch(self) -> None:
        """Without waiting for anything."""
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "app.main", "serve"]
            # A session of its own, so that a test can send Ctrl-C to the whole group, as a terminal does.
            self.process = subprocess.Popen(
                command, cwd=self.data_dir.parent, env=self.environment(),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def start(self, patience: float = 30) -> "Server":
        began = time.monotonic()
        self.launch()
        while not self._answers():
            assert self.process is not None
            assert self.process.poll() is None, f"the server ended with {self.process.returncode}:\n{self.output}"
            assert time.monotonic() - began < patience, f"the server did not answer in {patience} s:\n{self.output}"
            time.sleep(0.02)
        self.started_in = time.monotonic() - began
        return self

    def _answers(self) -> bool:
        try:
            return self.request("GET", "/livez").status == 200
        except OSError:
            return False

    def request(self, method: str, path: str, body: Any = None, token: str = "", **headers: str) -> Answer:
        connection = self.connection()
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            if token:
                sent["Authorization"] = f"Bearer {token}"
            if body is not None:
                sent["Content-Type"] = "application/json"
            connection.request(method, path, None if body is None else json.dumps(body), sent)
            response = connection.getresponse()
            content = response.read()
            is_json = "json" in response.headers.get("Content-Type", "")
            return Answer(response.status, dict(response.headers), json.loads(content) if is_json else content)
        finally:
            connection.close()

    def command(self, *arguments: str, input: str = "") -> subprocess.CompletedProcess[str]:
        """A command of the `stillroom` command line on the same data."""
        own = {name: value for name, value in self.environment().items() if name.startswith("STILLROOM_")}
        return stillroom(*arguments, cwd=self.data_dir.parent, input=input, **own)

    def admin_token(self) -> str:
        """Makes the admin where there is none, and signs in. By the token that the start has printed: a command of its own would take
        longer than all the rest."""
        printed = re.findall(r'"token": "([^"]+)"', self.output)
        made = self.request("POST", "/api/v1/setup", {**ADMIN, "token": printed[-1]}) if printed else None
        if not self._is_made and (made is None or made.status != 201):
            self.command("admin", "create", "--email", ADMIN["email"], "--password", ADMIN["password"])
        self._is_made = True
        answer = self.request("POST", "/api/v1/auth/_admins/sign-in", {"identity": ADMIN["email"], "password": ADMIN["password"]})
        assert answer.status == 200, answer
        token: str = answer.body["access_token"]
        return token

    def worker_pids(self) -> list[int]:
        assert self.process is not None
        listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True)
        return [int(pid) for pid in listed.stdout.split()]

    def interrupt(self) -> int:
        """Ctrl-C, as a terminal sends it: to every process of the group. The exit code."""
        return self._signalled(lambda pid: os.killpg(pid, signal.SIGINT))

    def stop(self) -> int:
        return self._signalled(lambda pid: os.kill(pid, signal.SIGTERM))

    def kill(self) -> int:
        """All its processes at once, as a power cut would."""
        return self._signalled(lambda pid: os.killpg(pid, signal.SIGKILL))

    def _signalled(self, send: Any, patience: float = 20) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            send(self.process.pid)
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(5)
            raise AssertionError(f"the server did not end in {patience} s:\n{self.output}") from None

    def end(self) -> None:
        """However the test went."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
