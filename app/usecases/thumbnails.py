"""Thumbnails of files: made by the first who asks, kept in the store beside the file, shown under the file's own rules. Who may see a file,
and how it is sent, is left to whoever serves it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from threading import Event

from domain.errors import OutOfSpace, Unavailable
from domain.files.thumbs import Thumb, wanted
from ports.files import Files
from ports.images import Images

# Seconds; a store that needs longer gets the same thumbnail twice.
_WRITING = 2


@dataclass(frozen=True, slots=True)
class Shown:
    """What is sent for a thumbnail that was asked for: the object of `size` bytes under `key`. `lasting` is false where it is the file
    itself for the moment, so that nobody keeps it for the thumbnail."""

    key: str
    type: str
    size: int
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
        itself = Shown(file, type, length)
        thumb = wanted(file, type=type, length=length, sizes=sizes, asked=asked, accept=accept)
        if thumb is None:
            return itself
        try:
            size = self._there(thumb)
            if size is None:
                size = self._made(thumb)
        except (Unavailable, OutOfSpace):
            return replace(itself, lasting=False)
        return Shown(thumb.key, thumb.type, size) if size else itself

    def _there(self, thumb: Thumb) -> int | None:
        """Its size: 0 where it is known that it cannot be made, None where it was not tried."""
        for key in (thumb.key, thumb.none_key):
            opened = self._files.open(key)
            if opened is not None:
                opened.close()
                return opened.size
        return None

    def _made(self, thumb: Thumb) -> int:
        done = Event()
        try:
            drawn = self._images.thumbnail(self._source(thumb, done), size=thumb.size, type=thumb.type)
            return self._keep(thumb, drawn)
        except _Settled:
            return self._there(thumb) or 0
        finally:
            done.set()
            if self._coming.get(thumb.key) is done:
                del self._coming[thumb.key]

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

    def _keep(self, thumb: Thumb, drawn: bytes | None) -> int:
        key = thumb.key if drawn is not None else thumb.none_key
        try:
            self._files.write(key, [drawn or b""], type=thumb.type, disposition="inline")
        except FileExistsError:  # another process was quicker
            return self._there(thumb) or 0
        opened = self._files.open(thumb.file)
        if opened is None:
            # It was deleted meanwhile, and what was made of it perhaps before this was there.
            self._files.delete([key])
        else:
            opened.close()
        return len(drawn or b"")
