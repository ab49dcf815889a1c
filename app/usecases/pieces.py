"""The pieces in which an upload comes: cut from what requests bring, kept one by one, and read again as one."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.usecases.uploads import Uploads
from domain.errors import Conflict, Problem, TooLarge, Unavailable
from domain.files import resumable as tus
from domain.files.pending import Pending, piece_key
from domain.files.types import LOOKED_AT
from domain.schema.fields import FileField
from domain.schema.fields.times import write_instant
from ports.clock import Clock
from ports.files import Files
from ports.unit_of_work import Stores, UnitOfWork

# What a crash may cost; and a store puts so much with one request.
_PIECE = 8_000_000
# Of an upload that is so long that it would have too many of those.
_FULL_PIECES = 5_000
_UNKNOWN = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Taking:
    """One request that goes on with an upload, under its mark."""

    work: UnitOfWork
    uploads: Uploads
    files: Files
    clock: Clock
    mark: str

    def as_it_comes(self, pending: Pending, stream: "Stream", field: FileField) -> Pending:
        size = max(_PIECE, -(-pending.upload.length // _FULL_PIECES))
        while not stream.is_over:
            piece = self._stored(pending, stream.piece(size), field)
            pending = self._grown(pending, piece)
        return pending

    def at_once(self, pending: Pending, stream: "Stream", field: FileField, promised: tus.Checksum) -> Pending:
        """All that the request brings is one piece: with a checksum it is kept as a whole or not at all."""
        piece = self._stored(pending, stream.piece(pending.upload.length), field)
        try:
            tus.check_sum(promised, stream.digest())
        except Problem:
            self.uploads.give_up([piece.key])
            raise
        return self._grown(pending, piece)

    def _stored(self, pending: Pending, chunks: Iterator[bytes], field: FileField) -> "_Piece":
        pending.check_more_pieces()
        start = pending.upload.offset
        key, seen = piece_key(pending.id, start, self.mark), _Seen(chunks)
        self.uploads.expect(key)
        try:
            self.files.write(key, seen, type=_UNKNOWN)
            if start == 0 and (len(seen.head) >= LOOKED_AT or seen.size == pending.upload.length):
                self._check_type(pending, bytes(seen.head[:LOOKED_AT]), field)
        except BaseException:
            self.uploads.give_up([key])
            raise
        return _Piece(key, seen.size)

    def _check_type(self, pending: Pending, head: bytes, field: FileField) -> None:
        """As soon as it can be told: the rest need not be sent."""
        try:
            self.uploads.type_taken(head, pending.original, field, field.name)
        except Problem:
            self.work.run(lambda stores: end_uploads(stores, [pending.id], self.clock.now()))
            raise

    def _grown(self, pending: Pending, piece: "_Piece") -> Pending:
        upload = pending.upload.grown(piece.size, self.clock.now())
        start, expires = pending.upload.offset, write_instant(upload.expires)

        def body(stores: Stores) -> bool:
            grown = stores.uploads.grow(pending.id, self.mark, start, upload.offset, piece.key, expires)
            return grown and not stores.files.claim([piece.key])

        try:
            grown = self.work.run(body)
        except Problem as refused:
            if refused.code != "outcome_unknown":
                self.uploads.give_up([piece.key])
            raise
        if not grown:
            self.uploads.give_up([piece.key])
            raise overtaken()
        return replace(pending, upload=upload, pieces=pending.pieces + 1)


@dataclass(frozen=True, slots=True)
class _Piece:
    key: str
    size: int


class _Seen:
    """Chunks as they pass, counted, of which the first ones are remembered."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks, self.size, self.head = chunks, 0, bytearray()

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.size += len(chunk)
            if len(self.head) < LOOKED_AT:
                self.head += chunk
            yield chunk


class Stream:
    """What one request brings, cut into pieces; TooLarge where it is more than there is `room` for. With the name of an `algorithm` it is
    hashed."""

    def __init__(self, chunks: Iterable[bytes], room: int, algorithm: str | None) -> None:
        self._chunks, self._room, self._next = iter(chunks), room, b""
        self._hash: Any = hashlib.new(algorithm) if algorithm else None

    @property
    def is_over(self) -> bool:
        while not self._next:
            chunk = next(self._chunks, None)
            if chunk is None:
                return True
            self._take(chunk)
        return False

    def piece(self, size: int) -> Iterator[bytes]:
        while size and not self.is_over:
            part, self._next = self._next[:size], self._next[size:]
            size -= len(part)
            yield part

    def digest(self) -> bytes:
        found: bytes = self._hash.digest()
        return found

    def _take(self, chunk: bytes) -> None:
        self._room -= len(chunk)
        if self._room < 0:
            raise TooLarge("these are more bytes than the upload has", code="upload_too_long", hint="begin one with the right length")
        if self._hash is not None:
            self._hash.update(chunk)
        self._next = chunk


def bytes_of(files: Files, keys: Sequence[str], end: int | None = None) -> Iterator[bytes]:
    """Of these files, one behind the other; with `end` of each no more than that, and of no more of them than it takes."""
    left = end
    for key in keys:
        opened = files.open(key, 0, left)
        if opened is None:
            raise Unavailable("a piece of the upload is missing", code="file_damaged")
        try:
            for chunk in opened.chunks:
                left = None if left is None else max(0, left - len(chunk))
                yield chunk
        finally:
            opened.close()
        if left == 0:
            return


def overtaken() -> Conflict:
    return Conflict("another request goes on with this upload", code="upload_overtaken", hint="ask by HEAD where to go on")


def end_uploads(stores: Stores, ids: Sequence[str], now: datetime) -> int:
    """How many of them were there. What came of them is nobody's from now on."""
    if not ids:
        return 0
    count, keys = stores.uploads.end(ids)
    stores.files.loosen(keys, write_instant(now))
    return count
