"""What one request sees and writes of fields that have rules of their own: asked once for each collection that it comes by."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.usecases.request_values import request_values
from app.usecases.requests import ValuesOf
from app.usecases.rulebook import NOTHING_SAYABLE, FieldRulings, Rulebook, Ruling, Sayable
from domain.actor import Actor
from domain.records.reading import Masks
from domain.records.visibility import Sight
from domain.rules.evaluate import holds_bound
from domain.rules.shape import Bound, shape_each
from domain.rules.tree import FALSE, TRUE, Condition
from domain.rules.values import RequestFacts
from domain.schema.collection import Collection, Schema
from domain.schema.fields.times import write_instant
from ports.unit_of_work import Stores


@dataclass(frozen=True, slots=True)
class Pen:
    """What an author may name in a body: `closed` are fields that it may write in no record, `unknown` those of them that it may
    not even know, `asked` the rulings on fields whose record decides."""

    closed: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()
    asked: FieldRulings = field(default_factory=dict)

    def asked_of(self, body: Iterable[str]) -> dict[str, tuple[str, Ruling]]:
        """By field, the key by which the body names it, and what must hold of the record for that."""
        if not self.asked:
            return {}
        named = ((key, key[:-1] if key[-1:] in ("+", "-") else key) for key in body)
        return {name: (key, self.asked[name]) for key, name in named if name in self.asked}


class Sights:
    """For one request under one schema."""

    def __init__(self, rulebook: Rulebook, schema: Schema, actor: Actor, values: ValuesOf, now: datetime) -> None:
        self._rulebook, self._schema, self._actor, self._values, self._now = rulebook, schema, actor, values, now
        self._seen: dict[str, Sight] = {}

    def of(self, collection: Collection) -> Sight:
        """The fields that the actor may know of, and the masks over those that it sees in some records only."""
        found = self._seen.get(collection.name)
        if found is None:
            found = self._seen[collection.name] = self._look(collection)
        return found

    def sayable(self, collection: Collection, *texts: str) -> Sayable:
        """The fields with view rules that filters and sorts of this collection may name. Who asks for one that it may not name is
        answered after the same work as who asks for one that is not there."""
        text = ".".join(texts) if any(texts) else ""
        if not text:
            return NOTHING_SAYABLE
        return self._before() | self._ruled(collection, text)

    def present_name(self, collection: Collection, name: str) -> str:
        """What the field is called now, where the name is an old one that is still understood."""
        return collection.called_before(write_instant(self._now)).get(name, name) if collection.aliases else name

    def _before(self) -> Sayable:
        return self._schema.aliases(write_instant(self._now)) if self._schema.aliased else NOTHING_SAYABLE

    def _ruled(self, collection: Collection, text: str) -> Sayable:
        if self._actor.passes_rules:
            return NOTHING_SAYABLE
        reached = self._rulebook.reached(self._schema, collection, text)
        return frozenset((each.name, name) for each in reached for name in self.of(each).names if each.every_field[name].rules.view)

    def pen(self, collection: Collection, values: ValuesOf, *, creating: bool) -> Pen:
        """`values` hold the body too: write rules may ask what is asked for."""
        if self._actor.passes_rules:
            return Pen()
        rulings = self._rulebook.writes(self._schema, collection, creating=creating)
        conditions = _shaped(rulings, values)[0] if rulings else {}
        closed = frozenset(name for name, condition in conditions.items() if condition == FALSE)
        asked = {name: rulings[name] for name, condition in conditions.items() if condition not in (TRUE, FALSE)}
        return Pen(closed, self._unknown(collection, closed), asked)

    def _unknown(self, collection: Collection, closed: frozenset[str]) -> frozenset[str]:
        seen = self.of(collection).names
        unseen = (each for each in collection.own_fields if each.name not in seen)
        return frozenset(each.name for each in unseen if each.hidden or each.read_only or each.name in closed)

    def _look(self, collection: Collection) -> Sight:
        if self._actor.passes_rules:
            return Sight(collection.field_names)
        rulings = self._rulebook.views(self._schema, collection)
        if not rulings:
            return Sight(collection.shown_names)
        return self._rulebook.sight(self._schema, collection, self._actor, lambda: self._asked(collection, rulings))

    def _asked(self, collection: Collection, rulings: FieldRulings) -> Sight:
        conditions, values = _shaped(rulings, self._values)
        names = tuple(name for name in collection.shown_names if conditions.get(name) != FALSE)
        masks = tuple((name, each) for name, each in conditions.items() if each not in (TRUE, FALSE))
        return Sight(names, Masks(masks, values), all(rulings[name].local for name, _ in masks))


def _shaped(rulings: FieldRulings, values: ValuesOf) -> tuple[dict[str, Condition], tuple[Any, ...]]:
    paths = frozenset[tuple[str, ...]]().union(*(each.paths for each in rulings.values()))
    conditions, slots = shape_each([each.condition for each in rulings.values()], values(paths))
    return dict(zip(rulings, conditions, strict=True)), slots


def sights_for(rulebook: Rulebook, stores: Stores, actor: Actor, facts: RequestFacts, now: datetime) -> Sights:
    return Sights(rulebook, stores.schema, actor, lambda paths: request_values(stores, paths, actor, facts, None, now), now)


def masked_in(masks: Masks, record: Mapping[str, Any]) -> frozenset[str]:
    """The names of fields whose values this record does not show, where it tells that by itself."""
    return frozenset(name for name, each in masks.conditions if not holds_bound(Bound(each, masks.values), record))
