"""Fill a collection from a file: every row is judged before the first one is written, then all are kept, or none; or, for very long files,
part by part, going on after the last part that was kept.

Judging holds no lock, so writers of a running server wait for the writing alone.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from itertools import islice
from typing import Any

from app.usecases.audit import note
from app.usecases.idempotency import Keep, unkept
from app.usecases.import_files import FilesOfRows, FolderOfFiles
from app.usecases.import_judging import Judge, Known
from app.usecases.import_waiting import BadRows, Judged
from app.usecases.import_writing import Kept, Writer
from app.usecases.rulebook import Rulebook
from app.usecases.schema_changes import SchemaChanges
from app.usecases.uploads import Uploads
from domain.accounts.roles import EDIT, require
from domain.actor import Actor
from domain.errors import Conflict, Invalid, NotFound, did_you_mean
from domain.events import Origin
from domain.hooks.changes import RecordImport
from domain.records.events import imported
from domain.records.import_progress import Progress
from domain.records.imports import (
    BadRow,
    Layout,
    Options,
    Row,
    check_importable,
    check_matches,
    layout_of_columns,
    layout_of_objects,
    with_files,
)
from domain.records.keys import is_key, read_key
from domain.records.proposals import Gathered, Proposal, Target, propose
from domain.records.reading import guard_of
from domain.rules.values import RequestFacts
from domain.schema.collection import Collection, Schema, as_object, define_collection
from domain.schema.fields import Field, Tools, Unfit
from domain.schema.fields.relations import RECORD_ID
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.files import Files
from ports.unit_of_work import Stores, UnitOfWork

__all__ = ["BadRows", "ImportUseCases", "Judged", "Kept", "Refused"]

_LOOKED_AT = 2000
_ASKED_AT_ONCE = 500

# Where the writing of rejects begins, the rows of the part, and which of them are bad; answers where the writing ends.
Reject = Callable[[int, Sequence[Row | BadRow], Sequence[BadRow]], int]


class Refused(Exception):
    """Rows stood against what is in the database; nothing was kept."""

    def __init__(self, bad: BadRows) -> None:
        super().__init__(f"{bad.count} rows cannot be kept")
        self.bad = bad


class ImportUseCases:
    def __init__(
        self, work: UnitOfWork, rulebook: Rulebook, tools: Tools, uploads: Uploads, files: Files, clock: Clock, ids: Ids
    ) -> None:
        self._uploads, self._files = uploads, files
        self._work, self._tools, self._clock, self._ids = work, tools, clock, ids
        self._judge = Judge(work, rulebook, tools, clock, ids)
        self._writer = Writer(work, self._judge)
        self._changes = SchemaChanges(rulebook, tools)

    # --- what is imported into

    def has(self, name: str, *, actor: Actor) -> bool:
        """Whether there is a collection of this name."""
        return name in self._schema(actor).collections

    def begin(
        self, name: str, header: Sequence[str] | None, options: Options, *, actor: Actor, folder: FolderOfFiles | None = None
    ) -> Judged:
        """Admins only. Invalid where columns and fields do not fit; `header` is None where rows are objects. In `folder` are the files that
        rows name."""
        schema, collection = self._target(name, actor)
        return self._judged(Judged(collection, schema.version, _layout(schema, collection, header, options), actor), folder)

    def _judged(self, judged: Judged, folder: FolderOfFiles | None) -> Judged:
        if folder is not None:
            judged.files = FilesOfRows(folder, self._uploads, self._files)
            judged.layout = with_files(judged.layout, judged.files.found)
        return judged

    def check(self, name: str, *, actor: Actor) -> None:
        """Refuses as `begin` would, before anything of a file is read."""
        self._target(name, actor)

    def _target(self, name: str, actor: Actor) -> tuple[Schema, Collection]:
        schema = self._schema(actor)
        collection = _found(schema, name)
        check_importable(collection)
        return schema, collection

    def begin_new(
        self, definition: Any, header: Sequence[str] | None, options: Options, *, actor: Actor, folder: FolderOfFiles | None = None
    ) -> Judged:
        """As `begin`, for a collection that is made together with its rows, or not at all."""
        schema = self._schema(actor)
        body = as_object(definition)
        collection = define_collection(body, id=self._ids.new(), now=write_instant(self._clock.now()), tools=self._tools)
        check_importable(collection)
        if options.key is not None:
            raise Invalid("a new collection has no records yet that a key could find", code="contradiction", hint="leave `key` out")
        if any(each.collection == collection.name for each in collection.relations) or collection.checks:
            hint = "create the collection first, then import into it"
            detail = "checks and relations into itself cannot be judged before the collection is there"
            raise Invalid(detail, code="not_importable", hint=hint)
        self._changes.creation(schema, collection, body)
        return self._judged(Judged(collection, schema.version, _layout(schema, collection, header, options), actor, body), folder)

    def propose(
        self, name: str, header: Sequence[str] | None, rows: Iterable[Row | BadRow], options: Options, *, actor: Actor
    ) -> Proposal:
        """A definition for a collection that is not there, from one reading of the rows. Reads only."""
        schema = self._schema(actor)
        gathered = Gathered(None if header is None else tuple(header))
        good = (row for row in rows if isinstance(row, Row))
        while chunk := list(islice(good, _LOOKED_AT)):
            gathered.add(chunk)
        if not gathered.evidence:
            raise Invalid("the file holds no rows to propose a collection from", code="no_rows")
        return propose(name, gathered, options, list(self._targets(schema)))

    def _targets(self, schema: Schema) -> Iterable[Target]:
        for collection in schema.collections.values():
            if collection.system or collection.is_view:
                continue
            for field in (collection.every_field["id"], *(each for each in collection.own_fields if is_key(each))):
                yield Target(collection.name, None if field.name == "id" else field.name, self._there(collection, field))

    def _there(self, collection: Collection, field: Field) -> Callable[[Sequence[str]], frozenset[str]]:
        def there(values: Sequence[str]) -> frozenset[str]:
            keys = {value: key for value in values if (key := _key(field, value)) is not None}
            found: set[str] = set()
            asked = list(keys)
            for start in range(0, len(asked), _ASKED_AT_ONCE):
                part = asked[start : start + _ASKED_AT_ONCE]
                ids = self._work.read(lambda stores: stores.records.keyed(collection, field, [keys[each] for each in part]))  # noqa: B023 - run at once
                found.update(each for each in part if keys[each] in ids)
                if start == 0 and not found:
                    break  # of another world
            return frozenset(found)

        return there

    def _schema(self, actor: Actor) -> Schema:
        require(actor, EDIT, "imports are")
        return self._work.read(lambda stores: _checked_schema(stores, actor))

    # --- reading and writing

    def judge(self, judged: Judged, rows: Iterable[Row | BadRow]) -> None:
        """Judges each row as an admin's create (or, by the key, change) would be. Reads only."""
        self._judge.judge(judged, rows)

    def keep(
        self, judged: Judged, *, skip_bad: bool = False, progress: Callable[[int], None] = lambda rows: None,
        facts: RequestFacts | None = None, keep: Keep = unkept,
    ) -> Kept:  # fmt: skip
        """Writes the rows in one transaction. Rows that the database refuses (an id or a unique value twice, a relation into nothing)
        raise Refused with all of them and nothing is kept; with `skip_bad` the others are. A new collection is made in the same
        transaction."""
        if judged.bad.count and not skip_bad:
            raise Refused(judged.bad)

        def body(stores: Stores) -> Kept:
            _check_version(stores, judged)
            if judged.definition is not None:
                self._create(stores, judged)
            kept = self._write(stores, judged, skip_bad, progress)
            self._note(stores, judged, f"{kept.created} created, {kept.changed} changed", facts)
            return keep(stores, kept)

        with judged.files.placed(judged) if judged.files else nullcontext():
            if judged.definition is None:
                return self._work.run(body, alone=True, unhurried=True)
            kept = self._work.change_schema(body, unhurried=True)
        self._work.learn()
        return kept

    # --- part by part

    def progress(self, name: str, digest: str, *, actor: Actor) -> Progress | None:
        """How far the import of this file into this collection has come, if it is kept part by part; None where it never began, also
        where there is no such collection."""
        collection = self._schema(actor).collections.get(name)
        return None if collection is None else self._work.read(lambda stores: stores.imports.find(collection.id, digest))

    def keep_parts(
        self, judged: Judged, rows: Iterable[Row | BadRow], begun: Progress, *,
        every: int, skip_bad: bool, reject: Reject, told: Callable[[int], None],
    ) -> Progress:  # fmt: skip
        """Judges and keeps so many rows at a time, each part in a transaction that also says how far it came; `begun` is where to go on.
        Refused ends it at the first part with a bad row, without that part; with `skip_bad` such rows go to `reject`, which is called
        before the part is kept (and perhaps again) with where its writing begins, and answers where it ends."""
        source, known, done = islice(rows, begun.rows, None), Known(), begun
        while part := list(islice(source, every)):
            judged.forget()
            self._judge.judge(judged, part, known)
            done = self._keep_part(judged, part, done, skip_bad, reject)
            told(len(part))
        finished = replace(done, finished=write_instant(self._clock.now()))
        self._work.run(lambda stores: self._finish(stores, judged, finished), alone=True)
        return finished

    def _finish(self, stores: Stores, judged: Judged, done: Progress) -> None:
        stores.imports.put(done)
        self._note(stores, judged, f"{done.created} created, {done.changed} changed, part by part")

    def _note(self, stores: Stores, judged: Judged, what: str, facts: RequestFacts | None = None) -> None:
        now, detail = write_instant(self._clock.now()), f"{judged.collection.name}: {what}"
        note(stores, self._ids.new(), now, "records.imported", judged.collection.id, actor=judged.actor, facts=facts, detail=detail)

    def _keep_part(self, judged: Judged, part: Sequence[Row | BadRow], before: Progress, skip_bad: bool, reject: Reject) -> Progress:
        if judged.bad.count and not skip_bad:
            raise Refused(judged.bad)

        def body(stores: Stores) -> Progress:
            _check_version(stores, judged)
            there = stores.imports.find(before.collection, before.digest)
            if there is not None and there != before:
                raise Conflict("this file is being imported by somebody else", code="import_running", hint="let one of you go on alone")
            kept = self._write(stores, judged, skip_bad, lambda rows: None)
            after = replace(
                before, rows=before.rows + len(part), created=before.created + kept.created, changed=before.changed + kept.changed,
                unchanged=before.unchanged + kept.unchanged, rejected=before.rejected + kept.rejected,
                rejects_size=reject(before.rejects_size, part, [*judged.bad, *judged.refused]) if kept.rejected else before.rejects_size,
            )  # fmt: skip
            if not before.rows:
                self._note(stores, judged, "begun, part by part")
            stores.imports.put(after)
            return after

        return self._work.run(body, alone=True, unhurried=True)

    def create(self, judged: Judged, begun: Callable[[Collection], Progress]) -> None:
        """The new collection without its rows, and that its import has begun: one transaction."""

        def body(stores: Stores) -> None:
            self._create(stores, judged)
            stores.imports.put(begun(judged.collection))

        self._work.change_schema(body)

    def _create(self, stores: Stores, judged: Judged) -> None:
        _check_version(stores, judged)
        intended = self._changes.creation(stores.schema, judged.collection, judged.definition)
        self._changes.carry_out(stores, intended, judged.actor, now=judged.collection.created, action="create")

    def _write(self, stores: Stores, judged: Judged, skip_bad: bool, progress: Callable[[int], None]) -> Kept:
        kept = Kept()
        events = judged.layout.options.events
        stores.outbox.attribute(Origin(judged.actor), each_record=events)
        if stores.hooks.any_of("records.import", judged.collection.name):
            stores.hooks.run(RecordImport(event="records.import", actor=judged.actor, collection=judged.collection.name))
        judged.refused.close()
        judged.refused = BadRows()  # the transaction may be run again
        for chunk in judged.chunks():
            done, bad = self._writer.write(stores, judged, chunk)
            stores.outbox.relieve()
            kept.add(done)
            for each in bad:
                judged.refused.add(each)
            progress(len(chunk))
        if judged.refused.count and not skip_bad:
            raise Refused(judged.refused)
        kept.rejected = judged.bad.count + judged.refused.count
        if not events and (kept.created or kept.changed):
            now = write_instant(self._clock.now())
            stores.outbox.add(imported(judged.collection, now, created=kept.created, changed=kept.changed))
        return kept


def _layout(schema: Schema, collection: Collection, header: Sequence[str] | None, options: Options) -> Layout:
    layout = layout_of_objects(collection, options) if header is None else layout_of_columns(collection, header, options)
    check_matches(collection.relations, schema.collections, options)
    return layout


def _key(field: Field, value: str) -> Any:
    try:
        if field.name == "id" and not RECORD_ID.fullmatch(value):
            return None
        return read_key(field, value)
    except Unfit:
        return None


def _found(schema: Schema, name: str) -> Collection:
    """An admin may know of every collection, so a typo is answered with what was meant."""
    try:
        return schema.collection(name)
    except NotFound as missing:
        near = did_you_mean(name, [each for each in schema.collections if not each.startswith("_")])
        raise NotFound(missing.detail, hint=near) from None


def _check_version(stores: Stores, judged: Judged) -> None:
    if stores.schema.version != judged.schema_version:
        raise Conflict("collections were changed while the file was read", code="schema_changed", hint="start the import again")


def _checked_schema(stores: Stores, actor: Actor) -> Schema:
    """The schema once the database has said that it is the present one."""
    stores.records.check_guard(guard_of(actor))
    return stores.schema
