"""Thumbnails of files: made by the first who asks, kept in the store beside the file, shown under the file's own rules. Who may see a file,
and how it is sent, is left to whoever serves it."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Event

from domain.errors import OutOfSpace, Unavailable
from domain.files.thumbs import Thumb, wanted
from ports.files import Files
from ports.images import Images

# Seconds; a store that needs longer gets the same thumbnail twice.
_WRITING = 2


@dataclass(frozen=True, slots=True)
class Shown:
    """What is sent for a thumbnail that was asked for: the object under `key`. `lasting` is false where it is the file itself for the
    moment, so that nobody keeps it for the thumbnail."""

    key: str
    type: str
    lasting: bool = True


class _Settled(Exception):
    """Somebody else was quicker, to make it or to delete the file."""


class Thumbnails:
    def __init__(self, files: Files, images: Images) -> None:
        self._files, self._images = files, images
        # By key: those that are drawn and on their way into the store.
        self._coming: dict[str, Event] = {}

    def of(self, file: str, *, type: str, length: int, sizes: Sequence[str], asked: str, accept: str) -> Shown:
        """Of the file under this key. The file itself where it is no picture, or none that may be drawn: what is worth showing smaller is
        worth showing; and for a moment where too many others are being drawn, since a page with a broken picture is not loaded again."""
        itself = Shown(file, type)
        thumb = wanted(file, type=type, length=length, sizes=sizes, asked=asked, accept=accept)
        if thumb is None:
            return itself
        try:
            there = self._there(thumb)
            if there is None:
                there = self._made(thumb)
        except (Unavailable, OutOfSpace):
            return Shown(file, type, lasting=False)
        return Shown(thumb.key, thumb.type) if there else itself

    def _there(self, thumb: Thumb) -> bool | None:
        """False where it is known that it cannot be made, None where it was not tried."""
        for key, there in ((thumb.key, True), (thumb.none_key, False)):
            opened = self._files.open(key)
            if opened is not None:
                opened.close()
                return there
        return None

    def _made(self, thumb: Thumb) -> bool:
        done = Event()
        try:
            drawn = self._images.thumbnail(self._source(thumb, done), size=thumb.size, type=thumb.type)
            self._keep(thumb, drawn)
        except _Settled:
            return bool(self._there(thumb))
        finally:
            done.set()
            if self._coming.get(thumb.key) is done:
                del self._coming[thumb.key]
        return drawn is not None

    def _source(self, thumb: Thumb, done: Event) -> Iterator[bytes]:
        """Read only once it is this one's turn: whoever asked for the same one before has drawn it by then."""
        if (coming := self._coming.get(thumb.key)) is not None:
            coming.wait(_WRITING)
        opened = self._files.open(thumb.file) if self._there(thumb) is None else None
        if opened is None:
            raise _Settled
        self._coming[thumb.key] = done
        try:
            yield from opened.chunks
        finally:
            opened.close()

    def _keep(self, thumb: Thumb, drawn: bytes | None) -> None:
        key = thumb.key if drawn is not None else thumb.none_key
        # Another process may have made the same.
        with suppress(FileExistsError):
            self._files.write(key, [drawn or b""], type=thumb.type)
        opened = self._files.open(thumb.file)
        if opened is not None:
            opened.close()
            return
        # It was deleted meanwhile, and what was made of it perhaps before this was there.
        self._files.delete([key])
