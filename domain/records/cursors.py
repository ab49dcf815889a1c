"""Cursors: where a list goes on, as an opaque text that is good for the same list only."""

import base64
import binascii
import hashlib
import json
import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from domain.errors import Invalid, invalid
from domain.records.reading import SortKey
from domain.schema.fields import Unfit
from domain.schema.fields.numbers import read_decimal
from domain.schema.fields.text import storable
from domain.schema.kinds import INT64_MAX, INT64_MIN, Kind


def write_cursor(order: Sequence[SortKey], list_text: str, last: Sequence[Any]) -> str:
    """`last` are the order's values in Python form; `list_text` names the list (collection, filter, sort)."""
    values = [str(value) if isinstance(value, Decimal) else value for value in last]
    text = json.dumps([_digest(list_text), *values], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(order: Sequence[SortKey], list_text: str, cursor: str) -> tuple[Any, ...]:
    try:
        decoded = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError) as broken:
        raise _broken() from broken
    if not isinstance(decoded, list) or len(decoded) != len(order) + 1:
        raise _broken()
    if decoded[0] != _digest(list_text):
        raise invalid(
            "cursor",
            "cursor_of_another_list",
            "this cursor belongs to another filter or sort",
            hint="start the list again without a cursor",
        )
    return tuple(_read(key.path.kind, value) for key, value in zip(order, decoded[1:], strict=True))


def _read(kind: Kind, value: Any) -> Any:
    """The cursor came from outside: each value must be of its key's kind."""
    if value is None:
        return None
    if kind is Kind.DECIMAL and isinstance(value, str) and (number := read_decimal(value)) is not None:
        return number
    if kind is Kind.NUMBER and type(value) is float and math.isfinite(value):
        return value
    if kind is Kind.INTEGER and type(value) is int and INT64_MIN <= value <= INT64_MAX:
        return value
    if kind is Kind.BOOL and type(value) is bool:
        return value
    if kind in (Kind.TEXT, Kind.DATE, Kind.DAY) and isinstance(value, str):
        return _storable(value)
    raise _broken()


def _storable(value: str) -> str:
    try:
        return storable(value)
    except Unfit as unfit:
        raise _broken() from unfit


def _broken() -> Invalid:
    return invalid(
        "cursor",
        "invalid_cursor",
        "this is not a cursor that a list gave",
        hint="start the list again without a cursor",
    )


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
