"""Thumbnails by Pillow, in a bounded pool of processes that are there for nothing else (pillow_process)."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import BoundedSemaphore, Timer
from typing import NoReturn

from adapters.outbound import pillow_process
from domain.errors import Unavailable
from domain.files.thumbs import LONGEST
from domain.schema.fields.sizes import Size

_ROOT = Path(__file__).parents[2]
# It ends what takes too long by itself, and this is for one that no longer does anything; the source may be slow as well.
_PATIENCE = LONGEST + 8


class PillowImages:
    """One picture is drawn at a time: there is a process like this one per core. `waiting` more threads wait `patience` seconds, so that
    others are left to answer whatever else is asked; all that come on top are turned away."""

    def __init__(self, *, waiting: int = 3, patience: float = 5.0) -> None:
        self._place, self._admitted, self._patience = BoundedSemaphore(1), BoundedSemaphore(1 + waiting), patience
        self._process: subprocess.Popen[bytes] | None = None

    def thumbnail(self, source: Iterable[bytes], *, size: Size, type: str) -> bytes | None:
        with self._turn():
            outcome, drawn = self._asked(source, {"size": str(size), "type": type})
        if outcome == pillow_process.LATE:
            _turn_away()
        return drawn if outcome == pillow_process.DRAWN else None

    def close(self) -> None:
        with self._place:
            self._end()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._admitted.acquire(blocking=False):
            _turn_away()
        try:
            if not self._place.acquire(timeout=self._patience):
                _turn_away()
            try:
                yield
            finally:
                self._place.release()
        finally:
            self._admitted.release()

    def _asked(self, source: Iterable[bytes], wish: dict[str, str]) -> tuple[bytes, bytes]:
        process = self._started()
        watch = Timer(_PATIENCE, process.kill)
        watch.start()
        try:
            return _exchanged(process, source, wish)
        except _Ended:
            self._end()
            return pillow_process.LATE, b""
        finally:
            watch.cancel()

    def _started(self) -> subprocess.Popen[bytes]:
        """By the first picture, and anew where it died. -P: what lies in the folder that the server was started in is none of our modules.
        Nothing of the environment goes along. It ends with this process, whose end of the pipe it reads from."""
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", pillow_process.__name__], env={"PYTHONPATH": str(_ROOT)}, start_new_session=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            with suppress(OSError):
                process.communicate()


class _Ended(Exception):
    """The process, in the middle of it."""


def _exchanged(process: subprocess.Popen[bytes], source: Iterable[bytes], wish: dict[str, str]) -> tuple[bytes, bytes]:
    assert process.stdin is not None
    pipe = process.stdin.fileno()
    _send(pipe, json.dumps(wish).encode())
    try:
        for chunk in source:
            if chunk:
                _send(pipe, chunk)
    except _Ended:
        raise
    except BaseException:
        _write(pipe, pillow_process.BROKEN_OFF)
        raise
    _send(pipe, b"")
    outcome = _read(process, 1)
    (length,) = pillow_process.LENGTH.unpack(_read(process, pillow_process.LENGTH.size))
    return outcome, _read(process, length)


def _send(pipe: int, block: bytes) -> None:
    _write(pipe, pillow_process.LENGTH.pack(len(block)))
    _write(pipe, block)


def _write(pipe: int, whole: bytes) -> None:
    try:
        pillow_process.write(pipe, whole)
    except OSError as error:
        raise _Ended from error


def _read(process: subprocess.Popen[bytes], count: int) -> bytes:
    assert process.stdout is not None
    read = process.stdout.read(count)
    if len(read) < count:
        raise _Ended
    return read


def _turn_away() -> NoReturn:
    raise Unavailable("too many thumbnails are being made at once", retry_after=2, code="busy", hint="try again in 2 s")
