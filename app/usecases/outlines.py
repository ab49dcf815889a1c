"""What the asking actor may know of the collections, for documents that describe them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from app.usecases.request_values import request_values
from app.usecases.rulebook import Rulebook, Ruling
from domain.actor import Actor
from domain.errors import Invalid
from domain.records.draft import Author, Moment, draft
from domain.records.outline import Named, Outline, Outlook, example_of, is_known, outlines
from domain.records.reading import guard_of
from domain.rules.evaluate import holds_bound
from domain.rules.shape import shape, shape_each
from domain.rules.tree import FALSE
from domain.rules.values import RequestFacts, Values
from domain.schema.collection import PASSWORD, Schema
from domain.schema.examples import example
from domain.schema.fields import Field, Tools
from domain.schema.fields.times import write_instant
from ports.clock import Clock
from ports.unit_of_work import Stores, UnitOfWork

ADMINS_OUTLOOK = Outlook(passes_rules=True)


@dataclass(frozen=True, slots=True)
class Known:
    """What there is to tell: documents made for one `key` are the same."""

    schema: Schema
    outlook: Outlook
    example: Callable[[Outline], Mapping[str, Any] | None] = lambda outline: None  # a body that a create would take, if one can be told
    value: Callable[[Field], Any] = lambda field: None  # what a field would take, likewise

    @property
    def key(self) -> tuple[int, Outlook]:
        return self.schema.version, self.outlook

    def outlines(self) -> tuple[Outline, ...]:
        """Costs time with the number of collections, so ask once for each key."""
        return outlines(self.schema, self.outlook)


class OutlineUseCases:
    def __init__(self, work: UnitOfWork, rulebook: Rulebook, tools: Tools, clock: Clock) -> None:
        self._work, self._rulebook, self._tools, self._clock = work, rulebook, tools, clock
        self._kept: tuple[int, _Rulings] | None = None

    def known_to(self, actor: Actor, facts: RequestFacts) -> Known:
        """One statement that tells whether the actor still stands, and one more where rules of fields read its record."""
        return self._work.read(lambda stores: self._known(stores, actor, facts))

    def _known(self, stores: Stores, actor: Actor, facts: RequestFacts) -> Known:
        stores.records.check_guard(guard_of(actor))
        schema = stores.schema
        outlook = ADMINS_OUTLOOK if actor.passes_rules else self._outlook(stores, schema, actor, facts)
        if actor.key:
            outlook = replace(outlook, scopes=actor.scopes)
        if schema.aliased:
            outlook = replace(outlook, before=schema.aliases(write_instant(self._clock.now())))
        return Known(schema, outlook, partial(self._example, schema), partial(example, tools=self._tools))

    def _example(self, schema: Schema, outline: Outline) -> Mapping[str, Any] | None:
        body = example_of(outline, self._tools)
        return body if body is not None and self._is_sound(schema, outline, body) else None

    def _is_sound(self, schema: Schema, outline: Outline, body: Mapping[str, Any]) -> bool:
        """Whether the collection's checks would let it be, as far as the record tells by itself; else nothing is said."""
        collection, now = outline.collection, self._clock.now()
        values = {name: value for name, value in body.items() if name != PASSWORD}
        author, moment = Author(None, sees_hidden=outline.passes_rules), Moment(write_instant(now), "an-id")
        try:
            record = draft(collection, values, author=author, moment=moment, tools=self._tools).values
        except Invalid:
            return False
        rulings = [self._rulebook.condition(schema, collection, each.rule) for each in collection.checks]
        return all(
            each.local and not each.paths and holds_bound(shape(each.condition, Values(now, {}, True)), record) for each in rulings
        )

    def _outlook(self, stores: Stores, schema: Schema, actor: Actor, facts: RequestFacts) -> Outlook:
        """The rules of all fields at once: what they read of the actor is read once."""
        rulings = self._rulings(schema)
        paths = frozenset[tuple[str, ...]]().union(*(each.paths for of in rulings for each in of.values()))
        if not any(rulings):
            return Outlook(passes_rules=False)
        values = request_values(stores, paths, actor, facts, None, self._clock.now())
        unseen, unwritable, unchangeable = (_never(each, values) for each in rulings)
        return Outlook(False, unseen, unwritable, unchangeable)

    def _rulings(self, schema: Schema) -> "_Rulings":
        """Those that may close a field to an actor altogether, of viewing, of creates and of changes."""
        kept = self._kept
        if kept is None or kept[0] != schema.version:
            known = [each for each in schema.collections.values() if is_known(each, passes_rules=False)]
            views = {(each.name, name): ruling for each in known for name, ruling in self._rulebook.views(schema, each).items()}
            creates, changes = (
                {
                    (each.name, name): ruling
                    for each in known
                    for name, ruling in self._rulebook.writes(schema, each, creating=creating).items()
                    if _asks_the_actor_alone(ruling)
                }
                for creating in (True, False)
            )
            kept = self._kept = schema.version, (views, creates, changes)
        return kept[1]


_Rulings = tuple[Mapping[Named, Ruling], Mapping[Named, Ruling], Mapping[Named, Ruling]]


def _asks_the_actor_alone(ruling: Ruling) -> bool:
    """What a body, a query or a header will hold is not known when a document is asked for."""
    return all(path[0] == "auth" for path in ruling.paths)


def _never(rulings: Mapping[Named, Ruling], values: Values) -> frozenset[Named]:
    """The fields whose rule holds for no record, as things are."""
    conditions, _ = shape_each([each.condition for each in rulings.values()], values)
    return frozenset(name for name, condition in zip(rulings, conditions, strict=True) if condition == FALSE)
