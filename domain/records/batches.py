"""A batch as a client sends it: operations read strictly, references between them, and how a refusal names its operation."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.errors import (
    Conflict,
    Fault,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    Problem,
    TooLarge,
    did_you_mean,
    invalid,
)
from domain.records.keys import is_key
from domain.schema.collection import Collection
from domain.schema.fields import Field
from domain.schema.fields.relations import RECORD_ID
from domain.schema.kinds import Kind

MAX_OPERATIONS = 1_000
_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")
REFERENCE = "$ref"
# By method: what an operation needs, and what it may have besides `method` and `collection`.
NEEDED: Mapping[str, tuple[str, ...]] = {
    "create": ("values",), "update": ("id", "values"), "upsert": ("by", "values"), "delete": ("id",),
}  # fmt: skip
ALLOWED: Mapping[str, tuple[str, ...]] = {
    "create": ("values", "as"), "update": ("id", "values", "if_version", "if", "as"), "upsert": ("by", "values", "as"),
    "delete": ("id", "if_version", "if"),
}  # fmt: skip
_MOST_KEYS = 16
# Kinds of refusal that may be about one operation. The others are about the moment (busy, too many) or the asker, whatever is asked.
_TOLD_OF_ONE = (Invalid, Conflict, Forbidden, NotFound, PreconditionFailed, TooLarge)


@dataclass(frozen=True, slots=True)
class Operation:
    """`id` is text or a reference. `by` are the fields of an upsert's key. `known_as` is how later operations refer to its record."""

    method: str
    collection: str
    values: Mapping[str, Any] = field(default_factory=dict)
    id: Any = None
    by: tuple[str, ...] = ()
    if_version: int | None = None
    only_if: str = ""  # a condition, as in `?if=` of a single write
    known_as: str | None = None


def read_operations(body: Mapping[str, Any]) -> tuple[Operation, ...]:
    """Invalid with every fault, each with its place."""
    for name in body:
        if name != "operations":
            raise invalid(_pointer("", name), "unknown_field", f"no field `{name[:80]}` here", hint="a batch has `operations`")
    listed = body.get("operations")
    if not isinstance(listed, list) or not listed:
        raise invalid("/operations", "required", "`operations` is a list of at least one operation")
    if len(listed) > MAX_OPERATIONS:
        detail = f"{len(listed)} operations are more than the {MAX_OPERATIONS} of one batch"
        raise invalid("/operations", "too_many_operations", detail, hint="send several batches")
    faults: list[Fault] = []
    read = tuple(_operation(each, f"/operations/{at}", faults) for at, each in enumerate(listed))
    faults += _named_twice(read)
    if faults:
        told = faults[0].detail if len(faults) == 1 else f"{len(faults)} things in the batch are wrong"
        raise Invalid(told, code="invalid_batch", faults=tuple(faults))
    return read


def _operation(told: Any, place: str, faults: list[Fault]) -> Operation:
    empty = Operation("", "")
    if not isinstance(told, dict):
        faults.append(Fault(place, "not_an_object", "an operation is an object"))
        return empty
    method = told.get("method")
    if not isinstance(method, str) or method not in NEEDED:
        near = did_you_mean(method.lower()[:80], list(NEEDED)) if isinstance(method, str) else None
        detail = "`method` is create, update, upsert or delete" + (f"; {near}" if near else "")
        faults.append(Fault(f"{place}/method", "unknown_method", detail))
        return empty
    allowed = ("method", "collection", *ALLOWED[method])
    before = len(faults)
    faults += (_unknown(place, name, method, allowed) for name in told if name not in allowed)
    faults += (
        Fault(f"{place}/{name}", "required", f"`{name}` is missing") for name in ("collection", *NEEDED[method]) if name not in told
    )
    faults += (
        Fault(f"{place}/{name}", "not_integer" if name == "if_version" else "wrong_type", detail)
        for name, (is_right, detail) in _FORMS.items()
        if name in told and not is_right(told[name])
    )
    if len(faults) > before:
        return empty
    by = told.get("by", ())
    return Operation(
        method, told["collection"], told.get("values", {}), told.get("id"), (by,) if isinstance(by, str) else tuple(by),
        told.get("if_version"), told.get("if", ""), told.get("as"),
    )  # fmt: skip


def _unknown(place: str, name: str, method: str, allowed: Sequence[str]) -> Fault:
    hint = did_you_mean(name[:80], list(allowed)) or f"it takes {', '.join(f'`{each}`' for each in allowed)}"
    return Fault(_pointer(place, name), "unknown_field", f"an operation `{method}` has no `{name[:80]}`; {hint}")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_key(value: Any) -> bool:
    return _is_text(value) or (
        isinstance(value, list) and 0 < len(value) <= _MOST_KEYS and all(map(_is_text, value)) and len(set(value)) == len(value)
    )


_FORMS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "collection": (_is_text, "`collection` is the name of a collection"),
    "values": (lambda value: isinstance(value, dict), "`values` is an object: values by field"),
    "id": (lambda value: _is_text(value) or _is_reference(value), "`id` is an id, or a reference such as {\"$ref\": \"d.id\"}"),
    "by": (_is_key, "`by` is the name of a unique field, or a list of the fields of a unique index"),
    "if_version": (lambda value: type(value) is int and value > 0, "`if_version` is the number of a version"),
    "if": (_is_text, "`if` is a condition, such as `stock > 0`"),
    "as": (lambda value: _is_text(value) and _NAME.fullmatch(value) is not None, "`as` is a name of a-z, 0-9 and _, such as `parent`"),
}  # fmt: skip


def _named_twice(operations: Sequence[Operation]) -> Iterator[Fault]:
    seen: set[str] = set()
    for at, each in enumerate(operations):
        if each.known_as in seen:
            yield Fault(f"/operations/{at}/as", "named_twice", f"an operation before is known as `{each.known_as}` too")
        if each.known_as:
            seen.add(each.known_as)


def _is_reference(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {REFERENCE}


def resolved_id(operation: Operation, made: Mapping[str, str]) -> str:
    """The id that the operation is about; what cannot be an id names nothing."""
    id = _resolved(operation.id, "/id", made)
    if not RECORD_ID.fullmatch(id):
        raise NotFound("there is no such record, or you may not see it")
    return id


def resolved_values(values: Mapping[str, Any], collection: Collection, made: Mapping[str, str]) -> Mapping[str, Any]:
    """`values` with ids in the place of references, `made` by the names of earlier operations. A document in a json field may have
    a `$ref` of its own, which is left alone."""
    if not any(isinstance(value, (dict, list)) for value in values.values()):
        return values
    return {name: _with_ids(name, value, collection, made) for name, value in values.items()}


def _with_ids(name: str, value: Any, collection: Collection, made: Mapping[str, str]) -> Any:
    known = collection.every_field.get(name.rstrip("+-"))
    if known is not None and known.kind is Kind.JSON:
        return value
    place = _pointer("", name)
    if isinstance(value, list):
        return [_resolved(each, f"{place}/{at}", made) for at, each in enumerate(value)]
    return _resolved(value, place, made)


def _resolved(value: Any, place: str, made: Mapping[str, str]) -> Any:
    if not _is_reference(value):
        return value
    told = value[REFERENCE]
    name, _, member = told.partition(".") if isinstance(told, str) else ("", "", "")
    if member != "id":
        raise invalid(place, "invalid_reference", "a reference names the id of a record: {\"$ref\": \"d.id\"}")
    if name not in made:
        near = did_you_mean(name[:80], list(made))
        hint = near or "give an operation before this one `\"as\"`, and refer to it by that name"
        raise invalid(place, "unknown_reference", f"no operation before this one is known as `{name[:80]}`", hint=hint)
    return made[name]


def upsert_key(collection: Collection, by: tuple[str, ...]) -> tuple[Field, ...]:
    """The fields of an upsert's key; Invalid where they tell no records apart, since no unique index is over exactly these."""
    if collection.is_accounts:
        raise invalid("/by", "not_supported", "accounts are created or updated; an upsert would be both", hint="send a create or an update")
    if by == ("id",):
        return (collection.every_field["id"],)
    keys: set[tuple[str, ...]] = {("id",), *((each.name,) for each in collection.own_fields if is_key(each))}
    keys |= {tuple(sorted(each.fields)) for each in collection.indexes if each.unique and not each.where and len(each.fields) > 1}
    if tuple(sorted(by)) not in keys:
        detail = f"no unique index of `{collection.name}` is over {', '.join(f'`{name[:80]}`' for name in by)}"
        raise invalid("/by", "invalid_key", detail, hint=f"keys are {'; '.join(', '.join(each) for each in sorted(keys))}")
    return tuple(collection.every_field[name] for name in by)


def of_operation(at: int, operation: Operation, refused: Problem, within: str) -> Problem:
    """The refusal as the batch's own: it names the operation, and its places lie `within` that (`/values`, or nothing)."""
    if not isinstance(refused, _TOLD_OF_ONE):
        return refused
    place = f"/operations/{at}"
    faults = tuple(Fault(_place(place, within, each.pointer), each.code, each.detail) for each in refused.faults)
    detail = f"operation {at} ({operation.method} in `{operation.collection[:80]}`): {refused.detail}"
    return type(refused)(detail, code=refused.code, hint=refused.hint, faults=faults or (Fault(place, refused.code, refused.detail),))


def _place(place: str, within: str, pointer: str) -> str:
    """What a single write has as a parameter, such as `if`, is a member of the operation."""
    if pointer and not pointer.startswith("/"):
        return f"{place}/{pointer}"
    return f"{place}{within}{pointer}" if pointer else place


def _pointer(place: str, name: str) -> str:
    return f"{place}/{name[:200].replace('~', '~0').replace('/', '~1')}"
