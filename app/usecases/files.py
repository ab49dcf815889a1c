"""Files of records: who may have which, and what becomes of those that no record holds any more."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from typing import Any

from app.usecases.handing_over import HandingOver
from app.usecases.record_reads import RecordReads, entered
from app.usecases.requests import Request
from app.usecases.thumbnails import Thumbnails
from app.usecases.uploads import PATIENCE
from domain.actor import Actor
from domain.errors import NotFound, Problem, Unavailable
from domain.files.names import NAME, key_of, keys_of, may_be_ours
from domain.files.thumbs import folder, owner, shown_as
from domain.files.ways import SERVER, Elsewhere
from domain.rules.values import RequestFacts
from domain.schema.collection import Collection
from domain.schema.fields import FileField
from domain.schema.fields.files import files_in
from domain.schema.fields.times import write_instant
from ports.clock import Clock
from ports.files import Files, OpenFile
from ports.images import Images
from ports.unit_of_work import Stores, UnitOfWork

# So many go at once: their deletion is one request to a store.
_AT_ONCE = 100
# What was taken and not deleted, since its process died, is taken again after this.
_LEASE = timedelta(minutes=10)
_REMEMBERED = timedelta(days=1)

Stopped = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Found:
    """A file that the actor may have. `shared`: everybody may, so that caches may keep it. `tag` is the same for the same bytes alone.
    `lasting` is false for what is shown in place of something else for the moment."""

    key: str
    original: str
    size: int
    type: str
    sha256: str
    field: FileField
    shared: bool
    tag: str
    lasting: bool = True


class FileUseCases:
    def __init__(
        self, work: UnitOfWork, reads: RecordReads, files: Files, images: Images, clock: Clock, *, way: str = SERVER
    ) -> None:
        self._work, self._reads, self._files, self._clock = work, reads, files, clock
        self._thumbnails, self._handing_over = Thumbnails(files, images), HandingOver(files, way)

    # --- serving

    def find(self, name: str, id: str, file: str, *, actor: Actor, facts: RequestFacts) -> Found:
        """By the rules of its record: NotFound where the record is missing or hidden, its field is, or it holds no such file."""
        request = Request(actor, facts)
        return self._work.read(lambda stores: self._checked(stores, request, lambda: self._find(stores, name, id, file, request)))

    def _checked(self, stores: Stores, request: Request, body: Callable[[], Found]) -> Found:
        """A refusal that came before any statement may rest on an old schema or a dead account: the database is asked first."""
        try:
            request.facts.recheck(stores.schema)
            return body()
        except Unavailable:
            raise
        except Problem:
            stores.records.check_guard(request.guard)
            raise

    def _find(self, stores: Stores, name: str, id: str, file: str, request: Request) -> Found:
        collection = entered(stores.schema, name, self._reads.moment(stores.schema))
        seen = self._reads.sights(stores, request).of(collection)
        names = [each.name for each in collection.file_fields if each.name in seen.names]
        if not names or not NAME.fullmatch(file):
            raise _missing()
        shown = self._reads.get(stores, name, id, request, ",".join(names), "").as_object()
        for each in collection.file_fields:
            for held in files_in(shown.get(each.name)):
                if held["name"] == file:
                    return _found(collection, each, id, held)
        raise _missing()

    def smaller(self, found: Found, size: str, *, accept: str) -> Found:
        """A thumbnail of a file that was found, in a format that the client names; the file itself where there is none."""
        sizes = found.field.thumbs
        shown = self._thumbnails.of(found.key, type=found.type, length=found.size, sizes=sizes, asked=size, accept=accept)
        if shown.key == found.key:
            return replace(found, lasting=shown.lasting)
        name, made = shown_as(found.original, shown.type), shown.key.rpartition("/")[2]
        return replace(found, key=shown.key, type=shown.type, size=shown.size, original=name, tag=f"{found.tag}-{made}")

    def open(self, found: Found, start: int = 0, end: int | None = None) -> OpenFile:
        """Its bytes; Unavailable where the store has less than the record says."""
        opened = self._files.open(found.key, start, end)
        if opened is None:
            raise _missing()
        if opened.size != found.size:
            opened.close()
            raise Unavailable("the store has another file than was sent to it", code="file_damaged")
        return opened

    def elsewhere(self, found: Found) -> Elsewhere | None:
        """Who sends it in our place, as the owner chose; None where we do."""
        return self._handing_over.of(found.key)

    # --- what nobody holds

    def sweep(self, *, stopped: Stopped = lambda: False) -> int:
        """Deletes what no record holds any more, or never came to hold; how many files that were. What was written on the way goes too."""
        swept = 0
        self._doubted(stopped)
        while not stopped():
            keys = self._taken()
            if not keys:
                break
            self._files.delete(keys)
            # Then what was made of them: a thumbnail that is being made looks for its file afterwards.
            self._files.delete(self._made_of(keys))
            until = write_instant(self._clock.now() + _REMEMBERED)
            self._work.run(lambda stores: stores.files.forget(keys, until))  # noqa: B023 - run at once
            swept += len(keys)
        now = write_instant(self._clock.now())
        while not stopped() and self._work.run(lambda stores: stores.files.sweep(now, _AT_ONCE)) == _AT_ONCE:
            pass
        self._files.tidy(self._clock.now() - PATIENCE)
        return swept

    def _doubted(self, stopped: Stopped) -> None:
        """Lets go, file by file, of what nobody holds in folders where that is not known."""
        while not stopped() and (doubted := self._work.read(lambda stores: stores.files.doubted())) is not None:
            # A thumbnail is no file of its own: its size is nobody's.
            sizes = iter((each.key, each.size) for each in self._files.stored(doubted) if owner(each.key) == each.key)
            while some := dict(islice(sizes, _AT_ONCE)):
                self._work.run(lambda stores: self._let_go(stores, some))
            self._work.run(lambda stores: stores.files.settle(doubted))

    def _let_go(self, stores: Stores, sizes: Mapping[str, int]) -> None:
        """Files that are being sent have a row already, and keep it. What is in the trash keeps all of its files: it may be there twice."""
        loose = loose_among(stores, sizes)
        for collection_id, gone in loose.items():
            stores.files.let_go(collection_id, gone, write_instant(self._clock.now()))

    def _taken(self) -> Sequence[str]:
        now = self._clock.now()
        until = write_instant(now + _LEASE)
        return self._work.run(lambda stores: stores.files.take(write_instant(now), until, _AT_ONCE))

    def _made_of(self, keys: Sequence[str]) -> list[str]:
        return [each.key for key in keys for each in self._files.stored(folder(key))]


def loose_among(stores: Stores, sizes: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Those of these files that neither a record holds nor a copy in the trash, by the first segment of their keys."""
    records: dict[str, list[str]] = {}
    sizes = {key: size for key, size in sizes.items() if may_be_ours(key)}
    for key in sizes:
        collection_id, record, _ = key.split("/", 2)
        records.setdefault(collection_id, []).append(record)
    held, trashed = set[str](), set[tuple[str, str]]()
    for collection in stores.schema.collections.values():
        ids = list(dict.fromkeys(records.get(collection.id, ())))
        if ids:
            held |= {key for each in stores.records.load_many(collection, ids) for key in keys_of(collection, each)}
            trashed |= {(collection.id, id) for id in stores.trash.holds(collection.id, ids)}
    loose: dict[str, dict[str, int]] = {}
    for key, size in sizes.items():
        if key not in held and tuple(key.split("/")[:2]) not in trashed:
            loose.setdefault(key.partition("/")[0], {})[key] = size
    return loose


def _found(collection: Collection, field: FileField, id: str, held: Mapping[str, Any]) -> Found:
    open_to_all = collection.rules.view == "" and field.rules.view == "" and not field.hidden
    return Found(
        key_of(collection.id, id, held["name"]), held["original"], held["size"], held["type"], held["sha256"], field,
        shared=open_to_all and not field.private, tag=held["sha256"],
    )  # fmt: skip


def _missing() -> NotFound:
    return NotFound("there is no such file, or you may not see it")
