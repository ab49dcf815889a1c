"""Fill a collection from a file: every row is judged before the first one is written, then all are kept, or none.

Judging holds no lock. What passed waits in a temporary file, so that memory stays constant and writers of a running server wait
for the inserts alone.
"""

import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import IO, Any

from app.usecases.rulebook import Rulebook
from domain.actor import Actor
from domain.errors import Conflict, Fault, Forbidden, Invalid, Problem
from domain.records.changes import Draft
from domain.records.draft import Moment, draft
from domain.records.imports import (
    IMPORTER,
    BadRow,
    Layout,
    Options,
    Row,
    check_importable,
    layout_of_columns,
    layout_of_objects,
    outward_relations,
    targets,
)
from domain.records.reading import Reading, guard_of
from domain.rules.evaluate import holds
from domain.rules.shape import ANYTHING, shape
from domain.rules.values import Values
from domain.schema.collection import Collection, Schema
from domain.schema.fields import Tools
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.unit_of_work import Stores, UnitOfWork

_CHUNK = 500
_SHOWN = 20
_REMEMBERED = 100_000

Progress = Callable[[int], None]
Judgement = tuple[int, Mapping[str, Any]]  # where the row begins, and its values


@dataclass(slots=True)
class BadRows:
    """The first few, and how many there are."""

    first: list[BadRow] = field(default_factory=list)
    count: int = 0

    def add(self, row: BadRow) -> None:
        self.count += 1
        if len(self.first) < _SHOWN:
            self.first.append(row)

    def add_all(self, other: "BadRows") -> None:
        self.count += other.count
        self.first += other.first[: _SHOWN - len(self.first)]

    def beyond(self, told: "BadRows") -> "BadRows":
        """What came after `told`, which is how these were before."""
        return BadRows(self.first[len(told.first) :], self.count - told.count)


class Refused(Exception):
    """Rows stood against what is in the database; nothing was kept."""

    def __init__(self, bad: BadRows) -> None:
        super().__init__(f"{bad.count} rows cannot be kept")
        self.bad = bad


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one row that could be read."""

    line: int
    values: Mapping[str, Any]
    faults: tuple[Fault, ...] = ()
    cleared: tuple[str, ...] = ()


@dataclass(slots=True)
class Judged:
    """The rows of a file that may be kept, waiting in `_spool`. Close it when done."""

    collection: Collection
    schema_version: int
    layout: Layout
    rows: int = 0
    cleared: dict[str, int] = field(default_factory=dict)
    bad: BadRows = field(default_factory=BadRows)
    _spool: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    _names: tuple[str, ...] = ()

    def put(self, verdicts: Sequence[Verdict]) -> None:
        """Keeps the good ones for later."""
        good = [each for each in verdicts if not each.faults]
        if not good:
            return
        self._names = tuple(good[0].values)
        pickle.dump([(each.line, tuple(each.values.values())) for each in good], self._spool, pickle.HIGHEST_PROTOCOL)
        self.rows += len(good)
        for name in (name for each in good for name in each.cleared):
            self.cleared[name] = self.cleared.get(name, 0) + 1

    def chunks(self) -> Iterator[list[tuple[int, Draft]]]:
        """From the start, as often as asked."""
        self._spool.seek(0)
        taken = 0
        while taken < self.rows:
            rows = pickle.load(self._spool)  # noqa: S301 - our own anonymous file, written a moment ago
            taken += len(rows)
            yield [(line, Draft(dict(zip(self._names, values, strict=True)))) for line, values in rows]

    def close(self) -> None:
        self._spool.close()

    def __enter__(self) -> "Judged":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class ImportUseCases:
    def __init__(self, work: UnitOfWork, rulebook: Rulebook, tools: Tools, clock: Clock, ids: Ids) -> None:
        self._work, self._rulebook, self._tools, self._clock, self._ids = work, rulebook, tools, clock, ids

    def begin(self, name: str, header: Sequence[str] | None, options: Options, *, actor: Actor) -> Judged:
        """Admins only. Invalid where columns and fields do not fit; `header` is None where rows are objects."""
        if not actor.passes_rules:
            raise Forbidden("only admins import")
        schema = self._work.read(lambda stores: _checked_schema(stores, actor))
        collection = schema.collection(name)
        check_importable(collection)
        layout = layout_of_objects(collection, options) if header is None else layout_of_columns(collection, header, options)
        return Judged(collection, schema.version, layout)

    def judge(self, judged: Judged, rows: Iterable[Row | BadRow]) -> None:
        """Judges each row as a create by an admin would, and looks up what its relations point at. Reads only."""
        now, known = self._clock.now(), _Known()
        stamp, values = write_instant(now), Values(now, {})
        source = iter(rows)
        while chunk := list(islice(source, _CHUNK)):
            results = [self._drafted(judged, row, stamp) for row in chunk]
            bad = [each for each in results if isinstance(each, BadRow)]
            drafts = [each for each in results if not isinstance(each, BadRow)]
            verdicts = self._work.read(lambda stores: self._judged_by_store(stores, judged, drafts, known, values))  # noqa: B023 - run at once
            judged.put(verdicts)
            bad += [BadRow(each.line, each.faults) for each in verdicts if each.faults]
            for each in sorted(bad, key=lambda row: row.line):
                judged.bad.add(each)

    def _drafted(self, judged: Judged, row: Row | BadRow, now: str) -> Judgement | BadRow:
        if isinstance(row, BadRow):
            return row
        try:
            body = judged.layout.body(row)
            moment = Moment(now, "" if "id" in body else self._ids.new())
            made = draft(judged.collection, body, author=IMPORTER, moment=moment, tools=self._tools)
        except Invalid as invalid:
            return BadRow(row.line, invalid.faults or (Fault("", invalid.code, invalid.detail),))
        return row.line, made.values

    def _judged_by_store(
        self, stores: Stores, judged: Judged, drafts: Sequence[Judgement], known: "_Known", values: Values
    ) -> list[Verdict]:
        stores.records.check_guard(None)
        missing = {each.name: known.missing(stores, each.collection, [id for _, record in drafts for id in targets(each, record)])
                   for each in outward_relations(judged.collection)}  # fmt: skip
        verdicts = [_verdict(judged.collection, judged.layout.options, line, record, missing) for line, record in drafts]
        if not judged.collection.checks:
            return verdicts
        return [self._checked(stores, judged.collection, each, values) for each in verdicts]

    def _checked(self, stores: Stores, collection: Collection, verdict: Verdict, values: Values) -> Verdict:
        return verdict if verdict.faults else replace(verdict, faults=self._broken_checks(stores, collection, verdict.values, values))

    def _broken_checks(self, stores: Stores, collection: Collection, record: Mapping[str, Any], values: Values) -> tuple[Fault, ...]:
        """Checks that speak of `@request` do not bind admins."""
        faults = []
        for check in collection.checks:
            ruling = self._rulebook.condition(stores.schema, collection, check.rule)
            if ruling.paths:
                continue
            if ruling.local:
                passes = holds(ruling.condition, record, values)
            else:
                passes = stores.records.draft_matches(collection, record, shape(ruling.condition, values))
            if not passes:
                faults.append(Fault("", check.name, check.message))
        return tuple(faults)

    def keep(self, judged: Judged, *, skip_bad: bool = False, progress: Progress = lambda rows: None) -> int:
        """Writes the rows in one transaction and returns how many. Rows that the database refuses (an id or a unique value
        twice, a relation into nothing) raise Refused with all of them and nothing is kept; with `skip_bad` the others are."""
        if judged.bad.count and not skip_bad:
            raise Refused(judged.bad)
        return self._work.run(lambda stores: self._keep(stores, judged, skip_bad, progress), alone=True, unhurried=True)

    def _keep(self, stores: Stores, judged: Judged, skip_bad: bool, progress: Progress) -> int:
        if stores.schema.version != judged.schema_version:
            raise Conflict("collections were changed while the file was read", code="schema_changed", hint="start the import again")
        refused, kept = BadRows(), 0
        for chunk in judged.chunks():
            bad = self._insert(judged.collection, chunk)
            refused.add_all(bad)
            kept += len(chunk) - bad.count
            progress(len(chunk))
        if refused.count and not skip_bad:
            raise Refused(refused)
        judged.bad.add_all(refused)
        return kept

    def _insert(self, collection: Collection, chunk: Sequence[tuple[int, Draft]]) -> BadRows:
        """All at once; where that is refused, one by one, to learn which. Each attempt is undone by itself (nested work)."""
        bad = BadRows()
        if self._refusal(lambda stores: stores.records.insert_many(collection, [each for _, each in chunk])) is None:
            return bad
        for line, made in chunk:
            refusal = self._refusal(lambda stores: stores.records.insert(collection, made))  # noqa: B023 - run at once
            if refusal is not None:
                bad.add(BadRow(line, refusal.faults or (Fault("", refusal.code, refusal.detail),)))
        return bad

    def _refusal(self, write: Callable[[Stores], None]) -> Problem | None:
        try:
            self._work.run(write)
        except (Conflict, Invalid) as refusal:
            return refusal
        return None


class _Known:
    """Which ids were found in which collection, so that 300,000 flights ask for 16 airlines once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], bool] = {}

    def missing(self, stores: Stores, collection: str, ids: Iterable[str]) -> frozenset[str]:
        wanted = set(ids)
        unknown = [each for each in wanted if (collection, each) not in self._found]
        if unknown:
            if len(self._found) > _REMEMBERED:
                self._found.clear()
                unknown = list(wanted)
            reading = Reading(stores.schema.collection(collection), ("id",), ANYTHING)
            there = stores.records.among(reading, unknown)
            self._found.update({(collection, each): each in there for each in unknown})
        return frozenset(each for each in wanted if not self._found[collection, each])


def _verdict(
    collection: Collection, options: Options, line: int, record: Mapping[str, Any], missing: Mapping[str, frozenset[str]]
) -> Verdict:
    """Relations into nothing are cleared where that is wished for; each of the others is a fault."""
    gone = {each.name: [id for id in targets(each, record) if id in missing[each.name]] for each in outward_relations(collection)}
    gone = {name: ids for name, ids in gone.items() if ids}
    if not gone:
        return Verdict(line, record)
    cleared = tuple(name for name in gone if name in options.clear_missing)
    faults = tuple(_missing_target(name, id) for name, ids in gone.items() if name not in cleared for id in ids)
    kept = {name: _without(record[name], gone[name]) for name in cleared}
    return Verdict(line, {**record, **kept}, faults, cleared)


def _without(held: Any, gone: Sequence[str]) -> Any:
    return tuple(each for each in held if each not in gone) if isinstance(held, tuple) else None


def _missing_target(name: str, id: str) -> Fault:
    return Fault(f"/{name}", "no_such_record", f"there is no record `{id}` to point at")


def _checked_schema(stores: Stores, actor: Actor) -> Schema:
    """The schema once the database has said that it is the present one."""
    stores.records.check_guard(guard_of(actor))
    return stores.schema
