"""Values read as another kind than their own, and what is inside JSON."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from domain.rules.values import read
from domain.schema.kinds import INT64_MAX, INT64_MIN, Kind

MIDNIGHT = "T00:00:00.000Z"
TEXTUAL = frozenset({Kind.TEXT, Kind.DATE, Kind.DAY})


def converted(value: Any, own: Kind, kind: Kind) -> Any:
    """A value of one kind as another that it may be compared as; exact numbers compare with each other as they are."""
    if value is None or own is kind:
        return value
    if kind is Kind.NUMBER:
        return float(value)
    if kind is Kind.DATE and own is Kind.DAY:
        return value + MIDNIGHT if value else value
    return value


def from_json(value: Any, kind: Kind) -> Any:
    """What is inside JSON, if it is of the type that is asked for; numbers are doubles. A date is a text like any other there."""
    if kind in TEXTUAL:
        return value if isinstance(value, str) else None
    if kind is Kind.BOOL:
        return value if isinstance(value, bool) else None
    if kind is Kind.JSON:
        return value
    return read(value, Kind.NUMBER) if type(value) in (int, float) else None


def dug(value: Any, key: str | int) -> Any:
    """A number is a position in an array and nothing else."""
    if isinstance(key, int):
        return value[key] if isinstance(value, (list, tuple)) and key < len(value) else None
    return value.get(key) if isinstance(value, Mapping) else None


def is_storable(value: Any, kind: Kind) -> bool:
    return kind is not Kind.INTEGER or (type(value) is int and INT64_MIN <= value <= INT64_MAX)


def same_json(one: Any, other: Any) -> bool:
    """Whether two JSON values are one: numbers by what they are worth, objects whatever the order of their keys, arrays in order."""
    return comparable_json(one) == comparable_json(other)


def comparable_json(value: Any) -> Any:
    """A form of the value that Python compares as JSON is compared: there true is not 1, and every number is exact."""
    if isinstance(value, Mapping):
        return {key: comparable_json(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [comparable_json(each) for each in value]
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return type(value), value
    return "number", Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
