"""Write out the records that somebody may list, all of them as they were at one moment, with constant memory.

Each page is a list like any other, so an export shows what a list shows. The pages are read in one snapshot and written to where the door
says; the snapshot lasts as long as reading does, not as long as a slow client takes.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol

from app.usecases.audit import note
from app.usecases.import_files import exported_path
from app.usecases.places import Places
from app.usecases.record_reads import RecordReads, Request
from app.usecases.rulebook import Rulebook
from domain.actor import Actor
from domain.errors import Invalid, Problem
from domain.files.names import keys_of
from domain.records.exports import HTTP_LIMITS, ExportLimits, ExportQuery
from domain.records.page import ListQuery, Page
from domain.rules.values import RequestFacts
from domain.schema.collection import Collection
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.files import Files
from ports.observer import Observer
from ports.unit_of_work import Stores, UnitOfWork

_PAGE = 1000
Progress = Callable[[int], None]


class Table(Protocol):
    """Where an export is written. `begin` starts anew, whatever was written: reading may have to be done again."""

    @property
    def size(self) -> int:
        """Bytes written so far, about."""
        ...

    def begin(self, collection: Collection, names: tuple[str, ...]) -> None: ...
    def put(self, rows: Sequence[Sequence[Any]]) -> None: ...
    def end(self) -> None: ...


class FolderForFiles(Protocol):
    """Where an export puts files."""

    def put(self, path: str, chunks: Iterable[bytes]) -> None: ...
    def lost(self, path: str) -> None:
        """This one was gone by the time it was copied."""
        ...


class ExportUseCases:
    """At most `places` exports run in one process, as each of them keeps a thread busy; others are told to come again."""

    def __init__(
        self, work: UnitOfWork, rulebook: Rulebook, files: Files, clock: Clock, ids: Ids, observer: Observer, *, places: int = 2
    ) -> None:
        self._files = files
        self._work, self._clock, self._ids = work, clock, ids
        self._reads = RecordReads(rulebook, clock, observer)
        self._places = Places(places, "other exports are running")

    def write(
        self, name: str, query: ExportQuery, table: Table, *, actor: Actor, facts: RequestFacts,
        limits: ExportLimits = HTTP_LIMITS, progress: Progress = lambda rows: None, folder: FolderForFiles | None = None,
    ) -> int:  # fmt: skip
        """How many records were written: those that the actor may list and the filter chooses. What is refused is refused as by a list;
        Invalid (`limit_exceeded`) beyond the limits, and then the table is no answer. With a `folder` their files are put there, each where
        an import looks for it."""
        request, held = Request(actor, facts), list[str]()
        with self._places.one():
            written = self._work.read(
                lambda stores: self._write(stores, name, query, table, request, limits, progress, held if folder else None), snapshot=True
            )
            if folder is not None:
                # The database waits for none of them.
                self._put_files(held, folder)
        if actor.passes_rules or actor.kind == "key":
            # Of what an account lists of its own accord nothing is noted, however much of it comes at once.
            self._note(name, written, actor, facts)
        return written

    def _note(self, name: str, written: int, actor: Actor, facts: RequestFacts) -> None:
        """Before the table is handed out: what cannot be noted is not."""
        now, id = write_instant(self._clock.now()), self._ids.new()

        def body(stores: Stores) -> None:
            detail = f"{name}: {written} records"
            note(stores, id, now, "records.exported", stores.schema.collection(name).id, actor=actor, facts=facts, detail=detail)

        self._work.run(body)

    def count(self, name: str, query: ExportQuery, *, actor: Actor, facts: RequestFacts) -> int:
        """How many records `write` would write now."""
        request, counting = Request(actor, facts), ListQuery(filter=query.filter, limit=1, count=True, fields="id", aliases=False)
        page = self._work.read(lambda stores: self._page(stores, name, counting, request))
        return page.total or 0

    def _write(
        self, stores: Stores, name: str, query: ExportQuery, table: Table, request: Request, limits: ExportLimits, progress: Progress,
        held: list[str] | None,
    ) -> int:  # fmt: skip
        request.facts.recheck(stores.schema)
        began, written = self._clock.now(), 0
        for page in self._pages(stores, name, query, request):
            if written == 0:
                if held is not None:
                    held.clear()
                table.begin(stores.schema.collection(name), page.names)
            written += len(page.rows)
            limits.check_rows(written)
            limits.check_seconds((self._clock.now() - began).total_seconds())
            table.put([row[: len(page.names)] for row in page.rows])
            limits.check_size(table.size)
            if held is not None:
                held += _files_of(stores.schema.collection(name), page)
            progress(len(page.rows))
        table.end()
        return written

    def _put_files(self, keys: Sequence[str], folder: FolderForFiles) -> None:
        for key in keys:
            path = exported_path(key.rpartition("/")[2])
            opened = self._files.open(key)
            if opened is None:
                folder.lost(path)
                continue
            try:
                folder.put(path, opened.chunks)
            finally:
                opened.close()

    def _pages(self, stores: Stores, name: str, query: ExportQuery, request: Request) -> Iterator[Page]:
        """At least one, and of several none is empty."""
        wanted = ListQuery(filter=query.filter, sort=query.sort, fields=query.fields, limit=_PAGE, aliases=False)
        while True:
            page = self._page(stores, name, wanted, request)
            yield page
            if page.next is None:
                return
            wanted = replace(wanted, cursor=page.next)

    def _page(self, stores: Stores, name: str, query: ListQuery, request: Request) -> Page:
        """A refusal that came before any statement may rest on an old schema or a dead account: the database is asked first."""
        try:
            return self._reads.list(stores, name, query, request)
        except Problem:
            stores.records.check_guard(request.guard)
            raise


def _files_of(collection: Collection, page: Page) -> Iterator[str]:
    if "id" not in page.names:
        raise Invalid("files are found by the ids of their records", code="contradiction", hint="add `id` to `fields`")
    for row in page.rows:
        yield from keys_of(collection, dict(zip(page.names, row, strict=False)))
