"""Judging the rows of a file as creates (or, by a key, changes) of an admin would be: reads only, so nobody waits for it.

Most files are judged column by column (`domain/records/columnwise.py`); rows that this makes no record of, and files that are not made for
it, are looked at one by one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, cast

from app.usecases.import_waiting import Judged, Verdict
from app.usecases.rulebook import Rulebook
from domain.errors import Fault, Invalid
from domain.records.columnwise import Columnwise
from domain.records.draft import Moment, changes, draft, stamps
from domain.records.imports import (
    IMPORTER,
    BadRow,
    Options,
    Row,
    outward_relations,
    targets,
)
from domain.records.keys import comparable, key_field, read_key
from domain.records.reading import Reading
from domain.rules.evaluate import holds
from domain.rules.shape import ANYTHING, shape
from domain.rules.values import Values
from domain.schema.collection import Collection
from domain.schema.fields import Field, RelationField, Tools, Unfit
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.unit_of_work import Stores, UnitOfWork

CHUNK = 500
_REMEMBERED = 100_000


class Judge:
    def __init__(self, work: UnitOfWork, rulebook: Rulebook, tools: Tools, clock: Clock, ids: Ids) -> None:
        self._work, self._rulebook, self._tools, self._clock, self._ids = work, rulebook, tools, clock, ids

    def judge(self, judged: Judged, rows: Iterable[Row | BadRow], known: "Known | None" = None) -> None:
        """Judges each row, and looks up what its relations point at."""
        known = known or Known()
        now = self._clock.now()
        columnwise = self._columnwise(judged)
        source = iter(rows)
        while chunk := list(islice(source, CHUNK)):
            new_ids = [] if columnwise is None else self._ids.some(len(chunk))
            made = [] if columnwise is None else self._made(judged, columnwise, chunk, new_ids, known, write_instant(now))
            bodies = self._bodies_of_others(judged, chunk, new_ids, {line for line, _ in made})
            bad = [each for each in bodies if isinstance(each, BadRow)]
            read = [each for each in bodies if not isinstance(each, BadRow)]
            verdicts = self._work.read(lambda stores: self._verdicts(stores, judged, read, known, now)) if read else []  # noqa: B023 - run at once
            judged.put(verdicts, made)
            bad += [BadRow(each.line, each.faults) for each in verdicts if each.faults]
            for each in sorted(bad, key=lambda row: row.line):
                judged.bad.add(each)

    def _bodies_of_others(
        self, judged: Judged, chunk: Sequence[Row | BadRow], new_ids: Sequence[str], done: set[int]
    ) -> list[tuple[int, dict[str, Any]] | BadRow]:
        """Of the rows that were not made column by column. Those keep the ids that they would have had: ids are in the order of rows."""
        if len(done) == len(chunk):
            return []
        if not new_ids:
            return [self._body(judged, row) for row in chunk]
        others = ((self._body(judged, row), id) for row, id in zip(chunk, new_ids, strict=True) if row.line not in done)
        return [each if isinstance(each, BadRow) else (each[0], {"id": id, **each[1]}) for each, id in others]

    def _columnwise(self, judged: Judged) -> Columnwise | None:
        """None where rows have to be looked at one by one."""
        if judged.collection.checks or not Columnwise.fits(judged.layout):
            return None
        return Columnwise(judged.collection, judged.layout, self._tools)

    def _made(
        self, judged: Judged, columnwise: Columnwise, chunk: Sequence[Row | BadRow], new_ids: Sequence[str], known: "Known", now: str
    ) -> list[tuple[int, tuple[Any, ...]]]:
        """The records of those rows with which nothing is wrong, each with its line. What is wrong with the others is told by looking
        at them one by one."""
        # A row that could not be read has no cells.
        rows = [cast("Sequence[str]", each.content) if isinstance(each, Row) else () for each in chunk]
        values = columnwise.made(rows, new_ids, now)
        made = [(row.line, each) for row, each in zip(chunk, values, strict=True) if each is not None]
        return self._work.read(lambda stores: self._pointing_somewhere(stores, judged, columnwise.names, made, known))

    def _pointing_somewhere(
        self, stores: Stores, judged: Judged, names: Sequence[str], made: list[tuple[int, tuple[Any, ...]]], known: "Known"
    ) -> list[tuple[int, tuple[Any, ...]]]:
        stores.records.check_guard(None)
        for relation in outward_relations(judged.collection):
            at = names.index(relation.name)
            held = {values[at] for _, values in made}
            ids = {id for each in held for id in each} if relation.many else held - {None}
            missing = known.missing(stores, relation.collection, ids)
            if missing:
                made = [each for each in made if missing.isdisjoint(targets(relation, dict(zip(names, each[1], strict=True))))]
        return made

    def _body(self, judged: Judged, row: Row | BadRow) -> tuple[int, dict[str, Any]] | BadRow:
        if isinstance(row, BadRow):
            return row
        try:
            return row.line, judged.layout.body(row)
        except Invalid as invalid:
            return BadRow(row.line, _faults(invalid))

    def _verdicts(
        self, stores: Stores, judged: Judged, bodies: Sequence[tuple[int, dict[str, Any]]], known: "Known", now: Any
    ) -> list[Verdict]:
        stores.records.check_guard(None)
        collection, options, stamp = judged.collection, judged.layout.options, write_instant(now)
        absent = self._match(stores, collection, options, bodies, known)
        drafted = [self._drafted(judged, line, body, stamp, absent.get(line, ())) for line, body in bodies]
        records = [each.values or each.named or {} for each in drafted if not each.faults]
        missing = {each.name: known.missing(stores, each.collection, _pointed_at(each, records))
                   for each in outward_relations(collection) if each.name not in options.match}  # fmt: skip
        verdicts = [each if each.faults else _verdict(collection, options, each, missing) for each in drafted]
        if not collection.checks or options.key:  # of a change, what it becomes is judged when it is made
            return verdicts
        values = Values(now, {})
        return [
            each if each.faults else replace(each, faults=self.broken_checks(stores, collection, each.values, values))
            for each in verdicts
        ]

    def _match(
        self, stores: Stores, collection: Collection, options: Options, bodies: Sequence[tuple[int, dict[str, Any]]], known: "Known"
    ) -> dict[int, tuple[Fault, ...]]:
        """Puts ids where the bodies name records by other keys; by line, what is not there."""
        absent: dict[int, tuple[Fault, ...]] = {}
        for relation in (each for each in collection.relations if each.name in options.match):
            target = stores.schema.collection(relation.collection)
            by = key_field(target, options.match[relation.name])
            keys = {line: _keys_of(by, body.get(relation.name), relation) for line, body in bodies}
            found = known.ids(stores, target, by, {key for each in keys.values() for key in each if key is not None})
            for line, body in bodies:
                if body.get(relation.name) is None:
                    continue
                ids = [found.get(key) for key in keys[line]]
                if None in ids and relation.name not in options.clear_missing:
                    told = f"`{target.name}` has no record with this `{by.name}`"
                    absent[line] = (*absent.get(line, ()), Fault(f"/{relation.name}", "no_such_record", told))
                kept = [id for id in ids if id is not None]
                body[relation.name] = kept if relation.many else next(iter(kept), None)
        return absent

    def _drafted(self, judged: Judged, line: int, body: dict[str, Any], now: str, absent: tuple[Fault, ...]) -> Verdict:
        collection, key = judged.collection, judged.layout.options.key
        faults: tuple[Fault, ...] = ()
        values: Mapping[str, Any] = {}
        try:
            moment = Moment(now, "" if "id" in body else self._ids.new())
            values = draft(collection, body, author=IMPORTER, moment=moment, tools=self._tools).values
        except Invalid as invalid:
            faults = _faults(invalid)
        if absent or key is None:
            return Verdict(line, values, absent + faults)
        return self._keyed(collection, key, Verdict(line, values, not_new=faults), body, now)

    def _keyed(self, collection: Collection, key: str, made: Verdict, body: dict[str, Any], now: str) -> Verdict:
        """A row that may change a record: what it names must be right either way."""
        named_body = {name: value for name, value in body.items() if name != "id"}
        try:
            changed = changes(collection, named_body, author=IMPORTER, now=now, tools=self._tools).values
        except Invalid as invalid:
            return replace(made, faults=_faults(invalid))
        named = {name: value for name, value in changed.items() if name in named_body}
        value = body.get("id") if key == "id" else named.get(key)
        if value is None or value == "":
            return replace(made, faults=(Fault(f"/{key}", "required", f"`{key}` is the key, so every row needs it"),))
        if made.not_new and any(fault.pointer == "/id" for fault in made.not_new):
            return replace(made, faults=made.not_new)
        return replace(made, key=comparable(key_field(collection, key), value), named=named)

    def broken_checks(self, stores: Stores, collection: Collection, record: Mapping[str, Any], values: Values) -> tuple[Fault, ...]:
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

    def stamps(self, collection: Collection) -> dict[str, str]:
        return stamps(collection, write_instant(self._clock.now()))

    def values(self) -> Values:
        return Values(self._clock.now(), {})


class Known:
    """Which ids were found in which collection, so that 300,000 flights ask for 16 airlines once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], bool] = {}
        self._ids: dict[tuple[str, str, Any], str | None] = {}

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

    def ids(self, stores: Stores, target: Collection, by: Field, keys: Iterable[Any]) -> dict[Any, str]:
        wanted = set(keys)
        unknown = [each for each in wanted if (target.name, by.name, each) not in self._ids]
        if unknown:
            if len(self._ids) > _REMEMBERED:
                self._ids.clear()
                unknown = list(wanted)
            there = stores.records.keyed(target, by, unknown)
            self._ids.update({(target.name, by.name, each): there.get(each) for each in unknown})
        found = {each: self._ids[target.name, by.name, each] for each in wanted}
        return {each: id for each, id in found.items() if id is not None}


def _pointed_at(relation: RelationField, records: Iterable[Mapping[str, Any]]) -> list[str]:
    return [id for record in records if relation.name in record for id in targets(relation, record)]


def _keys_of(by: Field, value: Any, relation: RelationField) -> list[Any]:
    """None stands for what cannot be a key at all."""
    values = value if isinstance(value, list) else [] if value is None else [value]
    return [_key_of(by, each) for each in values]


def _key_of(by: Field, value: Any) -> Any:
    try:
        return read_key(by, value)
    except Unfit:
        return None


def _verdict(collection: Collection, options: Options, made: Verdict, missing: Mapping[str, frozenset[str]]) -> Verdict:
    """Relations into nothing are cleared where that is wished for; each of the others is a fault."""
    record = made.values or made.named or {}
    gone = {each.name: [id for id in targets(each, record) if id in missing.get(each.name, ())]
            for each in outward_relations(collection) if each.name in record}  # fmt: skip
    gone = {name: ids for name, ids in gone.items() if ids}
    if not gone:
        return made
    cleared = tuple(name for name in gone if name in options.clear_missing)
    faults = tuple(_missing_target(name, id) for name, ids in gone.items() if name not in cleared for id in ids)
    kept = {name: _without(record[name], gone[name]) for name in cleared}
    named = None if made.named is None else {**made.named, **{name: value for name, value in kept.items() if name in made.named}}
    return replace(made, values={**made.values, **kept} if made.values else {}, faults=faults, cleared=cleared, named=named)


def _without(held: Any, gone: Sequence[str]) -> Any:
    return tuple(each for each in held if each not in gone) if isinstance(held, tuple) else None


def _missing_target(name: str, id: str) -> Fault:
    return Fault(f"/{name}", "no_such_record", f"there is no record `{id}` to point at")


def _faults(invalid: Invalid) -> tuple[Fault, ...]:
    return invalid.faults or (Fault("", invalid.code, invalid.detail),)
