"""A folder with jobs that write down that they ran, and with poison; for tests that run them in processes of their own."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app import wiring
from app.settings import Settings
from app.usecases.backend import Backend
from tests.e2e.server import environment

_EXTENSION = '''
import os, signal, time
from datetime import timedelta
from pathlib import Path
from stillroom import Extension

work = Extension("work")
NOTES = Path({notes!r})
SOON = timedelta(milliseconds=50)

@work.job("note", tries=3, wait=SOON)
def note(backend, line: str, pause: float = 0.0) -> int:
    time.sleep(pause)
    with NOTES.open("a") as file:
        file.write(line + "\\n")
    return len(line)

@work.job("poison", tries=2, wait=SOON, timeout=timedelta(seconds=1), queue="poison")
def poison(backend, how: str) -> None:
    if how == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == "exit":
        os._exit(0)
    if how == "loop":
        while True: pass
    held = []
    while how == "memory":
        held.append(bytearray(100_000_000))

@work.after("records.create", collection="posts")
def ask(event, backend):
    backend.jobs.enqueue("note", line=event.event.record, key=str(event.id))
'''


@dataclass
class Room:
    folder: Path
    more: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "extensions").mkdir(parents=True)
        (self.folder / "extensions" / "work.py").write_text(_EXTENSION.format(notes=str(self.notes)), encoding="utf-8")
        self.notes.touch()

    @property
    def notes(self) -> Path:
        return self.folder / "notes"

    @property
    def lines(self) -> list[str]:
        return self.notes.read_text(encoding="utf-8").splitlines()

    @property
    def settings(self) -> dict[str, str]:
        own = {"STILLROOM_DATA_DIR": str(self.folder / "data"), "STILLROOM_EXTENSIONS": str(self.folder / "extensions")}
        return {**own, "STILLROOM_LOG_LEVEL": "warning", **self.more}

    @contextmanager
    def backend(self) -> Iterator[Backend]:
        settings = Settings.from_environment(self.settings)
        settings.data_dir.mkdir(exist_ok=True)
        wiring.migrate(settings)
        with wiring.open_backend(settings) as composed:
            yield composed.backend

    @contextmanager
    def worker(self, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
        """Running; at the end it is told to end, where it has not."""
        command = [sys.executable, "-m", "app.main", "worker", *arguments]
        with (self.folder / "worker.log").open("a") as log:
            process = subprocess.Popen(
                command, cwd=self.folder, env=environment(**self.settings), stdin=subprocess.DEVNULL, stdout=log, stderr=log, text=True,
                start_new_session=True,
            )  # fmt: skip
        try:
            yield process
        finally:
            process.terminate()
            process.wait(20)

    @property
    def output(self) -> str:
        return (self.folder / "worker.log").read_text(encoding="utf-8")


def children(pid: int) -> list[int]:
    """Of any of its threads."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(each) for path in lists for each in path.read_text(encoding="ascii").split()]


def alive(pid: int) -> bool:
    """Not as a zombie, which nobody but its new parent can end."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(what: Callable[[], object], patience: float = 30) -> None:
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < patience, "it did not come to that"
        time.sleep(0.05)
