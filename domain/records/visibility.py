"""What of a record an actor may see: which fields by name, which only in its own record, and how values look in an answer."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from domain.actor import Actor
from domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Problem,
    Unauthenticated,
    did_you_mean,
    invalid,
)
from domain.schema.collection import Collection
from domain.schema.fields import Field

ACTIONS = ("list", "view", "create", "update", "delete")


def may_name(collection: Collection, field: Field, actor: Actor) -> bool:
    """Whether this actor may use the field in filter and sort: what it could not read in every record, it cannot ask by."""
    return actor.passes_rules or not (field.hidden or field.name in private_fields(collection))


def may_know(collection: Collection, field: Field, actor: Actor) -> bool:
    """Whether a refusal may name this field and its collection to the actor."""
    open_to_somebody = any(getattr(collection.rules, each) is not None for each in ACTIONS)
    return actor.passes_rules or (open_to_somebody and not field.hidden)


def told_to(actor: Actor, collection: Collection, problem: Invalid | Conflict) -> Invalid | Conflict:
    """The refusal without a word on fields that are hidden from the actor; a name that it sent itself is unknown here."""
    hidden = () if actor.passes_rules else {f"/{each.name}" for each in collection.own_fields if each.hidden}
    faults = tuple(fault for fault in problem.faults if fault.pointer not in hidden or fault.code == "unknown_field")
    if len(faults) == len(problem.faults):
        return problem
    detail = faults[0].detail if faults else "this cannot be kept as it is, for a reason that only admins are told"
    return type(problem)(detail, code=problem.code, faults=faults)


def private_fields(collection: Collection) -> tuple[str, ...]:
    """Fields that only the record's own account and admins see: the e-mail address of an account."""
    return ("email",) if collection.is_accounts else ()


def visible_fields(collection: Collection, actor: Actor) -> tuple[str, ...]:
    return collection.field_names if actor.passes_rules else collection.shown_names


def selected_fields(collection: Collection, actor: Actor, fields: str) -> tuple[str, ...]:
    """The names that an answer holds: all visible ones, or those that `fields` lists; unknown and hidden ones are refused alike."""
    visible = visible_fields(collection, actor)
    if not fields:
        return visible
    wanted = [name.strip() for name in fields.split(",")]
    for name in wanted:
        if name not in visible:
            raise invalid("fields", "unknown_field", f"no field `{name[:80]}`", hint=did_you_mean(name, list(visible)))
    return tuple(dict.fromkeys(wanted))


def rule_for(collection: Collection, action: str, actor: Actor) -> str:
    """The rule text that binds this actor (`""`: none), or the refusal where the rule is for admins only: 401 or 403 where the
    collection is open to somebody in another way, else the same 404 as for a name that does not exist."""
    if collection.is_view and action not in ("list", "view"):
        raise _read_only(collection, actor)
    if actor.passes_rules:
        return ""
    rule: str | None = getattr(collection.rules, action)
    if rule is not None:
        return rule
    if _is_closed(collection):
        raise NotFound("there is no such collection, or you may not know of it")
    if actor.is_guest:
        raise Unauthenticated(f"sign in to {action} records of `{collection.name}`")
    raise Forbidden(f"only admins {action} records of `{collection.name}`")


def _is_closed(collection: Collection) -> bool:
    return all(getattr(collection.rules, each) is None for each in ACTIONS)


def _read_only(collection: Collection, actor: Actor) -> Problem:
    """Nobody writes to a view, but that it is there is told to those alone who may know."""
    if not actor.passes_rules and _is_closed(collection):
        return NotFound("there is no such collection, or you may not know of it")
    detail = f"`{collection.name}` is a view: its records follow from those of other collections"
    return Forbidden(detail, code="view_is_read_only", hint="change the records that it reads")


def present(collection: Collection, names: tuple[str, ...], record: Mapping[str, Any], actor: Actor) -> tuple[Any, ...]:
    """A row of answer values from a whole record in Python form."""
    masked = private_fields(collection) if not owns(collection, record["id"], actor) else ()
    return tuple(None if name in masked else _presented(record[name]) for name in names)


def owns(collection: Collection, id: str, actor: Actor) -> bool:
    return actor.passes_rules or (actor.id == id and actor.collection == collection.name)


def _presented(value: Any) -> Any:
    return format(value, "f") if isinstance(value, Decimal) else value
