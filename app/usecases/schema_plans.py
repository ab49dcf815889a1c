"""What a change would do to the records that are there, step by step; nothing is done."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from app.usecases.schema_changes import Intended, SchemaChanges
from domain.schema.breaking import breaking
from domain.schema.changes import (
    AddField,
    AddIndex,
    ConvertField,
    DropField,
    DropTable,
    Narrow,
    Require,
    Step,
)
from domain.schema.collection import Collection
from domain.schema.conversions import as_json, way_between
from domain.schema.fields import Field, RelationField, Tools
from domain.schema.misfits import NONE, Misfits
from domain.schema.plan import Plan, PlannedStep
from domain.schema.renames import Renames
from ports.unit_of_work import Stores


def plan(
    stores: Stores, changes: SchemaChanges, intended: Intended, tools: Tools, former: Callable[[str], str] | None = None
) -> Plan:
    """`former` tells what a collection is called now, where others than this one are renamed too."""
    if intended.old is None:
        return Plan(tuple(_Looker(stores, intended, None, tools).told(step) for step in intended.steps))
    looker = _Looker(stores, intended, intended.old, tools, former)
    lost = changes.losses(stores, intended)
    broken = breaking(intended.old, intended.new, intended.renames)
    return Plan(tuple(looker.told(step) for step in intended.steps), lost, frozenset(lost) - intended.drop, broken)


class _Looker:
    """Asks the records of a collection as it is now, under its present names."""

    def __init__(
        self, stores: Stores, intended: Intended, old: Collection | None, tools: Tools, former: Callable[[str], str] | None = None
    ) -> None:
        self._schema, self._store, self._intended, self._old, self._tools = stores.schema, stores.collections, intended, old, tools
        self._back = intended.renames.reversed() if intended.renames else Renames("", "")
        self._former = former or self._back.target
        self._count = self._store.count(old) if old and not old.is_view else 0

    def told(self, step: Step) -> PlannedStep:
        look = _LOOKS.get(type(step))
        return look(self, step, self._store.locks(step)) if look and self._old else PlannedStep(step, self._store.locks(step), 0)

    def _drop(self, step: DropField, locks: str) -> PlannedStep:
        held = self._held(step.field)
        return PlannedStep(step, locks, held, lossless=not held)

    def _drop_table(self, step: DropTable, locks: str) -> PlannedStep:
        return PlannedStep(step, locks, self._count, lossless=not self._count)

    def _add(self, step: AddField, locks: str) -> PlannedStep:
        return PlannedStep(step, locks, 0 if step.fill is None else self._count)

    def _convert(self, step: ConvertField, locks: str) -> PlannedStep:
        assert self._old is not None
        before, after = self._now(step.before), step.after
        if isinstance(after, RelationField):
            after = replace(after, collection=self._former(after.collection))
            if after.collection not in self._schema.collections:  # it comes with the same changes, and is empty
                return PlannedStep(step, locks, held := self._held(step.before), Misfits(held), lossless=False)
        way, back = way_between(step.before, step.after), way_between(step.after, step.before)
        lossless = way is not None and way.returns and back is not None
        return PlannedStep(step, locks, self._held(step.before), self._store.misfits(self._old, before, after), lossless)

    def _narrow(self, step: Narrow, locks: str) -> PlannedStep:
        assert self._old is not None
        before = self._now(step.before)
        return PlannedStep(step, locks, self._held(step.before), self._store.misfits(self._old, before, before, self._judge(step.after)))

    def _judge(self, field: Field) -> Callable[[Any], Any]:
        return lambda value: field.accept(as_json(value), self._tools)

    def _require(self, step: Require, locks: str) -> PlannedStep:
        assert self._old is not None
        name = self._back.field(step.field.name)
        if name in self._old.every_field:
            return PlannedStep(step, locks, self._count, self._store.empties(self._old, name))
        filled = any(isinstance(each, AddField) and each.field == step.field and each.fill is not None for each in self._intended.steps)
        return PlannedStep(step, locks, self._count, NONE if filled else Misfits(self._count))

    def _index(self, step: AddIndex, locks: str) -> PlannedStep:
        """Duplicates are told where the values are there already."""
        assert self._old is not None
        index = replace(step.index, fields=tuple(self._back.field(name) for name in step.index.fields))
        moving = {each.after.name for each in self._intended.steps if isinstance(each, ConvertField)}
        is_known = all(name in self._old.every_field for name in index.fields) and moving.isdisjoint(step.index.fields)
        known = index.unique and is_known and not (index.where and self._back)
        return PlannedStep(step, locks, self._count, self._store.shared(self._old, index) if known else NONE)

    def _held(self, field: Field) -> int:
        assert self._old is not None
        return self._store.count_held(self._old, self._back.field(field.name))

    def _now(self, field: Field) -> Field:
        assert self._old is not None
        return self._old.every_field[self._back.field(field.name)]


_LOOKS: Mapping[type, Callable[..., PlannedStep]] = {
    DropField: _Looker._drop,
    DropTable: _Looker._drop_table,
    AddField: _Looker._add,
    ConvertField: _Looker._convert,
    Narrow: _Looker._narrow,
    Require: _Looker._require,
    AddIndex: _Looker._index,
}

