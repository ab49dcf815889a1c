"""The bytes of a file or a body: counted, unpacked where they are gzipped, and never more of them than allowed."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, Protocol

from domain.errors import Invalid, TooLarge

MAGIC = b"\x1f\x8b"
# Tables shrink to a tenth, very dull ones to a fiftieth. What shrinks more, beyond some size, was made to burst whoever unpacks it.
MOST_RATIO, SPARED = 200, 64 * 2**20
_CHUNK = 256 * 1024


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Counted(io.RawIOBase):
    """`position` tells how many bytes were taken from `raw`."""

    def __init__(self, raw: Readable) -> None:
        self._raw, self.position = raw, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        read = self._raw.read(len(buffer))
        buffer[: len(read)] = read
        self.position += len(read)
        return len(read)


class _Unpacked(io.RawIOBase):
    """The content of gzipped bytes, as long as it stays in proportion. A broken file is told as one."""

    def __init__(self, packed: Counted) -> None:
        self._packed, self._size = packed, 0
        self._file = gzip.GzipFile(fileobj=io.BufferedReader(packed, _CHUNK))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            read = self._file.readinto(buffer)
        except (EOFError, zlib.error, gzip.BadGzipFile) as broken:
            raise Invalid("the gzipped data is cut off or damaged", code="invalid_gzip", hint="pack it again") from broken
        self._size += read
        if self._size > SPARED and self._size > MOST_RATIO * self._packed.position:
            detail = f"the gzipped data unpacks to more than {MOST_RATIO} times its size"
            raise TooLarge(detail, code="import_too_large", hint="unpack it yourself and import that, if it is what you meant")
        return read


class _Capped(io.RawIOBase):
    def __init__(self, raw: io.RawIOBase, most: int) -> None:
        self._raw, self._most, self._size = raw, most, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        read = self._raw.readinto(buffer) or 0
        self._size += read
        if self._size > self._most:
            raise TooLarge(f"there are more than {self._most} bytes to import", code="import_too_large", hint="import it in parts")
        return read


class Source:
    """`file` gives the unpacked bytes; `position` how many of the packed ones were read."""

    def __init__(self, raw: Readable, *, packed: bool = False, most: int | None = None) -> None:
        self._counted = Counted(raw)
        unpacked: io.RawIOBase = _Unpacked(self._counted) if packed else self._counted
        self.file = io.BufferedReader(unpacked if most is None else _Capped(unpacked, most), _CHUNK)

    @property
    def position(self) -> int:
        return self._counted.position


@contextmanager
def opened(file: BinaryIO, *, most: int | None = None) -> Iterator[Source]:
    """A file that can be sought in; whether it is gzipped is told by its first bytes, not by its name."""
    packed = file.read(2) == MAGIC
    file.seek(0)
    yield Source(file, packed=packed, most=most)
