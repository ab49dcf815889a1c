"""Files in an object store: S3 and what speaks like it, Google Cloud Storage, Azure Blob, all by obstore.

A file of one part is put on the condition that its key is free. Larger ones go up in parts and become an object with the last one, for
which stores know no such condition: there a look before it and keys that are never used twice have to do. Parts that nobody completed
are the store's to remove, by a rule of its own.

Reading fetches a piece at a time, each with its own time limit: a slow reader keeps no connection of the store, and a range costs no
more than itself.
"""

import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar

from adapters.outbound.object_stores import BRIEF, PATIENCE, Keys, Patience, open_store
from adapters.outbound.s3_forms import Signer
from domain.errors import OutOfSpace, Problem, Unavailable
from domain.files.keys import is_folder, is_key
from domain.files.stores import Bucket
from ports.files import Crowded, OpenFile, Place, SignedForm, StoredFile

if TYPE_CHECKING:
    from adapters.outbound.object_stores import Store

T = TypeVar("T")
# Of a write: S3 takes 10,000 parts, which is 78 GiB, and two are on their way while the next is read.
_PART = 8 * 2**20
_AT_ONCE = 2
# Of a read: eight readers hold 16 MiB.
_PIECE = 2 * 2**20
_DELETED_AT_ONCE = 200
# For those before us, of whom each takes some hundredths of a second where the store is well.
_WAITING = 0.3
# The words by which stores of several makes say that they are full.
_FULL = ("StorageFull", "QuotaExceeded", "InsufficientCapacity", "507 Insufficient Storage")
# Nothing is there because there is nothing to hold it: a mistake of the owner, and no file that is gone.
_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound", "specified bucket does not exist")

# There is nothing of it from there on: by the store, or by the library where the store answers with what there is.
_BEHIND_THE_END = ("416 Range", "StartTooLarge")


class ObjectFiles:
    """`at_once` are asked of the store at the same time, of threads that serve other requests too: a store that hangs gets no more of
    them. Uploads in parts are not among them, since they wait for their client as well."""

    def __init__(self, bucket: Bucket, keys: Keys, *, patience: Patience = PATIENCE, at_once: int = 8) -> None:
        self._bucket, self._keys, self._patience = bucket, keys, patience
        self._room = threading.BoundedSemaphore(at_once)

    def write(self, key: str, chunks: Iterable[bytes], *, type: str, disposition: str = "attachment") -> None:
        if not is_key(key):
            raise ValueError("no key")
        source = _Counted(chunks)
        first = source.first_part()
        about = {"Content-Type": type or "application/octet-stream", "Content-Disposition": disposition}
        if len(first) < _PART:
            put = self._ask(lambda obs: obs.put(self._store, key, first, attributes=about, mode="create"))
        else:
            if self._head(key) is not None:
                raise FileExistsError(key)
            put = self._put_parts(key, chain([first], source), about)
        self._verify(key, source.size, put["e_tag"])

    def open(self, key: str, start: int = 0, end: int | None = None) -> OpenFile | None:
        if not is_key(key):
            return None
        try:
            first = self._piece(key, start, start + _PIECE if end is None else min(end, start + _PIECE), mark=None)
        except FileNotFoundError:
            return None
        if first is None:
            found = self._head(key)
            return None if found is None else OpenFile(found["size"], iter(()), lambda: None)
        size, mark, data = first
        chunks = self._pieces(key, data, start + len(data), size if end is None else min(end, size), mark)
        return OpenFile(size, chunks, chunks.close)

    def delete(self, keys: Iterable[str]) -> None:
        left = filter(is_key, keys)
        while some := list(islice(left, _DELETED_AT_ONCE)):
            if not self._deleted(some):
                # Some stores stop at one that is not there.
                for key in some:
                    self._deleted([key])

    def copy(self, key: str, to: str) -> bool:
        if not is_key(to):
            raise ValueError("no key")
        if not is_key(key):
            return False
        if self._head(to) is not None:
            raise FileExistsError(to)
        try:
            self._ask(lambda obs: obs.copy(self._store, key, to))
        except FileNotFoundError:
            return False
        return True

    def stored(self, folder: str = "", after: str = "") -> Iterator[StoredFile]:
        if not is_folder(folder):
            raise ValueError("no folder")
        batches = self._ask(lambda obs: iter(obs.list(self._store, folder or None, offset=after or None)))
        while batch := self._ask(lambda obs: next(batches, ())):
            for each in batch:
                # Some stores begin at the front whatever they are told.
                if is_key(each["path"]) and each["path"] > after:
                    yield StoredFile(each["path"], each["size"], each["last_modified"])

    def tidy(self, before: datetime) -> int:
        return 0

    def link(self, key: str, *, seconds: int) -> str | None:
        if not is_key(key):
            return None
        return self._ask(lambda obs: obs.sign(self._public, "GET", key, timedelta(seconds=seconds)))

    def form(self, key: str, *, size: int, type: str, disposition: str, seconds: int) -> SignedForm | None:
        bucket = self._bucket
        # Those of a role are the library's, and it signs no forms; other stores have other ones.
        if bucket.scheme != "s3" or not self._keys.access or not is_key(key):
            return None
        region = bucket.region or "us-east-1"
        signer = Signer(self._keys.access, self._keys.secret, region)
        fixed = {
            "key": f"{bucket.prefix}/{key}" if bucket.prefix else key, "Content-Type": type, "Content-Disposition": disposition,
            "success_action_status": "204",
        }  # fmt: skip
        where = bucket.public or bucket.endpoint
        url = f"{where}/{bucket.name}" if where else f"https://{bucket.name}.s3.{region}.amazonaws.com"
        return SignedForm(url, signer.fields(bucket.name, fixed, size, datetime.now(UTC), seconds))

    def place(self, key: str) -> Place | None:
        return None

    def check(self) -> None:
        """By a list, which the sweep needs too; a look at one object could not tell whether its bucket is there."""
        self._ask(lambda obs: next(iter(obs.list(self._brief, "check")), ()))

    @cached_property
    def _store(self) -> "Store":
        return open_store(self._bucket, self._keys, self._patience)

    @cached_property
    def _brief(self) -> "Store":
        return open_store(self._bucket, self._keys, BRIEF)

    @cached_property
    def _public(self) -> "Store":
        """As browsers reach it: the host is part of what is signed."""
        return open_store(replace(self._bucket, endpoint=self._bucket.public or self._bucket.endpoint), self._keys, self._patience)

    def _ask(self, question: Callable[[Any], T]) -> T:
        """FileNotFoundError and FileExistsError pass, all else that the store says becomes a Problem."""
        import obstore

        if not self._room.acquire(timeout=_WAITING):
            raise Crowded("too many wait for files at the moment", retry_after=2)
        try:
            with _told():
                return question(obstore)
        finally:
            self._room.release()

    def _put_parts(self, key: str, chunks: Iterable[bytes], about: dict[str, str]) -> Any:
        """Chunks are asked for in this thread, not in one of the library's, which may not ask a store in turn. What they raise makes it
        give up the parts that are there, and passes."""
        import asyncio

        import obstore

        async def fed() -> AsyncIterator[bytes]:
            for chunk in chunks:
                yield chunk

        async def put() -> Any:
            how: dict[str, Any] = {"use_multipart": True, "chunk_size": _PART, "max_concurrency": _AT_ONCE}
            return await obstore.put_async(self._store, key, fed(), attributes=about, **how)

        with _told():
            return asyncio.run(put())

    def _head(self, key: str) -> Any | None:
        try:
            return self._ask(lambda obs: obs.head(self._store, key))
        except FileNotFoundError:
            return None

    def _verify(self, key: str, size: int, mark: str | None) -> None:
        """Once more: a store that took half of it, or something else, is not told as one that took it."""
        found = self._head(key)
        if found is None or found["size"] != size or (mark and found["e_tag"] and found["e_tag"] != mark):
            self._deleted([key])
            raise _failed()

    def _deleted(self, keys: Sequence[str]) -> bool:
        try:
            self._ask(lambda obs: obs.delete(self._store, list(keys)))
        except FileNotFoundError:
            return False
        return True

    def _piece(self, key: str, start: int, end: int, mark: str | None) -> tuple[int, str | None, bytes] | None:
        """The size of the whole, its mark and this part of it; None where the part begins behind the end."""
        if start >= end:
            return None
        options: dict[str, Any] = {"range": (start, end)} | ({"if_match": mark} if mark else {})

        def fetched(obs: Any) -> tuple[int, str | None, bytes]:
            got = obs.get(self._store, key, options=options)
            size, data = got.meta["size"], bytes(got.bytes())
            if len(data) != min(end, size) - start or (mark and got.meta["e_tag"] != mark):
                raise _failed()
            return size, got.meta["e_tag"], data

        try:
            return self._ask(fetched)
        except Unavailable as failed:
            if any(word in str(failed.__cause__) for word in _BEHIND_THE_END):
                return None
            raise

    def _pieces(self, key: str, first: bytes, at: int, end: int, mark: str | None) -> Generator[bytes]:
        yield first
        while at < end:
            try:
                piece = self._piece(key, at, min(end, at + _PIECE), mark)
            except FileNotFoundError as gone:
                raise _failed() from gone
            if piece is None:
                raise _failed()
            at += len(piece[2])
            yield piece[2]


class _Counted:
    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks, self.size = iter(chunks), 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk = next(self._chunks)
        self.size += len(chunk)
        return chunk

    def first_part(self) -> bytes:
        """All of it, where that is less than a part."""
        part = bytearray()
        for chunk in self:
            part += chunk
            if len(part) >= _PART:
                break
        return bytes(part)


@contextmanager
def _told() -> Iterator[None]:
    from obstore.exceptions import AlreadyExistsError, BaseError

    try:
        yield
    except AlreadyExistsError as taken:
        raise FileExistsError from taken
    except FileNotFoundError as absent:
        if any(word in str(absent) for word in _NO_BUCKET):
            raise _failed() from absent
        raise
    except BaseError as error:
        raise (_full() if any(word in str(error) for word in _FULL) else _failed()) from error


def _full() -> Problem:
    return OutOfSpace("there is no room left for files")


def _failed() -> Unavailable:
    return Unavailable("files cannot be reached at the moment", retry_after=5)
