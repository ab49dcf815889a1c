"""Naming records by a unique field: which fields can be such keys, and the form in which their values are compared."""

from typing import Any

from domain.errors import invalid
from domain.records.cells import reader
from domain.schema.collection import Collection
from domain.schema.fields import TRUSTING, Field, Unfit
from domain.schema.kinds import Kind

# Doubles and documents are equal in more ways than one.
_KINDS = (Kind.TEXT, Kind.INTEGER, Kind.DATE, Kind.DAY)


def is_key(field: Field) -> bool:
    return field.unique and not field.many and field.kind in _KINDS


def key_field(collection: Collection, name: str) -> Field:
    """Invalid where it cannot tell records apart."""
    found = collection.every_field.get(name)
    if found is None or not (name == "id" or is_key(found)):
        keys = [each.name for each in collection.own_fields if is_key(each)]
        hint = f"keys are {', '.join(['id', *keys])}"
        raise invalid("key", "invalid_key", f"`{name}` is no unique field of `{collection.name}` that could be a key", hint=hint)
    return found


def comparable(field: Field, value: Any) -> Any:
    """The Python form of a value in the form in which it is unique."""
    return field.key(value) if field.key and isinstance(value, str) else value


def read_key(field: Field, value: Any) -> Any:
    """From a cell, or from JSON; Unfit where no record can have it."""
    if field.kind is Kind.INTEGER and isinstance(value, str):
        value = reader(field)(value)
    accepted = field.accept(value, TRUSTING)
    if accepted == "":
        raise Unfit("required", "an empty text names nothing")
    return comparable(field, accepted)
