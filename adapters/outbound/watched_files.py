"""Any store of files, watched: that it fails is told once, and where each failure costs the patience of one of few threads, it is left
alone for some seconds after one, so that not everybody waits for it; then one tries it again."""

import errno
import re
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from domain.errors import OutOfSpace, Unavailable
from ports.files import Crowded, Files, OpenFile, Place, SignedForm, StoredFile
from ports.observer import FilesAway, FilesBack, Observer

# What an object store says of itself; its other words may name files.
_SAID = re.compile(r"status code: (\d{3})(?:.*?<Code>(\w{1,60})</Code>)?", re.DOTALL)
_MET = ("operation timed out", "Connection refused", "dns error", "certificate", "connection closed", "connection reset")


class WatchedFiles:
    """Keeps ports.files.Files over another store. `pause` is in seconds; none where a failure takes no time."""

    def __init__(
        self, store: Files, observer: Observer, *, pause: float = 0.0, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._store, self._observer = store, observer
        self._pause, self._now, self._lock = pause, now, threading.Lock()
        self._is_away, self._again = False, 0.0

    def write(self, key: str, chunks: Iterable[bytes], *, type: str, disposition: str = "attachment") -> None:
        with self._watched():
            self._store.write(key, chunks, type=type, disposition=disposition)

    def open(self, key: str, start: int = 0, end: int | None = None) -> OpenFile | None:
        with self._watched():
            opened = self._store.open(key, start, end)
        return opened and OpenFile(opened.size, self._read(opened), opened.close)

    def delete(self, keys: Iterable[str]) -> None:
        with self._watched():
            self._store.delete(keys)

    def copy(self, key: str, to: str) -> bool:
        with self._watched():
            return self._store.copy(key, to)

    def stored(self, folder: str = "", after: str = "") -> Iterator[StoredFile]:
        with self._watched():
            yield from self._store.stored(folder, after)

    def tidy(self, before: datetime) -> int:
        with self._watched():
            return self._store.tidy(before)

    def form(self, key: str, *, size: int, type: str, disposition: str, seconds: int) -> SignedForm | None:
        return self._store.form(key, size=size, type=type, disposition=disposition, seconds=seconds)

    def link(self, key: str, *, seconds: int) -> str | None:
        with self._watched():
            return self._store.link(key, seconds=seconds)

    def place(self, key: str) -> Place | None:
        return self._store.place(key)

    def check(self) -> None:
        """As it is now, whatever happened before."""
        self._store.check()

    def _read(self, opened: OpenFile) -> Generator[bytes]:
        with self._watched():
            yield from opened.chunks

    @contextmanager
    def _watched(self) -> Iterator[None]:
        if not self._may_ask():
            raise Unavailable("files cannot be reached at the moment", retry_after=5)
        try:
            yield
        except Crowded:
            raise
        except (Unavailable, OutOfSpace) as failure:
            self._note_failure(failure)
            raise
        if self._is_away:
            self._note_recovery()

    def _may_ask(self) -> bool:
        """Of those who come while it is away, one at a time asks."""
        if not self._is_away or not self._pause:
            return True
        with self._lock:
            if self._now() < self._again:
                return False
            self._again = self._now() + self._pause
            return True

    def _note_failure(self, failure: Unavailable | OutOfSpace) -> None:
        with self._lock:
            first, self._is_away = not self._is_away, True
            self._again = self._now() + self._pause
        if first:
            self._observer.observe(FilesAway(reason(failure)))

    def _note_recovery(self) -> None:
        with self._lock:
            was, self._is_away = self._is_away, False
        if was:
            self._observer.observe(FilesBack())


def reason(failure: Exception) -> str:
    """For the owner: neither addresses nor names of files are in it."""
    cause = failure.__cause__ or failure
    if isinstance(cause, OSError):
        return errno.errorcode.get(cause.errno or 0, type(cause).__name__)
    if said := _SAID.search(str(cause)):
        return " ".join(filter(None, said.groups()))
    return next((each for each in _MET if each in str(cause)), type(cause).__name__)
