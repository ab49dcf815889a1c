"""An extension whose jobs write down when they begin and end, for whoever kills what runs them."""

import os
import time
from datetime import timedelta
from pathlib import Path

from app.extend import Extension

work = Extension("work")
SOON = timedelta(milliseconds=20)
# Enough that no experiment kills one of them so often; three of those that fail always are soon over.
_PATIENT, _GIVEN_UP = 200, 3
_FAILS_FIRST = 2


def note(file: str, *words: object) -> None:
    """A whole line, whoever else writes at the same moment: one write at the end of the file."""
    line = " ".join(map(str, (*words, os.getpid(), f"{time.monotonic():.4f}"))) + "\n"
    handle = os.open(_path(file), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, line.encode())
    finally:
        os.close(handle)


def notes(file: str) -> list[str]:
    path = _path(file)
    return path.read_text(encoding="ascii").splitlines() if path.exists() else []


def _path(file: str) -> Path:
    return Path(os.environ["FAULTS_NOTES"]) / file


@work.job("good", tries=_PATIENT, wait=SOON, kept=timedelta(days=9))
def good(backend: object, thing: str, pause: float) -> str:
    note("runs", "begin", thing)
    time.sleep(pause)
    note("runs", "end", thing)
    return thing


@work.job("shaky", tries=_PATIENT, wait=SOON, kept=timedelta(days=9))
def shaky(backend: object, thing: str, pause: float) -> str:
    note("runs", "begin", thing)
    time.sleep(pause)
    failed = sum(line.startswith(f"fail {thing} ") for line in notes("runs"))
    note("runs", "fail" if failed < _FAILS_FIRST else "end", thing)
    if failed < _FAILS_FIRST:
        raise ValueError(thing)
    return thing


@work.job("bad", tries=_GIVEN_UP, wait=SOON)
def bad(backend: object, thing: str, pause: float) -> None:
    note("runs", "begin", thing)
    time.sleep(pause)
    note("runs", "fail", thing)
    raise ValueError(thing)


@work.job("follow", tries=_PATIENT, wait=SOON, kept=timedelta(days=9), once="kept")
def follow(backend: object, thing: str) -> str:
    note("runs", "begin", f"after-{thing}")
    note("runs", "end", f"after-{thing}")
    return thing
