"""What a request knows: the moment, the actor, the body, the query, the headers; and how such a value is read as a kind.

`@request` values have no type: each is read as what it is compared with, and where it cannot be read so, it is absent.
"""

import math
import re
from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from domain.limits.visits import Visit
from domain.rules.tree import Condition, Request
from domain.rules.walk import every_operand
from domain.schema.collection import Schema
from domain.schema.fields.numbers import read_decimal
from domain.schema.fields.times import read_day, read_instant, write_instant
from domain.schema.kinds import Kind

Path = tuple[str, ...]
MISSING: Any = object()
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# Every value in them is text, so numbers and bools are read from text; elsewhere a text is never a number.
_TEXTUAL = ("query", "headers")


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """A request as rules may ask about it, whoever sent it; header names are lower case with `_` for `-`."""

    method: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    context: str = "default"
    request_id: str = ""
    # What limits know of the request; None where it came from inside of the process, which nothing limits.
    visit: Visit | None = None

    def recheck(self, schema: Schema) -> None:
        """To be called by a body before anything else; TooMany where the present schema lets the request in no more."""
        if self.visit is not None and self.visit.recheck is not None:
            self.visit.recheck(schema)


@dataclass(frozen=True, slots=True)
class Values:
    """`request` holds Python forms by path: ("auth", "id"), ("auth", "team", "name"), ("body", "title"), ("query", "x"),
    ("headers", "x_y"), ("method",), ("context",). A missing key is an absent value; a body's null is a key with None, so that
    `:isset` sees it. A path may also be found inside a mapping kept under a shorter one. With `creating` there is no stored
    record yet, so that every field of the body counts as changed."""

    now: datetime
    request: Mapping[Path, Any] = field(default_factory=dict)
    creating: bool = False


def request_paths(condition: Condition) -> frozenset[Path]:
    """Every `@request` path that the condition reads, those in the guards of its paths included. A field of the body that is
    asked for by `:isset` or `:changed` comes with its `+` and `-`."""
    found: set[Path] = set()
    for operand in every_operand(condition):
        if isinstance(operand, Request):
            found.add(operand.path)
            if operand.modifier in ("isset", "changed"):
                found.update(_modified_names(operand.path))
    return frozenset(found)


def _modified_names(path: Path) -> tuple[Path, ...]:
    return ((*path[:-1], path[-1] + "+"), (*path[:-1], path[-1] + "-")) if path[0] == "body" and len(path) == 2 else ()


def lookup(values: Values, path: Path) -> Any:
    """The value at the path as it came, or MISSING."""
    request = values.request
    if path in request:
        return request[path]
    for length in range(len(path) - 1, 0, -1):
        if path[:length] in request:
            return _inside(request[path[:length]], path[length:])
    return MISSING


def _inside(value: Any, keys: Path) -> Any:
    for key in keys:
        if isinstance(value, Mapping) and not key.isdigit():
            value = value.get(key, MISSING)
        elif isinstance(value, (list, tuple)) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return MISSING
    return value


def elements_of(values: Values, path: Path) -> tuple[Path, ...]:
    """The paths of the elements of the list at the path; an empty list has one, which leads nowhere, and what is no list is its
    own only element."""
    raw = lookup(values, path)
    if not isinstance(raw, (list, tuple)):
        return (path,)
    return tuple((*path, str(at)) for at in range(len(raw))) or ((*path, "0"),)


def every_value(values: Values, path: Path) -> Iterator[Any]:
    """What is at the path, in every element of the lists on the way."""
    places: tuple[Path, ...] = (path[:1],)
    for part in path[1:]:
        places = tuple(each for before in places for each in elements_of(values, (*before, part)))
    return (lookup(values, each) for each in places)


def reached(values: Values, path: Path) -> list[Any]:
    """What is there of `every_value`."""
    return [each for each in every_value(values, path) if each is not MISSING and each is not None]


def is_set(values: Values, path: Path) -> bool:
    """Whether the request names it: a field of the body also by one of its modifiers."""
    return lookup(values, path) is not MISSING or is_incremented(values, path)


def is_incremented(values: Values, path: Path) -> bool:
    return any(name in values.request for name in _modified_names(path))


def request_value(values: Values, path: Path, kind: Kind) -> Any:
    """The value read as the kind (INTEGER and DECIMAL: an exact number, whole or not); None where it is absent."""
    raw = lookup(values, path)
    return None if raw is MISSING else read(raw, kind, textual=path[0] in _TEXTUAL)


def read(raw: Any, kind: Kind, *, textual: bool = False) -> Any:
    """`''` is absent for every kind: an empty query parameter or a guest's id owns nothing."""
    if raw is None or raw == "":
        return None
    return _READERS[kind](raw, textual)


def _text(raw: Any, textual: bool) -> str | None:
    # The engines could not even be asked about such a text.
    return raw if isinstance(raw, str) and not _UNSTORABLE.search(raw) else None


def _exact(raw: Any, textual: bool) -> int | Decimal | None:
    if type(raw) is int or isinstance(raw, Decimal):
        return raw
    if type(raw) is float and math.isfinite(raw):
        return Decimal(repr(raw))
    return _written(raw) if textual else None


def _decimal(raw: Any, textual: bool) -> int | Decimal | None:
    """A decimal travels as text in JSON."""
    return _written(raw) if isinstance(raw, str) else _exact(raw, textual)


def _written(raw: Any) -> Decimal | None:
    return read_decimal(raw) if isinstance(raw, str) else None


def _number(raw: Any, textual: bool) -> float | None:
    exact = raw if type(raw) is float else _exact(raw, textual)
    if exact is None:
        return None
    try:
        number = float(exact) + 0.0
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _bool(raw: Any, textual: bool) -> bool | None:
    if isinstance(raw, bool):
        return raw
    return {"true": True, "false": False}.get(raw) if textual and isinstance(raw, str) else None


def _instant(raw: Any, textual: bool) -> str | None:
    instant = read_instant(raw) if isinstance(raw, str) else None
    return None if instant is None else write_instant(instant)


_READERS = {
    Kind.TEXT: _text,
    Kind.INTEGER: _exact,
    Kind.DECIMAL: _decimal,
    Kind.NUMBER: _number,
    Kind.BOOL: _bool,
    Kind.DATE: _instant,
    Kind.DAY: lambda raw, textual: read_day(raw),
    Kind.JSON: lambda raw, textual: raw,
}


def macro(name: str, now: datetime) -> str | int | None:
    """The value of `@now` and its like, in UTC; None where it would lie outside the years 1 to 9999."""
    try:
        value = _MACROS[name](now.astimezone(UTC))
    except OverflowError:
        return None
    return write_instant(value) if isinstance(value, datetime) else value


def _start_of_day(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _end_of_day(now: datetime) -> datetime:
    return now.replace(hour=23, minute=59, second=59, microsecond=999_000)


def _last_of_month(now: datetime) -> datetime:
    return now.replace(day=monthrange(now.year, now.month)[1])


_MACROS = {
    "@now": lambda now: now,
    "@second": lambda now: now.second,
    "@minute": lambda now: now.minute,
    "@hour": lambda now: now.hour,
    "@day": lambda now: now.day,
    "@weekday": lambda now: now.isoweekday() % 7,
    "@month": lambda now: now.month,
    "@year": lambda now: now.year,
    "@yesterday": lambda now: now - timedelta(days=1),
    "@tomorrow": lambda now: now + timedelta(days=1),
    "@todayStart": _start_of_day,
    "@todayEnd": _end_of_day,
    "@monthStart": lambda now: _start_of_day(now.replace(day=1)),
    "@monthEnd": lambda now: _end_of_day(_last_of_month(now)),
    "@yearStart": lambda now: _start_of_day(now.replace(month=1, day=1)),
    "@yearEnd": lambda now: _end_of_day(now.replace(month=12, day=31)),
}
