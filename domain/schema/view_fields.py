"""What the columns of a view are beside the collections that they read: their types follow from the source's fields, and so does
what of them is hidden.
"""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any, Protocol, TypeVar

from domain.errors import Invalid, did_you_mean, invalid
from domain.schema.account_fields import OWN_FIELDS
from domain.schema.fields import Field, RelationField
from domain.schema.kinds import Kind
from domain.schema.measures import Written, result_field, why_not
from domain.schema.views import Column, ViewQuery

MAX_RELATION_STEPS = 48


class Described(Protocol):
    """As much of a collection as is asked for here."""

    @property
    def name(self) -> str: ...
    @property
    def system(self) -> bool: ...
    @property
    def is_accounts(self) -> bool: ...
    @property
    def query(self) -> ViewQuery | None: ...
    @property
    def every_field(self) -> Mapping[str, Field]: ...


C = TypeVar("C", bound=Described)
Collections = Mapping[str, C]


@dataclass(frozen=True, slots=True)
class Reached:
    """Where a path ends: the field, the name of the collection that has it, and how many relations lead there. `is_veiled` where
    something on the way is not for everyone to see."""

    field: Field
    holder: str
    steps: int
    is_veiled: bool


def settled(collections: Collections[C]) -> dict[str, C]:
    """The same with the fields of every view as they follow from the others now. A column that leads nowhere has none: whoever
    changes a collection asks `check_query` whether there are such."""
    return {name: _settled(each, collections) if each.query else each for name, each in collections.items()}


def _settled(view: C, collections: Collections[C]) -> C:
    assert view.query is not None
    found = []
    for at, column in enumerate(view.query.columns):
        try:
            found.append(_field(column, view.query.source, collections, f"/query/columns/{at}"))
        except Invalid:
            continue
    return replace(view, fields=tuple(found))  # type: ignore[type-var]


def check_query(query: ViewQuery, collections: Collections[Any]) -> None:
    """Invalid where the query does not mean anything beside these collections."""
    _source(query.source, collections)
    steps = 0
    for at, column in enumerate(query.columns):
        pointer = f"/query/columns/{at}"
        field = _field(column, query.source, collections, pointer)
        if column.name in query.group_by:
            _check_group(column, field, pointer)
        steps += (column.measure.name if column.measure else column.path).count(".")
    if steps > MAX_RELATION_STEPS:
        raise invalid("/query/columns", "limit_exceeded", f"beyond the limit `relation_steps`: at most {MAX_RELATION_STEPS} in one view")


def _check_group(column: Column, field: Field, pointer: str) -> None:
    if field.kind is Kind.JSON:
        raise invalid(pointer, "not_allowed", f"`{column.path}` is json, and json values make no groups")
    if field.hidden and column.hidden is None:
        detail = f"`{column.path}` is hidden, and groups by it would tell of it"
        raise invalid(pointer, "not_allowed", detail, hint="give the column a `hidden` of its own: false shows it, true keeps it hidden")


def _field(column: Column, source: str, collections: Collections[Any], pointer: str) -> Field:
    if column.measure:
        return _measured(column, column.measure, source, collections, f"{pointer}/measure")
    reached = reach(column.path, source, collections, f"{pointer}/path")
    hidden = reached.is_veiled if column.hidden is None else column.hidden
    if reached.field.name == "id":
        return RelationField(name=column.name, collection=reached.holder, hidden=hidden)
    return _shown(reached.field, column.name, hidden=hidden)


def _measured(column: Column, measure: Written, source: str, collections: Collections[Any], pointer: str) -> Field:
    if not measure.name:
        return replace(result_field(column.name, measure.function, None), hidden=bool(column.hidden))
    reached = reach(measure.name, source, collections, pointer)
    reason = why_not(measure.function, reached.field.kind, email=reached.field.type == "email")
    if reason:
        raise invalid(pointer, "type_mismatch", f"{reason}, and `{measure.name}` is none")
    hidden = reached.is_veiled if column.hidden is None else column.hidden
    return _shown(result_field(column.name, measure.function, reached.field), column.name, hidden=hidden)


def _shown(field: Field, name: str, *, hidden: bool) -> Field:
    """The field as a view has it: its type, and nothing of what is asked of those who write."""
    needed = [option.name for option in fields(field) if option.default is MISSING and option.name != "name"]
    return type(field)(name=name, hidden=hidden, **{option: getattr(field, option) for option in needed})


def reach(path: str, source: str, collections: Collections[Any], pointer: str) -> Reached:
    """Where the path leads, or the refusal."""
    holder, veiled, steps = _source(source, collections), False, 0
    *relations, last = path.split(".")
    for name in relations:
        relation = _named(holder, name, path, pointer)
        target = collections.get(relation.collection) if isinstance(relation, RelationField) else None
        if target is None or target.system or relation.many:
            raise invalid(pointer, "not_allowed", f"`{name}` in `{path}` is no relation to single records")
        holder, veiled, steps = target, veiled or _is_veiled(holder, relation), steps + 1
    field = _named(holder, last, path, pointer)
    if field.many:
        raise invalid(pointer, "not_supported", f"`{path}` has many values, and a column of a view has one")
    return Reached(field, holder.name, steps, veiled or _is_veiled(holder, field))


def _source(name: str, collections: Collections[Any]) -> Any:
    source = collections.get(name)
    if source is None or source.system:
        known = [each.name for each in collections.values() if not each.system and not each.query]
        raise invalid("/query/source", "unknown_collection", f"there is no collection `{name[:80]}`", hint=did_you_mean(name, known))
    if source.query:
        raise invalid("/query/source", "not_allowed", f"`{name}` is a view, and a view reads no other", hint="read what that one reads")
    return source


def _named(holder: Any, name: str, path: str, pointer: str) -> Field:
    field: Field | None = holder.every_field.get(name)
    if field is None:
        raise invalid(pointer, "unknown_field", f"no field `{name}` in `{holder.name}`", hint=did_you_mean(name, list(holder.every_field)))
    return field


def _is_veiled(holder: Any, field: Field) -> bool:
    """An account's address and language are its own; a field with a view rule is not everyone's, and its rule speaks of another record."""
    return field.hidden or field.rules.view != "" or (holder.is_accounts and field.name in OWN_FIELDS)


# --- following what others are called


def with_renamed_field(query: ViewQuery, collections: Collections[Any], holder: str, old: str, new: str) -> ViewQuery:
    """The query after the field `old` of the collection `holder` is called `new`; `collections` are those before. The filter is a
    rule's text, and rewritten as one, in the scope of the source."""
    return replace(query, columns=tuple(_column_with(column, query.source, collections, (holder, old, new)) for column in query.columns))


def _column_with(column: Column, source: str, collections: Collections[Any], change: tuple[str, str, str]) -> Column:
    if column.measure is None:
        return replace(column, path=_path_with(column.path, source, collections, change))
    return replace(column, measure=replace(column.measure, name=_path_with(column.measure.name, source, collections, change)))


def _path_with(path: str, source: str, collections: Collections[Any], change: tuple[str, str, str]) -> str:
    holder, old, new = change
    return ".".join(new if (name, at) == (old, holder) else name for name, at in _holders(path, source, collections))


def _holders(path: str, source: str, collections: Collections[Any]) -> Iterator[tuple[str, str]]:
    """Each name of the path with the collection that it is looked up in."""
    at = source
    for name in path.split(".") if path else ():
        yield name, at
        relation = collections[at].every_field.get(name) if at in collections else None
        at = relation.collection if isinstance(relation, RelationField) else ""


def with_renamed_source(query: ViewQuery, old: str, new: str) -> ViewQuery:
    """The query after the collection `old` is called `new`."""
    return replace(query, source=new) if query.source == old else query
