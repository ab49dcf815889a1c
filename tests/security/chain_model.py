"""What must be there after a chain of writes, changes, undos, deletions and restores: a model of its own, which imports nothing of ours.

It knows fields by a key that no rename touches. Where the documentation leaves open what a value becomes, it says OPEN, and the chain
takes over what the server answers.
"""

import json
import math
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

Definition = dict[str, Any]
OPEN, REFUSED = object(), object()
TEXTS = ("text", "email", "url", "select", "relation", "richtext")
OPTIONS: tuple[Definition, ...] = (
    {"type": "text"}, {"type": "text", "fold": True}, {"type": "text", "searchable": True}, {"type": "text", "unique": True},
    {"type": "text", "fold": True, "searchable": True, "unique": True}, {"type": "email", "unique": True}, {"type": "url"},
    {"type": "select", "values": ["1", "2", "x", "true"]}, {"type": "select", "values": ["1", "2", "x", "true"], "many": True},
    {"type": "integer"}, {"type": "integer", "unique": True}, {"type": "number"}, {"type": "decimal", "scale": 2},
    {"type": "decimal", "scale": 0}, {"type": "decimal", "scale": 18}, {"type": "bool"}, {"type": "date"}, {"type": "day"},
    {"type": "json"}, {"type": "geo"}, {"type": "richtext", "searchable": True},
    {"type": "relation", "collection": "tags", "on_delete": "clear"}, {"type": "relation", "collection": "tags", "on_delete": "cascade"},
    {"type": "relation", "collection": "tags", "many": True, "on_delete": "restrict"},
    {"type": "relation", "collection": "posts", "on_delete": "cascade"}, {"type": "relation", "collection": "posts", "on_delete": "clear"},
    {"type": "relation", "collection": "posts", "many": True, "on_delete": "cascade"},
    {"type": "relation", "collection": "posts", "many": True, "on_delete": "clear"},
)  # fmt: skip
VALUES: dict[str, tuple[Any, ...]] = {
    "text": ("1", "2", "x", "true", "", "01", "-0", "1e5", "0.1", "1.50", " 1", "é", "e\u0301", "İ", "Straße", "STRASSE",
             "ﬁ", "\u2028", "😀", "\ufeffx",
             "' OR 1=1 --", "%_\\", "null", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "9007199254740993",
             "999999999999999.99", "0.000000000000000001", "2026-11-22", "2026-02-30",
             "2026-11-22T13:00:00.000Z", "2026-11-22T00:00:00.000Z", "a@b.co", "A@b.co", "https://x.org/",
             '{"a":1}', "[]", "t0", "p0", "<b>", "a\nb", "x" * 500),
    "email": ("a@b.co", "B@b.co", "c@b.co", ""), "url": ("https://x.org/", "http://y.org/?a=1", ""),
    "select": ("1", "2", "x", "true"), "integer": (0, 1, 2, -1, 2**63 - 1, -(2**63), 2**53 + 1, 10**15),
    "number": (0.0, 1.0, 2.0, 0.1, -1.5, 1e300, 5e-324, 1e15, 123456789012345680.0, 9007199254740992.0),
    "decimal": ("0", "1", "2", "-1"), "bool": (True, False),
    "date": ("2026-11-22T13:00:00.000Z", "2026-11-22T00:00:00.000Z", "0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"),
    "day": ("2026-11-22", "0001-01-01", "9999-12-31"),
    "json": ("1", "x", "", 1, 0, 2.5, 1e17, True, False, [], ["1"], ["1", "x"], {}, {"a": [None]}, {"lat": 1, "lon": 2},
             "2026-11-22", "t0", 2**53 + 1, "a@b.co", "é"),
    "geo": ({"lon": 1, "lat": 2}, {"lon": -180, "lat": 90}, {"lon": 0.1, "lat": -0.5}),
    "richtext": ("<p>hi</p>", "plain", "<b>x</b> &amp; y", ""),
}  # fmt: skip
DECIMALS = {
    0: ("999999999999999999", "-999999999999999999"), 2: ("1.50", "9999999999999999.99"),
    18: ("0.100000000000000000", "0.999999999999999999"),
}  # fmt: skip
THEMES: tuple[tuple[str, ...], ...] = (
    VALUES["text"], ("1", "2", ""), ("1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "-1", "9223372036854775807"), ("true", "false"),
    ("1.50", "0.1", "1", "2", "3"),
    ("2026-11-22", "2026-11-23", "0001-01-01"), ("2026-11-22T00:00:00.000Z", "2026-11-23T00:00:00.000Z"),
    ("p0", "p1", "p2", "p3"), ("t0", "t1", "t2", "p3"),
    ("a@b.co", "b@b.co", "A@b.co"), ("x", "1", "2", "true"), ("https://x.org/", "http://y.org/"),
)  # fmt: skip
# As the documentation's table has it.
_SINGLE = {"text", "json", "email", "url", "select", "bool", "richtext", "integer", "number", "decimal", "relation", "date", "day"}
_BECOMES: dict[str, set[str]] = {
    **dict.fromkeys(("text", "email", "url"), _SINGLE), "select": {*_SINGLE, "many select"}, "relation": {*_SINGLE, "many relation"},
    "json": {*_SINGLE, "geo", "many select"} - {"json"}, "bool": {"text", "json", "integer", "number", "select", "decimal"},
    "richtext": {"text", "json"},
    "integer": {"text", "json", "select", "bool", "number", "decimal"},
    "number": {"text", "json", "select", "bool", "integer", "decimal"},
    "decimal": {"text", "json", "select", "bool", "integer", "number", "decimal"}, "geo": {"json"},
    "date": {"text", "json", "select", "day"},
    "day": {"text", "json", "date", "select"}, "many select": {"json", "select"}, "many relation": {"json", "relation", "many relation"},
}  # fmt: skip


def form(definition: Definition) -> str:
    return ("many " if is_many(definition) else "") + str(definition["type"])


def is_convertible(before: Definition, after: Definition) -> bool:
    return form(after) in _BECOMES[form(before)] or form(after) == form(before)


@dataclass
class Shape:
    """A collection: its name and its fields by their keys."""

    name: str
    fields: dict[str, Definition]
    indexes: list[Definition] = field(default_factory=list)

    def copy(self) -> "Shape":
        return Shape(self.name, {key: dict(each) for key, each in self.fields.items()}, json.loads(json.dumps(self.indexes)))

    def key(self, name: str) -> str:
        return next(key for key, each in self.fields.items() if each["name"] == name)


def is_many(definition: Definition) -> bool:
    return bool(definition.get("many"))


def nothing(definition: Definition) -> Any:
    return [] if is_many(definition) else None


def is_absent(value: Any) -> bool:
    return value is None or value == []


def kept(value: Any, definition: Definition) -> Any:
    """What the API answers for a value that it took."""
    kind = definition["type"]
    if value is None or (value == "" and kind not in ("json",)):
        return nothing(definition)
    if kind == "decimal":
        return format(Decimal(value).quantize(Decimal(1).scaleb(-definition["scale"])), "f")
    return value


def converted(value: Any, before: Definition, after: Definition) -> Any:
    """The value in the other type, REFUSED or OPEN."""
    if is_many(before) != is_many(after) and before["type"] == after["type"]:
        if is_many(after):
            return [] if value is None else [value]
        return None if not value else value[0] if len(value) == 1 else REFUSED
    if before["type"] == after["type"] and before["type"] not in ("decimal", "select"):
        return value
    if is_absent(value):
        return OPEN if is_many(before) else nothing(after)
    if is_many(before) or is_many(after):
        return value if before["type"] in ("select", "relation") and after["type"] in ("json", before["type"]) else OPEN
    if before["type"] == "select" == after["type"]:
        return value
    return _INTO[after["type"]](value, before, after)


def _said(value: Any, before: Definition) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value == int(value) and abs(value) < 1e15 else OPEN
    return str(value) if isinstance(value, int) else value if isinstance(value, str) and value else REFUSED


def _into_text(value: Any, before: Definition, after: Definition) -> Any:
    if before["type"] == "json":
        return value if isinstance(value, str) and value else REFUSED
    return _said(value, before)


def _number(value: Any, before: Definition) -> Any:
    """An exact number, or REFUSED."""
    if before["type"] == "json" and isinstance(value, str):
        return OPEN
    if isinstance(value, bool):
        return Decimal(int(value)) if before["type"] == "bool" else REFUSED
    if isinstance(value, (int, float)):
        return Decimal(repr(value)) if math.isfinite(value) else REFUSED
    if isinstance(value, str) and re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", value):
        return Decimal(value)
    return REFUSED


def _into_integer(value: Any, before: Definition, after: Definition) -> Any:
    if before["type"] in TEXTS and (before["type"] == "richtext" or not re.fullmatch(r"0|-?[1-9]\d{0,18}", value)):
        return REFUSED
    number = _number(value, before)
    if number in (OPEN, REFUSED):
        return number
    return int(number) if number == int(number) and -(2**63) <= number < 2**63 else REFUSED


def _into_number(value: Any, before: Definition, after: Definition) -> Any:
    number = _number(value, before)
    if number in (OPEN, REFUSED):
        return number
    return float(number) if Decimal(repr(float(number))) == number else OPEN


def _into_decimal(value: Any, before: Definition, after: Definition) -> Any:
    if isinstance(value, str) and re.search("[eE]", value):
        return REFUSED
    number = _number(value, before)
    if number in (OPEN, REFUSED):
        return number
    unscaled = number.scaleb(after["scale"])
    return kept(format(number, "f"), after) if unscaled == int(unscaled) and abs(unscaled) < 10**18 else REFUSED


def _into_bool(value: Any, before: Definition, after: Definition) -> Any:
    if before["type"] in (*TEXTS, "date", "day"):
        return value == "true" if value in ("true", "false") else REFUSED
    if before["type"] == "json":
        return value if isinstance(value, bool) else OPEN
    number = _number(value, before)
    return number if number in (OPEN, REFUSED) else bool(number) if number in (0, 1) else REFUSED


def _into_json(value: Any, before: Definition, after: Definition) -> Any:
    return value


def _into_select(value: Any, before: Definition, after: Definition) -> Any:
    said = _into_text(value, before, after)
    return said if said is OPEN or said in after["values"] else REFUSED


def _into_date(value: Any, before: Definition, after: Definition) -> Any:
    if before["type"] == "day":
        return f"{value}T00:00:00.000Z"
    return value if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value) else OPEN


def _into_day(value: Any, before: Definition, after: Definition) -> Any:
    if before["type"] == "date":
        return value[:10] if value.endswith("T00:00:00.000Z") else REFUSED
    return value if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value) and value != "2026-02-30" else REFUSED


def _as_it_is(value: Any, before: Definition, after: Definition) -> Any:
    return value if isinstance(value, str) and value else REFUSED


def _into_geo(value: Any, before: Definition, after: Definition) -> Any:
    return value if isinstance(value, dict) and set(value) == {"lon", "lat"} else REFUSED


_INTO = {
    "text": _into_text, "email": _as_it_is, "url": _as_it_is, "richtext": _as_it_is, "relation": _as_it_is, "select": _into_select,
    "integer": _into_integer, "number": _into_number, "decimal": _into_decimal, "bool": _into_bool, "json": _into_json,
    "date": _into_date, "day": _into_day, "geo": _into_geo,
}  # fmt: skip
