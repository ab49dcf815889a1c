"""What an actor may know of the collections: which there are, what of each may be tried, and which of its fields are read and written.

It goes by rules that bind everybody alike, or that ask for the actor alone; what single records hide is told by no document.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from domain.records.draft import Author, writable
from domain.records.visibility import ACTIONS, is_nameable, view_rule, write_rule
from domain.schema.collection import PASSWORD, Collection, Schema, rule_names
from domain.schema.examples import example
from domain.schema.fields import Field, RelationField, Tools
from domain.schema.kinds import Kind

Named = tuple[str, str]  # a field, with its collection
NONE: frozenset[Named] = frozenset()
_PASSPHRASE = "correct horse battery staple"


@dataclass(frozen=True, slots=True)
class Related:
    """What `expand` answers under `name`: a record of `collection`, or a list of them."""

    name: str
    collection: str
    many: bool


@dataclass(frozen=True)
class Outline:
    """`actions` are those that some rule lets the actor try; `shown`, in answer order, those of the fields that an answer may hold, of
    them `masked` those that not every record shows; `creatable` and `changeable` those that a body may name."""

    collection: Collection
    actions: tuple[str, ...]
    shown: tuple[Field, ...]
    masked: frozenset[str]
    creatable: tuple[Field, ...]
    changeable: tuple[Field, ...]
    related: tuple[Related, ...]
    passes_rules: bool = False
    # Names from before that are still understood, with the fields that they mean.
    before: tuple[Named, ...] = ()

    @cached_property
    def searchable(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.shown if "words" in each.forms)

    @cached_property
    def sortable(self) -> tuple[str, ...]:
        single = (each for each in self.shown if not each.many and each.kind is not Kind.JSON)
        return tuple(each.name for each in single if self.passes_rules or is_nameable(self.collection, each))


@dataclass(frozen=True, slots=True)
class Outlook:
    """All that makes what one actor may know differ from what another may: two with the same outlook on a schema are told the same.
    The fields in `unseen` it sees in no record; those in `unwritable` no create of it may name, those in `unchangeable` no change."""

    passes_rules: bool
    unseen: frozenset[Named] = NONE
    unwritable: frozenset[Named] = NONE
    unchangeable: frozenset[Named] = NONE
    # Names of fields from before that are still understood: collection, old name, present name.
    before: frozenset[tuple[str, str, str]] = frozenset()
    # What the key is for by which an account asks, if it asks by one: (id of a collection, action).
    scopes: frozenset[tuple[str, str]] | None = None

    def lets(self, collection: Collection, action: str) -> bool:
        """Whether this may be done in the collection at all."""
        return self.passes_rules or (_is_open(collection, action) and (self.scopes is None or (collection.id, action) in self.scopes))


def outlines(schema: Schema, outlook: Outlook) -> tuple[Outline, ...]:
    """Of every collection that the actor may know of, by name."""
    known = {name: each for name, each in sorted(schema.collections.items()) if any(outlook.lets(each, action) for action in ACTIONS)}
    return tuple(_outline(schema, each, known, outlook) for each in known.values())


def example_of(outline: Outline, tools: Tools) -> dict[str, Any] | None:
    """A body that a create would take, as far as fields decide; None where one of them needs what nobody can tell in advance."""
    collection, values = outline.collection, dict[str, Any]()
    for field in outline.creatable:
        is_asked = field.required and field.default is None
        if not is_asked and write_rule(collection, field, creating=True) != "":
            continue
        value = example(field, tools)
        if value is None and is_asked:
            return None
        values |= {} if value is None else {field.name: value}
    return {**values, **({PASSWORD: _PASSPHRASE} if collection.is_accounts else {})}


def is_known(collection: Collection, *, passes_rules: bool) -> bool:
    """Others than admins know of what is open to somebody."""
    return passes_rules or any(_is_open(collection, action) for action in ACTIONS)


def _is_open(collection: Collection, action: str) -> bool:
    return action in rule_names(collection.type) and getattr(collection.rules, action) is not None


def _outline(schema: Schema, collection: Collection, known: Mapping[str, Collection], outlook: Outlook) -> Outline:
    actions = tuple(each for each in ACTIONS if each in rule_names(collection.type) and outlook.lets(collection, each))
    shown = tuple(_shown(collection, outlook))
    return Outline(
        collection, actions, shown,
        frozenset() if outlook.passes_rules else frozenset(each.name for each in shown if view_rule(collection, each) != ""),
        _written(collection, outlook.unwritable, outlook),
        _written(collection, outlook.unchangeable, outlook),
        tuple(_related(schema, collection, shown, known, outlook)), outlook.passes_rules,
        tuple(sorted((old, name) for holder, old, name in outlook.before if holder == collection.name)),
    )  # fmt: skip


def _shown(collection: Collection, outlook: Outlook) -> Iterator[Field]:
    for name, each in collection.every_field.items():
        if outlook.passes_rules or not (each.hidden or (collection.name, name) in outlook.unseen):
            yield each


def _written(collection: Collection, closed: frozenset[Named], outlook: Outlook) -> tuple[Field, ...]:
    if collection.is_view:
        return ()
    author = Author(None, outlook.passes_rules, closed=frozenset(field for name, field in closed if name == collection.name))
    return tuple(writable(collection, author).values())


def _related(
    schema: Schema, collection: Collection, shown: Iterable[Field], known: Mapping[str, Collection], outlook: Outlook
) -> Iterator[Related]:
    """What leads to records that the actor may see some of; others are expanded to nothing."""
    for each in shown:
        target = known.get(each.collection) if isinstance(each, RelationField) else None
        if target is not None and _reads(target, ("view",), outlook):
            yield Related(each.name, target.name, each.many)
    for other, relation in schema.showing(collection.name):
        seen = outlook.passes_rules or not (relation.hidden or (other.name, relation.name) in outlook.unseen)
        if other.name in known and seen and _reads(other, ("list", "view"), outlook):
            yield Related(f"{other.name}_via_{relation.name}", other.name, many=True)


def _reads(collection: Collection, actions: tuple[str, ...], outlook: Outlook) -> bool:
    return all(outlook.lets(collection, each) for each in actions)
