"""Files in this process alone; for tests, whose clock it goes by."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from threading import Lock

from domain.files.keys import is_folder, is_key
from ports.clock import Clock
from ports.files import OpenFile, Place, SignedForm, StoredFile

_PIECE = 2**16


class MemoryFiles:
    def __init__(self, clock: Clock) -> None:
        self._clock, self._lock = clock, Lock()
        self._kept: dict[str, tuple[bytes, datetime]] = {}

    def write(self, key: str, chunks: Iterable[bytes], *, type: str, disposition: str = "attachment") -> None:
        if not is_key(key):
            raise ValueError("no key")
        whole = b"".join(chunks)
        with self._lock:
            if key in self._kept:
                raise FileExistsError(key)
            self._kept[key] = (whole, self._clock.now())

    def open(self, key: str, start: int = 0, end: int | None = None) -> OpenFile | None:
        found = self._kept.get(key)
        if found is None:
            return None
        whole, _ = found
        return OpenFile(len(whole), _pieces(whole[start:end]), lambda: None)

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._kept.pop(key, None)

    def copy(self, key: str, to: str) -> bool:
        found = self._kept.get(key)
        if found is None:
            return False
        self.write(to, [found[0]], type="")
        return True

    def stored(self, folder: str = "", after: str = "") -> Iterator[StoredFile]:
        if not is_folder(folder):
            raise ValueError("no folder")
        prefix = folder and f"{folder}/"
        for key, (whole, modified) in sorted(self._kept.items()):
            if key.startswith(prefix) and key > after:
                yield StoredFile(key, len(whole), modified)

    def tidy(self, before: datetime) -> int:
        return 0

    def link(self, key: str, *, seconds: int) -> str | None:
        return None

    def form(self, key: str, *, size: int, type: str, disposition: str, seconds: int) -> SignedForm | None:
        return None

    def place(self, key: str) -> Place | None:
        return None

    def check(self) -> None:
        pass


def _pieces(part: bytes) -> Iterator[bytes]:
    for at in range(0, len(part), _PIECE):
        yield part[at : at + _PIECE]
