"""Writing what was judged, chunk by chunk inside one transaction: new records at once, changes where something differs."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.usecases.import_judging import Judge
from app.usecases.import_waiting import Chunk, Judged, Made, Verdict
from domain.errors import Conflict, Fault, Invalid, Problem
from domain.records.changes import Changes, Draft, IfMatch
from domain.records.columnwise import record_names
from domain.records.events import created
from domain.records.imports import BadRow
from domain.records.keys import key_field
from domain.rules.shape import ANYTHING
from domain.schema.collection import Collection
from domain.schema.kinds import Kind
from ports.unit_of_work import Stores, UnitOfWork


@dataclass(slots=True)
class Kept:
    """What was done: so many records made, changed, found as the file has them, and rows refused."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0

    def add(self, other: "Kept") -> None:
        self.created += other.created
        self.changed += other.changed
        self.unchanged += other.unchanged
        self.rejected += other.rejected


class Writer:
    def __init__(self, work: UnitOfWork, judge: Judge) -> None:
        self._work, self._judge = work, judge

    def write(self, stores: Stores, judged: Judged, chunk: Chunk) -> tuple[Kept, list[BadRow]]:
        """Rows that the database refuses are told, and undone by themselves."""
        kept, bad = Kept(), list[BadRow]()
        if isinstance(chunk, Made):
            bad = self._insert(judged.collection, chunk, events=judged.layout.options.events)
            kept.created += len(chunk) - len(bad)
        else:
            for part in _without_repetition(chunk):
                bad += self._keyed(stores, judged, part, kept)
        return kept, bad

    def _insert(self, collection: Collection, made: Made, *, events: bool) -> list[BadRow]:
        """All at once; where that is refused, one by one, to learn which."""
        if self._refusal(lambda stores: _inserted(stores, collection, made, events=events)) is None:
            return []
        bad = []
        for line, row in zip(made.lines, made.rows, strict=True):
            draft = Draft(dict(zip(made.names, row, strict=True)))
            refusal = self._refusal(lambda stores: stores.records.insert(collection, draft))  # noqa: B023 - run at once
            if refusal is not None:
                bad.append(_bad(line, refusal))
        return bad

    def _keyed(self, stores: Stores, judged: Judged, part: Sequence[Verdict], kept: Kept) -> list[BadRow]:
        collection = judged.collection
        by = key_field(collection, judged.layout.options.key or "id")
        ids = stores.records.keyed(collection, by, [each.key for each in part])
        records = {each["id"]: each for each in stores.records.load_many(collection, list(ids.values()))}
        there = [each for each in part if each.key in ids]
        new = [each for each in part if each.key not in ids]
        bad = [BadRow(each.line, each.not_new) for each in new if each.not_new]
        new = [each for each in new if not each.not_new]
        bad += self._judged_new(stores, collection, new)
        refused = {each.line for each in bad}
        new = [each for each in new if each.line not in refused]
        more = self._insert(collection, _made(collection, new), events=judged.layout.options.events)
        kept.created += len(new) - len(more)
        for each in there:
            refusal = self._change(stores, collection, records[ids[each.key]], each, kept)
            if refusal:
                more.append(refusal)
        return sorted(bad + more, key=lambda row: row.line)

    def _judged_new(self, stores: Stores, collection: Collection, new: Sequence[Verdict]) -> list[BadRow]:
        values = self._judge.values()
        broken = ((each, self._judge.broken_checks(stores, collection, each.values, values)) for each in new) if collection.checks else ()
        return [BadRow(each.line, faults) for each, faults in broken if faults]

    def _change(self, stores: Stores, collection: Collection, record: Mapping[str, Any], row: Verdict, kept: Kept) -> BadRow | None:
        differing = {name: value for name, value in (row.named or {}).items() if not _same(collection, name, record[name], value)}
        if not differing:
            kept.unchanged += 1
            return None
        faults = self._judge.broken_checks(stores, collection, {**record, **differing}, self._judge.values())
        if faults:
            return BadRow(row.line, faults)
        changes = Changes({**differing, **self._judge.stamps(collection)}, if_match=(IfMatch(record["version"], record["created"]),))
        refusal = self._refusal(lambda stores: _changed(stores, collection, record["id"], changes))
        if refusal is not None:
            return _bad(row.line, refusal)
        kept.changed += 1
        return None

    def _refusal(self, write: Callable[[Stores], None]) -> Problem | None:
        """Each attempt is undone by itself (nested work)."""
        try:
            self._work.run(write)
        except (Conflict, Invalid) as refusal:
            return refusal
        return None


def _inserted(stores: Stores, collection: Collection, made: Made, *, events: bool) -> None:
    stores.records.insert_rows(collection, made.names, made.rows)
    for row in made.rows if events else ():
        stores.outbox.add(created(collection, dict(zip(made.names, row, strict=True))))


def _changed(stores: Stores, collection: Collection, id: str, changes: Changes) -> None:
    if stores.records.update(collection, id, changes, ANYTHING) is None:
        raise Conflict("somebody else changed this record at the same moment", code="conflict", hint="import the row again")


def _same(collection: Collection, name: str, held: Any, wanted: Any) -> bool:
    if collection.every_field[name].kind is Kind.JSON:  # Python takes true for 1
        return json.dumps(held, sort_keys=True) == json.dumps(wanted, sort_keys=True)
    return bool(held == wanted)


def _without_repetition(chunk: Sequence[Verdict]) -> Iterator[list[Verdict]]:
    """Parts in which no key stands twice, in their order: a later row finds what an earlier one has made."""
    part: list[Verdict] = []
    keys: set[Any] = set()
    for each in chunk:
        if each.key in keys:
            yield part
            part, keys = [], set()
        part.append(each)
        keys.add(each.key)
    if part:
        yield part


def _made(collection: Collection, verdicts: Sequence[Verdict]) -> Made:
    return Made(record_names(collection), [each.line for each in verdicts], [tuple(each.values.values()) for each in verdicts])


def _bad(line: int, refusal: Problem) -> BadRow:
    return BadRow(line, refusal.faults or (Fault("", refusal.code, refusal.detail),))
