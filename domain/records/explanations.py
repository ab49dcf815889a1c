"""What admins are told about a list before it runs: how the database would read it, and which index is missing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.actor import Actor
from domain.records.questions import Judged
from domain.records.reading import RANK, SortKey
from domain.rules.tree import And, Compare, Condition, In, Or, Path, Slot
from domain.schema.collection import Collection, Schema
from domain.schema.indexes import MAX_FIELDS
from domain.schema.kinds import Kind

_RANGES = frozenset({">", ">=", "<", "<="})


@dataclass(frozen=True, slots=True)
class UsedIndex:
    collection: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """How the database would run one statement: the text with its parameters apart, `steps` in the database's own words, the indexes
    it would go by, the collections that it would read from end to end, and whether it would sort what it found."""

    sql: str
    parameters: Mapping[str, Any]
    steps: tuple[str, ...]
    indexes: tuple[UsedIndex, ...] = ()
    scans: tuple[str, ...] = ()
    sorts: bool = False


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An index of `collection` over `fields` that would serve `because`."""

    collection: str
    fields: tuple[str, ...]
    because: str

    def as_object(self) -> dict[str, Any]:
        return {"collection": self.collection, "index": {"fields": list(self.fields)}, "because": self.because}


@dataclass(frozen=True, slots=True)
class Explanation:
    """`conditions` are the rule and the filter, part by part; `chooses` tells where they come down to every record (true) or none
    (false) before the database is asked."""

    who: Actor
    conditions: tuple[Judged, ...]
    chooses: bool | None
    plan: Plan
    suggestions: tuple[Suggestion, ...]

    def as_object(self) -> dict[str, Any]:
        return {
            "as": self.who.as_object(),
            "conditions": [{"what": each.what, **(each.part.as_object() if each.part else {})} for each in self.conditions],
            "chooses": {True: "every record", False: "no record", None: "by these conditions"}[self.chooses],
            "statement": {"sql": self.plan.sql, "parameters": dict(self.plan.parameters)},
            "plan": list(self.plan.steps),
            "indexes": [{"collection": each.collection, "fields": list(each.fields)} for each in self.plan.indexes],
            "scans": list(self.plan.scans),
            "sorts": self.plan.sorts,
            "suggestions": [each.as_object() for each in self.suggestions],
        }


def suggestions(
    schema: Schema, collection: Collection, condition: Condition, order: Sequence[SortKey], plan: Plan
) -> tuple[Suggestion, ...]:
    """Indexes for what the plan reads from end to end or sorts, where no index begins with these fields yet."""
    wanted = dict.fromkeys(_wanted(collection, condition, order, plan))
    return tuple(each for each in wanted if not _is_served(schema.collection(each.collection), each.fields))


def _wanted(collection: Collection, condition: Condition, order: Sequence[SortKey], plan: Plan) -> Iterator[Suggestion]:
    scanned = collection.name in plan.scans
    for name, fields in _narrowing(collection, condition):
        if scanned or name in plan.scans:
            yield Suggestion(name, fields, "it narrows the list down without reading every record")
    key = _own(order[0].path) if order else None
    if key and (plan.sorts or scanned) and not collection.is_view:
        yield Suggestion(collection.name, (key,), "the list is read in this order instead of being sorted")


def _narrowing(collection: Collection, condition: Condition) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Collections with the fields of an index that would find the records, one for each alternative."""
    if isinstance(condition, Or):
        branches = [tuple(_narrowing(collection, item)) for item in condition.items]
        # One alternative that has to be looked for everywhere makes the others' indexes useless.
        yield from (each for branch in branches for each in branch) if all(branches) else ()
        return
    items = condition.items if isinstance(condition, And) else (condition,)
    equal = [each for item in items for each in _fields(item, equal=True)]
    ranges = [each for item in items for each in _fields(item, equal=False)]
    own = [name for where, name in equal if where is None] + [name for where, name in ranges[:1] if where is None]
    if own and not collection.is_view:
        yield collection.name, tuple(dict.fromkeys(own))[:MAX_FIELDS]
    yield from ((where, (name,)) for where, name in (*equal, *ranges) if where is not None)


def _fields(condition: Condition, *, equal: bool) -> Iterator[tuple[str | None, str]]:
    """The field that an index would find this comparison's records by; with a collection where a relation leads there."""
    if isinstance(condition, Compare) and isinstance(condition.right, Slot):
        found = condition.left if (condition.op == "=") is equal and condition.op in _RANGES | {"="} else None
    else:
        found = condition.operand if isinstance(condition, In) and equal and not condition.negated else None
    if not isinstance(found, Path) or found.json or found.modifier or found.many or found.root or found.name == "id":
        return
    yield (found.collection if found.steps else None), found.name


def _own(path: Path) -> str | None:
    return None if path.steps or path.json or path.name in ("id", RANK) else path.name


def _is_served(collection: Collection, fields: tuple[str, ...]) -> bool:
    """Whether there is an index over all records that begins with one of these; or none can be, as over lists and json."""
    if collection.is_view or any(each.many or each.kind is Kind.JSON for each in map(collection.every_field.__getitem__, fields)):
        return True
    return any(index.fields[0] in fields for index in collection.every_index if not index.where)
