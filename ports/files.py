"""Bytes by key, streamed in and out. Keys are ours (`domain.files.keys`), never used twice, and none is the folder of another: what lies
under one never changes, it is there as a whole or not at all.

Problems: `Unavailable` where the store does not answer in time or answers nonsense, `OutOfSpace` where it is full. None of them says
where the store is or what it said.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.errors import Unavailable


class Crowded(Unavailable):
    """Others wait for the store; nothing is said about the store itself."""


@dataclass(frozen=True, slots=True)
class OpenFile:
    """`size` is that of the whole object, whatever range was asked for. Close it; `chunks` end with a Problem where the store does not
    give what it promised, never early."""

    size: int
    chunks: Iterator[bytes]
    close: Callable[[], None]


@dataclass(frozen=True, slots=True)
class StoredFile:
    """`modified` is when it was written, in UTC, by the clock of the store."""

    key: str
    size: int
    modified: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """A file on this machine's disk: `path` is relative to the folder `root`."""

    root: str
    path: str


@dataclass(frozen=True, slots=True)
class SignedForm:
    """To be sent to `url` as multipart/form-data: these fields, and behind them the file, in a part named `file`."""

    url: str
    fields: Mapping[str, str]


class Files(Protocol):
    def write(self, key: str, chunks: Iterable[bytes], *, type: str, disposition: str = "attachment") -> None:
        """All of it, or nothing: durable when this returns, and there for nobody before. What `chunks` raises passes through, and nothing
        is kept. FileExistsError where the key is taken: what is there stays. `chunks` are read once, a few MB ahead at most. `type` and
        `disposition` (a media type, and a value of Content-Disposition) are what whoever follows a `link` is told."""
        ...

    def open(self, key: str, start: int = 0, end: int | None = None) -> OpenFile | None:
        """From `start` to before `end`, or to its end where that comes first; the rest is not read. None where there is none."""
        ...

    def delete(self, keys: Iterable[str]) -> None:
        """What is not there is fine."""
        ...

    def copy(self, key: str, to: str) -> bool:
        """As a file of its own, written now; False where there is none."""
        ...

    def stored(self, folder: str = "", after: str = "") -> Iterator[StoredFile]:
        """Those whose key begins with these whole segments, all where it is empty, in an order that is the store's own and always the
        same; `after`, a key of one that was there, goes on behind it. Those that come or go meanwhile may be in it or not."""
        ...

    def tidy(self, before: datetime) -> int:
        """Removes what writes that were cut off before then left behind, which is no file of any key, and tells how many that were."""
        ...

    def link(self, key: str, *, seconds: int) -> str | None:
        """A signed URL at which the store itself hands it out for so long, to anybody; None where the store cannot do that."""
        ...

    def form(self, key: str, *, size: int, type: str, disposition: str, seconds: int) -> SignedForm | None:
        """By which anybody may send this one file to the store itself, of exactly this size and type, for so long, as often as they like;
        None where the store takes no forms."""
        ...

    def place(self, key: str) -> Place | None:
        """Where it lies for a proxy on this machine to send, whether it is there or not; None where the store is elsewhere."""
        ...

    def check(self) -> None:
        """Raises the Problem that a write would meet, within a second."""
        ...
