"""Where a rule or filter stands, and what its author may say there.

For a client's text a field that is hidden, a relation whose target may not be listed and a name that does not exist are
refused with the same words, and hints come from names that its author may see.
"""

from collections.abc import Collection as Container
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from domain.errors import Problem, did_you_mean
from domain.rules.syntax import MAX_NESTING, Name, Source
from domain.rules.tree import TRUE, Condition, Path, Request
from domain.schema.collection import Collection, Schema
from domain.schema.fields import Field, RelationField
from domain.schema.kinds import Kind

VIA = "_via_"
_MODIFIERS = ("isset", "changed", "length", "each", "lower")


class Sight(Protocol):
    """What the author of a filter may see."""

    def may_name(self, collection: Collection, field: Field) -> bool:
        """Whether the field may be used in filter and sort."""
        ...

    def guard(self, collection: Collection) -> Condition | None:
        """The condition (the list rule) under which a record reached through a relation counts; None where the author
        may not list the collection at all."""
        ...

    def field_guard(self, collection: Collection, field: Field) -> Condition:
        """The condition on the record (the field's view rule) under which a field that `may_name` allows holds something for
        the author; TRUE where it always does."""
        ...


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a text stands: names mean the fields of `collection`; `pointer` is where the asker wrote it. With `client` it is
    a filter or sort from outside, bound by `sight`; without, it is the owner's rule and may name everything."""

    schema: Schema
    collection: Collection
    pointer: str = ""
    client: bool = False
    sight: Sight | None = None
    # Names of fields from before that are still understood: (collection, old name) -> present name.
    before: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.client and self.sight is None:
            raise ValueError("a client's text needs to know what its author may see")

    def collection_of(self, name: str) -> Collection | None:
        """The rule's own collection may be newer than the schema's: it is being saved."""
        return self.collection if name == self.collection.name else self.schema.collections.get(name)

    def field(self, collection: Collection, name: str) -> Field | None:
        field = collection.every_field.get(self.before.get((collection.name, name), name))
        return field if field is not None and self.may_name(collection, field) else None

    def back(self, part: str, targets: Container[str]) -> tuple[Collection, RelationField] | None:
        """`comments_via_post`: the collection `comments` and its relation `post`, where that points at one of these."""
        for at in _separators(part):
            other = self.collection_of(part[:at])
            field = self.field(other, part[at + len(VIA) :]) if other is not None else None
            if other is not None and isinstance(field, RelationField) and field.collection in targets:
                return other, field
        return None

    def guard(self, target: Collection) -> Condition | None:
        """The condition under which a record there counts; None where the author may not go there. A sight may also refuse by raising;
        the reason would tell that the relation is there."""
        if not self.client or self.sight is None:
            return TRUE
        try:
            return self.sight.guard(target)
        except Problem:
            return None

    def back_names(self, collection: Collection) -> list[str]:
        """The ways back to this collection that the author may go."""
        found = self.schema.showing(collection.name)
        seen = ((other, relation) for other, relation in found if self.may_name(other, relation) and self.guard(other) is not None)
        return [f"{other.name}{VIA}{relation.name}" for other, relation in seen]

    def is_many(self, collection: str, field: str) -> bool:
        """Whether the relation holds many, and so has a table of its own."""
        found = self.collection_of(collection)
        return found is not None and found.every_field[field].many

    def may_name(self, collection: Collection, field: Field) -> bool:
        return not self.client or (self.sight is not None and self.sight.may_name(collection, field))

    def field_guard(self, collection: Collection, field: Field) -> Condition | None:
        guard = self.sight.field_guard(collection, field) if self.client and self.sight is not None else TRUE
        return None if guard == TRUE else guard

    def names(self, collection: Collection) -> list[str]:
        return [name for name, field in collection.every_field.items() if self.may_name(collection, field)]


def _separators(part: str) -> Iterator[int]:
    """Where `_via_` stands; twice, where a name ends in `_via`."""
    at = part.find(VIA)
    while at >= 0:
        yield at
        at = part.find(VIA, at + 1)


@dataclass(frozen=True, slots=True)
class Found:
    """A resolved name; `declared` is the kind that a `@request` value has where the schema tells it."""

    operand: Path | Request
    declared: Kind | None = None


def unknown_field(name: Name, source: Source, part: str, known: list[str]) -> NoReturn:
    """The one refusal for what is not there and for what must not be known; `known` are names that the asker may see."""
    hint = did_you_mean(part, known) if part else None
    raise source.refusal("unknown_field", name.at, f"no field `{name.written}`", hint)


def json_keys(keys: tuple[str, ...], name: Name, source: Source) -> tuple[str | int, ...]:
    if len(keys) > MAX_NESTING:
        raise source.beyond("nesting", name.at, f"a path goes at most {MAX_NESTING} deep into JSON")
    for key in keys:
        if key.isdigit() and len(key) > 9:
            raise source.beyond("number", name.at, "a position in a JSON array has at most 9 digits")
    return tuple(int(key) if key.isdigit() else key for key in keys)


def refuse_unknown_modifier(modifier: str, name: Name, source: Source) -> None:
    if modifier not in _MODIFIERS:
        hint = did_you_mean(modifier, list(_MODIFIERS)) or f"known are {', '.join(':' + each for each in _MODIFIERS)}"
        raise source.refusal("unknown_name", name.at, f"no modifier `:{modifier[:40]}`", hint)


def need(fits: bool, name: Name, source: Source, what: str) -> None:
    if not fits:
        raise source.refusal("type_mismatch", name.at, f"`:{name.modifier}` is for {what}, and `{name.written}` is none")
