"""The schema as a whole, as it is kept in files: written out, compared with the database, and applied, all of it or nothing.

What a set of definitions means is told by `schema_sets`; one collection at a time is changed by `collections`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.usecases.collections import schema_for
from app.usecases.rulebook import Rulebook
from app.usecases.schema_changes import Intended, SchemaChanges
from app.usecases.schema_plans import plan
from app.usecases.schema_sets import (
    Asked,
    Renaming,
    SchemaSets,
    Target,
    change_between,
    in_order,
    read_asked,
    renaming,
)
from domain.accounts.roles import EDIT, LOOK, require
from domain.actor import Actor
from domain.errors import Conflict
from domain.schema.changes import steps
from domain.schema.collection import Schema
from domain.schema.fields import Tools
from domain.schema.fields.times import write_instant
from domain.schema.files import digest, file_text, text_of_kept
from domain.schema.plan import Plan
from domain.schema.sets import Applied, Drift, Exported, PlannedChange, SetPlan, changed_lines
from domain.schema.wanted import check_drop, rename_body, would_be_lost
from ports.clock import Clock, Ids
from ports.unit_of_work import Stores, UnitOfWork

_PAGE = 500


@dataclass(frozen=True, slots=True)
class _Way:
    """From the schema as it is: first the renames, then what leads to the target."""

    schema: Schema
    asked: Asked
    renaming: Renaming
    target: Target

    @property
    def is_empty(self) -> bool:
        return not (self.renaming.steps or self.target.changed or self.target.gone)


class SchemaUseCases:
    def __init__(self, work: UnitOfWork, rulebook: Rulebook, tools: Tools, clock: Clock, ids: Ids) -> None:
        self._work, self._tools, self._clock, self._ids = work, tools, clock, ids
        self._changes, self._sets = SchemaChanges(rulebook, tools), SchemaSets(rulebook, tools)

    def export(self, *, actor: Actor) -> Exported:
        """The file of each collection. Writing them and applying them changes nothing."""
        require(actor, LOOK, "collections are")

        def body(stores: Stores) -> Exported:
            owned = {name: each for name, each in schema_for(stores, actor).collections.items() if not each.system}
            return Exported({name: file_text(each) for name, each in sorted(owned.items())}, _former(stores, owned))

        return self._work.read(body, snapshot=True)

    def plan(self, definitions: Mapping[str, Any], *, actor: Actor, prune: bool = False, drop: frozenset[str] = frozenset()) -> SetPlan:
        """What `apply` would do; refused where that would be refused for what the definitions say. Records that stand against it, and
        losses that nobody named, are told. Nothing is done."""
        require(actor, LOOK, "collections are")
        asked = read_asked(definitions, prune=prune, drop=drop)

        def body(stores: Stores) -> SetPlan:
            way = self._way(schema_for(stores, actor), asked)
            return SetPlan(way.schema.version, self._planned(stores, way), self._unsaid(stores, way), _drifts(stores, way))

        return self._work.read(body, snapshot=True)

    def apply(
        self, definitions: Mapping[str, Any], *, actor: Actor, prune: bool = False, drop: frozenset[str] = frozenset(),
        if_version: int | None = None,
    ) -> SetPlan:
        """Makes every collection what its definition says, in one transaction; answers what was done, without counts. Collections
        without a definition stay unless `prune`. Conflict (`would_lose_data`) where something would be lost that `drop` does not
        name, and (`plan_outdated`) where the schema is at another version than `if_version`."""  # fmt: skip
        require(actor, EDIT, "collections are")
        asked = read_asked(definitions, prune=prune, drop=drop)
        # Most starts find nothing to do, and then nobody has to wait for the lock of a schema change.
        if self._work.read(lambda stores: self._is_done(stores, asked, actor)):
            return SetPlan(if_version or 0)

        def body(stores: Stores) -> SetPlan:
            schema = schema_for(stores, actor)
            if if_version not in (None, schema.version):
                raise _outdated()
            return self._carry_out(stores, self._way(schema, asked), actor)

        return self._work.change_schema(body)

    def drift(self, *, actor: Actor) -> tuple[Drift, ...]:
        """Collections that differ from what was applied last."""
        require(actor, LOOK, "collections are")
        return self._work.read(lambda stores: _drifts_of(stores, schema_for(stores, actor)))

    # --- finding out

    def _way(self, schema: Schema, asked: Asked) -> _Way:
        moved = renaming(schema, asked)
        return self._way_after(schema, moved, asked)

    def _way_after(self, schema: Schema, moved: Renaming, asked: Asked) -> _Way:
        target = self._sets.target(moved.schema, asked, now=self._now(), new_id=self._ids.new)
        way = _Way(schema, asked, moved, target)
        if not way.is_empty:
            check_drop(asked.drop, target.losable())
        return way

    def _is_done(self, stores: Stores, asked: Asked, actor: Actor) -> bool:
        way = self._way(schema_for(stores, actor), asked)
        return way.is_empty and not any(_noting(stores, way, ""))

    def _planned(self, stores: Stores, way: _Way) -> tuple[PlannedChange, ...]:
        before, after = way.target.before.collections, way.target.after.collections
        moved = {step.name for step in way.renaming.steps} & set(before)
        changed = sorted({*way.target.changed, *(name for name in moved if way.renaming.origin(name))})
        planned = []
        for name in changed:
            old, new = before.get(name), after.get(name)
            if new is not None:
                action = "create" if old is None else "change"
                lines = changed_lines(way.schema.collections[way.renaming.origin(name).collection], new) if old else ()
                planned.append(PlannedChange(name, action, self._plan_of(stores, way, name), lines))
        return (*planned, *(PlannedChange(name, "delete", self._plan_of(stores, way, name)) for name in way.target.gone))

    def _plan_of(self, stores: Stores, way: _Way, name: str) -> Plan:
        intended = _seen_from_now(way, name)
        former = lambda name: way.renaming.origin(name).collection
        return plan(stores, self._changes, intended, self._tools, former)

    def _unsaid(self, stores: Stores, way: _Way) -> dict[str, int]:
        lost: dict[str, int] = {}
        for name in way.target.changed:
            lost |= {f"{name}.{field}": held for field, held in self._changes.losses(stores, _seen_from_now(way, name)).items()}
        for name in way.target.gone:
            old = _seen_from_now(way, name).old
            if old and not old.is_view and (held := stores.collections.count(old)):
                lost[name] = held
        return {name: held for name, held in lost.items() if name not in way.asked.drop}

    # --- doing it

    def _carry_out(self, stores: Stores, way: _Way, actor: Actor) -> SetPlan:
        now = self._now()
        if unsaid := self._unsaid(stores, way):
            raise would_be_lost(unsaid)
        for renames in way.renaming.steps:
            old = stores.schema.collection(renames.collection)
            intended = self._changes.change(stores.schema, old, rename_body(old, renames), now=now)
            self._changes.carry_out(stores, intended, actor, now=now, action="apply")
        # Under the versions that the renames led to; what differs and in which way is the same.
        target = self._sets.target(stores.schema, way.asked, now=now, new_id=self._ids.new)
        for change in in_order(target):
            self._changes.carry_out(stores, change, actor, now=now, action="apply")
        stores.collections.keep_applied(*_noting(stores, way, now))
        return SetPlan(stores.schema.version, tuple(_done(way, target)))

    def _now(self) -> str:
        return write_instant(self._clock.now())


def _done(way: _Way, target: Target) -> Iterator[PlannedChange]:
    renamed = {step.name for step in way.renaming.steps}
    for name in sorted({*target.changed, *(renamed & set(target.before.collections))}):
        yield PlannedChange(name, "change" if name in target.before.collections else "create", Plan(()))
    for name in target.gone:
        yield PlannedChange(name, "delete", Plan(()))


def _seen_from_now(way: _Way, name: str) -> Intended:
    """The change of this collection as one step from what it is now, under its present names."""
    base, new = way.target.before.collections.get(name), way.target.after.collections.get(name)
    origin = way.renaming.origin(name)
    intended = change_between(base, new, way.target.after)
    if base is None:
        return intended
    renames = origin if new else None
    said = {each.partition(".")[2] for each in way.asked.drop if each.startswith(f"{name}.")}
    return replace(
        intended, old=way.schema.collections[origin.collection], steps=steps(base, new, renames), renames=renames, drop=frozenset(said)
    )


def _outdated() -> Conflict:
    return Conflict("collections were changed since you looked", code="plan_outdated", hint="look at the plan again")


# --- what was applied, and what was there once


def _noting(stores: Stores, way: _Way, now: str) -> tuple[list[Applied], list[str]]:
    """What is to be noted of this set being applied, besides what is noted already; and whose notes go with them."""
    noted, here = {each.collection: each.digest for each in stores.collections.applied()}, stores.schema.collections
    wanted = [here[each.name] for each in way.asked.wanted if each.name in here]
    new = [Applied(each.id, each.name, digest(each), now) for each in wanted if noted.get(each.id) != digest(each)]
    return new, sorted(noted.keys() - {each.id for each in here.values()})


def _drifts(stores: Stores, way: _Way) -> tuple[Drift, ...]:
    """Of those that the set would take back: what somebody wrote into the files already is no surprise."""
    names = {*way.target.changed, *way.target.gone, *(step.collection for step in way.renaming.steps)}
    return tuple(each for each in _drifts_of(stores, way.schema) if each.name in names)


def _drifts_of(stores: Stores, schema: Schema) -> tuple[Drift, ...]:
    by_id = {each.id: each for each in schema.collections.values()}
    found = []
    for noted in stores.collections.applied():
        here = by_id.get(noted.collection)
        if here is None:
            found.append(Drift(noted.name, "deleted", noted.at))
        elif here.name != noted.name:
            found.append(Drift(noted.name, f"renamed to `{here.name}`", noted.at))
        elif digest(here) != noted.digest:
            found.append(Drift(noted.name, "changed", noted.at))
    return tuple(sorted(found, key=lambda each: each.name))


def _former(stores: Stores, present: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    former: dict[str, set[str]] = {}
    before = None
    while page := stores.collections.changes(_PAGE, before):
        for change in page:
            for kept in (change.before, change.after):
                if kept is not None and kept["name"] not in present:
                    former.setdefault(kept["name"], set()).add(text_of_kept(kept))
        before = page[-1].version
    return {name: frozenset(texts) for name, texts in former.items()}
