"""What of a record an actor may see: which fields by name, of which only some values, and how values look in an answer."""

from collections.abc import Collection as Names
from collections.abc import Mapping
from dataclasses import dataclass
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
from domain.records.reading import NO_MASKS, Masks
from domain.rules.requests import ROLES
from domain.schema.account_fields import EMAIL_VISIBLE, LANGUAGE, OWN_FIELDS
from domain.schema.collection import Collection
from domain.schema.fields import Field

ACTIONS = ("list", "view", "create", "update", "delete")


@dataclass(frozen=True, slots=True)
class Sight:
    """What one request sees of a collection's fields: `names`, in answer order, and of those in `masks` only the values of records
    that let it. `local`: each record tells by itself whether it does."""

    names: tuple[str, ...]
    masks: Masks = NO_MASKS
    local: bool = True


def view_rule(collection: Collection, field: Field) -> str | None:
    """Who sees the field's value, of those who see the record. An account's address is its own until it says otherwise."""
    if collection.is_accounts and field.name == "email":
        return f"{EMAIL_VISIBLE} = true || {_itself(collection)}"
    if collection.is_accounts and field.name == LANGUAGE:
        return _itself(collection)
    return field.rules.view


def write_rule(collection: Collection, field: Field, *, creating: bool) -> str | None:
    """Who may write the field, of those who may write the record. Whether an address is shown, and in which language
    letters are, is for the account alone to say."""
    if collection.is_accounts and field.name in (EMAIL_VISIBLE, LANGUAGE):
        return "" if creating else _itself(collection)
    if collection.is_accounts and field.name in ROLES and field.rules.write == "":
        # What `hasRole` reads: whoever could write it would give themselves any role.
        return None
    return field.rules.write


def _itself(collection: Collection) -> str:
    """Accounts of another collection may have the same id."""
    return f"(id = @request.auth.id && @request.auth.collectionName = '{collection.name}')"


def is_nameable(collection: Collection, field: Field) -> bool:
    """Whether clients may name the field in filter and sort at all. Addresses are unique: to find one would be to have it confirmed."""
    is_own = collection.is_accounts and field.name in OWN_FIELDS
    return not (field.hidden or field.rules.view is None or is_own)


def may_know(collection: Collection, field: Field, actor: Actor) -> bool:
    """Whether a refusal may name this field and its collection to the actor."""
    open_to_somebody = any(getattr(collection.rules, each) is not None for each in ACTIONS)
    return actor.passes_rules or (open_to_somebody and not field.hidden and field.rules.view == "")


def told_without(unknown: Names[str], problem: Invalid | Conflict) -> Invalid | Conflict:
    """The refusal without a word on fields that the actor may not know of; a name that it sent itself is unknown here."""
    faults = tuple(fault for fault in problem.faults if _field_of(fault.pointer) not in unknown or fault.code == "unknown_field")
    if len(faults) == len(problem.faults):
        return problem
    detail = faults[0].detail if faults else "this cannot be kept as it is, for a reason that only admins are told"
    return type(problem)(detail, code=problem.code, faults=faults)


def _field_of(pointer: str) -> str:
    """The field that a pointer leads to or into (`/tags/1`), also as an increment."""
    return pointer.removeprefix("/").partition("/")[0].rstrip("+-")


def selected_fields(visible: tuple[str, ...], fields: str) -> tuple[str, ...]:
    """The names that an answer holds: all visible ones, or those that `fields` lists; unknown and hidden ones are refused alike."""
    if not fields:
        return visible
    wanted = [name.strip() for name in fields.split(",")]
    for name in wanted:
        if name not in visible:
            raise invalid("fields", "unknown_field", f"no field `{name[:80]}`", hint=_meant(name, visible))
    return tuple(dict.fromkeys(wanted))


def answered_fields(visible: tuple[str, ...], fields: str, before: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names that an answer holds, and the fields behind them: old names (`before`, with their present ones) are answered beside the
    present ones, or where `fields` lists them."""
    if not before:
        names = selected_fields(visible, fields)
        return names, names
    known = {**{name: name for name in visible}, **{old: name for old, name in before.items() if name in visible}}
    names = selected_fields(tuple(known), fields)
    return names, tuple(known[name] for name in names)


def in_present_names(body: Mapping[str, Any], before: Mapping[str, str]) -> Mapping[str, Any]:
    """A body with old names of fields as one with the present ones; Invalid where it has both."""
    present = {key: before.get(key.rstrip("+-"), key.rstrip("+-")) + key[len(key.rstrip("+-")) :] for key in body}
    for key, name in present.items():
        if key != name and any(other != key and each.rstrip("+-") == name.rstrip("+-") for other, each in present.items()):
            detail = f"`{key}` and `{name}` are one field"
            raise invalid(f"/{key}", "contradiction", detail, hint=f"send `{name}` alone: `{key}` is its old name")
    return {present[key]: value for key, value in body.items()}


def _meant(name: str, visible: tuple[str, ...]) -> str | None:
    if name == "*":
        return "without `fields` an answer holds all of them"
    if name.startswith("expand."):
        return "`fields` names the record's own fields; what `expand` adds comes whole"
    return did_you_mean(name, list(visible))


def rule_for(collection: Collection, action: str, actor: Actor) -> str:
    """The rule text that binds this actor (`""`: none), or the refusal where the rule is for admins only: 401 or 403 where the
    collection is open to somebody in another way, else the same 404 as for a name that does not exist."""
    if collection.is_view and action not in ("list", "view"):
        raise _read_only(collection, actor)
    if actor.passes_rules:
        return ""
    if actor.kind == "key":
        return _rule_for_key(collection, action, actor)
    rule: str | None = getattr(collection.rules, action)
    if rule is not None:
        check_scope(collection, action, actor)
        return rule
    if _is_closed(collection):
        raise NotFound("there is no such collection, or you may not know of it")
    if actor.is_guest:
        raise Unauthenticated(f"sign in to {action} records of `{collection.name}`")
    raise Forbidden(f"only admins {action} records of `{collection.name}`")


def _rule_for_key(collection: Collection, action: str, actor: Actor) -> str:
    """A key's scopes, and its own rule if it has one, stand in place of the rules. Of a collection that is in none of them it knows
    nothing."""
    if (collection.id, action) in actor.scopes:
        return dict(actor.rules).get(collection.id, "")
    if any(id == collection.id for id, _ in actor.scopes):
        raise Forbidden(f"this key may not {action} records of `{collection.name}`", hint="ask for a key with that scope")
    raise NotFound("there is no such collection, or you may not know of it")


def check_scope(collection: Collection, action: str, actor: Actor) -> None:
    """A key that an account made for itself does no more than it was made for."""
    if actor.key and (collection.id, action) not in actor.scopes:
        raise Forbidden(f"this key may not {action} records of `{collection.name}`", hint="make a key with that scope")


def _is_closed(collection: Collection) -> bool:
    return all(getattr(collection.rules, each) is None for each in ACTIONS)


def _read_only(collection: Collection, actor: Actor) -> Problem:
    """Nobody writes to a view, but that it is there is told to those alone who may know."""
    if not actor.passes_rules and _is_closed(collection):
        return NotFound("there is no such collection, or you may not know of it")
    detail = f"`{collection.name}` is a view: its records follow from those of other collections"
    return Forbidden(detail, code="view_is_read_only", hint="change the records that it reads")


def present(names: tuple[str, ...], record: Mapping[str, Any], masked: Names[str] = ()) -> tuple[Any, ...]:
    """A row of answer values from a whole record in Python form."""
    return tuple(_nothing(record[name]) if name in masked else _presented(record[name]) for name in names)


def is_nothing(value: Any) -> bool:
    """Whether an answer's value says that there is none, or none to be seen."""
    return value is None or value in ((), [])


def owns(collection: Collection, id: str, actor: Actor) -> bool:
    return actor.passes_rules or (actor.id == id and actor.collection == collection.name)


def _nothing(value: Any) -> Any:
    """What a masked value reads as: absent in the way of its field."""
    return () if isinstance(value, tuple) else None


def _presented(value: Any) -> Any:
    return format(value, "f") if isinstance(value, Decimal) else value
