"""Take over what a PocketBase holds: shown first, then collections, records, accounts and rules in one transaction, all or nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from app.usecases.rulebook import Rulebook
from app.usecases.schema_changes import SchemaChanges
from domain.accounts.roles import ROLE
from domain.actor import ADMINS, OWNER, SYSTEM
from domain.errors import Conflict, Fault, Invalid
from domain.events import Origin
from domain.pocketbase.names import ACCOUNT_COLUMNS
from domain.pocketbase.plan import Column, Moved, Plan, Planning
from domain.pocketbase.records import Judged, judged
from domain.pocketbase.source import INSTALLER, SUPERUSERS
from domain.pocketbase.values import reader
from domain.records.changes import Changes, Draft
from domain.records.events import imported
from domain.records.imports import targets
from domain.rules.shape import ANYTHING
from domain.schema.collection import Collection
from domain.schema.fields import RelationField, Tools
from domain.schema.fields.text import email_key
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.pocketbase import PocketBaseData
from ports.unit_of_work import Stores, UnitOfWork

_CHUNK, _SHOWN = 500, 20
Progress = Callable[[int], None]


@dataclass(slots=True)
class Judgement:
    """What reading every record found. Those in `bad` (the first few, as (collection, id, faults)) fit no field here."""

    rows: dict[str, int] = field(default_factory=dict)
    bad: list[tuple[str, str, tuple[Fault, ...]]] = field(default_factory=list)
    refused: int = 0
    cleaned: dict[tuple[str, str], int] = field(default_factory=dict)
    locked_out: int = 0

    def add(self, moved: Moved, found: Judged) -> None:
        name = moved.collection.name
        if found.faults:
            self.refused += 1
            if len(self.bad) < _SHOWN:
                self.bad.append((name, found.id, found.faults))
            return
        self.rows[name] = self.rows.get(name, 0) + 1
        self.locked_out += found.locked_out
        for each in found.cleaned:
            self.cleaned[name, each] = self.cleaned.get((name, each), 0) + 1


@dataclass(slots=True)
class Taken:
    """What is here now. `cleared` counts relations that led to no record, by (collection, field)."""

    records: dict[str, int] = field(default_factory=dict)
    cleared: dict[tuple[str, str], int] = field(default_factory=dict)


class PocketBaseUseCases:
    """For whoever runs this backend: no rule binds it."""

    def __init__(
        self, work: UnitOfWork, rulebook: Rulebook, tools: Tools, clock: Clock, ids: Ids, data: PocketBaseData
    ) -> None:
        self._work, self._rulebook, self._tools, self._clock, self._ids = work, rulebook, tools, clock, ids
        self._changes, self._data = SchemaChanges(rulebook, tools), data

    def plan(self, *, admins: bool = False) -> Plan:
        """What would become of it; nothing is written. Conflict where a collection of such a name is here already. With `admins` its
        superusers become admins."""
        schema = self._work.read(lambda stores: stores.current())
        collections = self._data.collections()
        planning = Planning(schema, self._tools, self._rulebook.check_collection, self._ids.new, self._now())
        plan = planning.plan(collections)
        superusers = [each for each in collections if each.name == SUPERUSERS]
        if not admins or not superusers:
            return plan
        columns = tuple(Column(old, new, reader({"type": "bool" if old != "email" else "email"})) for old, new in ACCOUNT_COLUMNS.items())
        return replace(plan, moved=(*plan.moved, Moved(superusers[0], schema.collection(ADMINS), columns, given={ROLE: OWNER})))

    def count(self, plan: Plan) -> int:
        """How many records there are to read."""
        return sum(self._data.count(each.source) for each in plan.moved)

    def judge(self, plan: Plan, *, progress: Progress = lambda rows: None) -> Judgement:
        """Reads every record and keeps none."""
        found, now = Judgement(), self._now()
        for moved in plan.moved:
            found.rows.setdefault(moved.collection.name, 0)
            for row in _rows(self._data, moved):
                found.add(moved, judged(moved, row, now, self._tools))
                progress(1)
        return found

    def take(self, plan: Plan, *, skip_bad: bool = False, progress: Progress = lambda rows: None) -> Taken:
        """All of it in one transaction, which others wait for. Invalid where a record does not fit and `skip_bad` does not leave it out."""
        return self._work.change_schema(lambda stores: self._take(stores, plan, skip_bad, progress), unhurried=True)

    def _take(self, stores: Stores, plan: Plan, skip_bad: bool, progress: Progress) -> Taken:
        taken, now = Taken(), self._now()
        stores.outbox.attribute(Origin(), each_record=False)
        made = [each for each in plan.moved if not each.collection.system]
        for moved in made:
            early = tuple(each for each in moved.collection.fields if each not in moved.late)
            self._create(stores, replace(moved.collection, fields=early), now)
        for moved in made:
            if moved.late:
                self._change(stores, moved, {"fields": [each.definition() for each in moved.collection.fields]}, now)
        for moved in plan.moved:
            self._insert(stores, moved, taken, now, skip_bad, progress)
        for moved in made:
            if moved.late:
                self._link_late(stores, moved, taken, now)
        for moved in made:
            self._change(stores, moved, {"rules": dict(moved.rules), "indexes": [dict(each) for each in moved.indexes]}, now)
        for name, count in taken.records.items():
            stores.outbox.add(imported(stores.schema.collection(name), now, created=count, changed=0))
        return taken

    def _create(self, stores: Stores, collection: Collection, now: str) -> None:
        intended = self._changes.creation(stores.schema, collection)
        self._changes.carry_out(stores, intended, SYSTEM, now=now, action="create")

    def _change(self, stores: Stores, moved: Moved, body: Mapping[str, Any], now: str) -> None:
        old = stores.schema.collection(moved.collection.name)
        self._changes.carry_out(stores, self._changes.change(stores.schema, old, body, now=now), SYSTEM, now=now, action="change")

    def _insert(self, stores: Stores, moved: Moved, taken: Taken, now: str, skip_bad: bool, progress: Progress) -> None:
        name = moved.collection.name
        collection, late = stores.schema.collection(name), {each.name for each in moved.late}
        early = [each for each in moved.collection.relations if each.name not in late]
        taken.records[name] = 0
        for chunk in _chunks(self._good(_rows(self._data, moved), moved, now, skip_bad)):
            drafts = self._standing(stores, moved, early, [each.draft for each in chunk], taken)
            emptied = [Draft({**each.values, **_nothing(moved.late)}, each.secrets) for each in drafts]
            kept = _new_admins(stores, collection, emptied) if collection.system else emptied
            try:
                stores.records.insert_many(collection, kept)
            except (Conflict, Invalid) as refused:
                hint = f"it is among the records of `{moved.source.name}`; nothing was written"
                raise Conflict(refused.detail, code=refused.code, hint=hint, faults=refused.faults) from refused
            taken.records[name] += len(kept)
            progress(len(chunk))

    def _good(self, rows: Iterator[Mapping[str, Any]], moved: Moved, now: str, skip_bad: bool) -> Iterator[Judged]:
        for row in rows:
            found = judged(moved, row, now, self._tools)
            if not found.faults:
                yield found
            elif not skip_bad:
                detail = f"record `{found.id[:64]}` of `{moved.collection.name}`: {found.faults[0].detail}"
                raise Invalid(detail, code="invalid_record", faults=found.faults)

    def _standing(
        self, stores: Stores, moved: Moved, relations: Sequence[RelationField], drafts: Sequence[Draft], taken: Taken
    ) -> list[Draft]:
        """Without relations into nothing, which a database keeps that was changed past its PocketBase."""
        result = list(drafts)
        for relation in relations:
            wanted = list({id for each in result for id in targets(relation, each.values)})
            there = stores.records.standing(stores.schema.collection(relation.collection), wanted)
            for at, each in enumerate(result):
                held = targets(relation, each.values)
                left = tuple(id for id in held if id in there)
                if left != held:
                    key = moved.collection.name, relation.name
                    taken.cleared[key] = taken.cleared.get(key, 0) + 1
                    result[at] = Draft({**each.values, relation.name: left if relation.many else None}, each.secrets)
        return result

    def _link_late(self, stores: Stores, moved: Moved, taken: Taken, now: str) -> None:
        """Relations to records that came later. The record's stamps stay; its version counts the change."""
        collection, wanted = stores.schema.collection(moved.collection.name), [each.name for each in moved.late]
        for chunk in _chunks(self._good(_rows(self._data, moved), moved, now, skip_bad=True)):
            for each in self._standing(stores, moved, moved.late, [one.draft for one in chunk], taken):
                values = {name: each.values[name] for name in wanted if each.values[name]}
                if values:
                    stores.records.update(collection, each.values["id"], Changes(values), ANYTHING)

    def _now(self) -> str:
        return write_instant(self._clock.now())


def _rows(data: PocketBaseData, moved: Moved) -> Iterator[Mapping[str, Any]]:
    kept = {str(each.get("name")) for each in moved.source.fields}
    also = ["id", *(name for name in ("created", "updated") if name in kept), *(["password"] if moved.collection.is_accounts else [])]
    rows = data.rows(moved.source, [*also, *(each.source for each in moved.columns if each.source not in also)])
    return (row for row in rows if row.get("email") != INSTALLER) if moved.collection.system else rows


def _chunks(items: Iterator[Judged]) -> Iterator[list[Judged]]:
    while chunk := list(islice(items, _CHUNK)):
        yield chunk


def _nothing(relations: Sequence[RelationField]) -> dict[str, Any]:
    return {each.name: () if each.many else None for each in relations}


def _new_admins(stores: Stores, admins: Collection, drafts: Sequence[Draft]) -> list[Draft]:
    """An admin who is here already stays as they are."""
    return [each for each in drafts if stores.accounts.credentials(admins, email_key(each.values["email"])) is None]
