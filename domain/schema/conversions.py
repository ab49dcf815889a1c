"""What becomes of stored values when a field gets another type: a table for every pair of types, and one function per pair.

Three verdicts. `lossless`: every value has a counterpart. `checked`: done when every stored value has one, else refused with those
that have none. `refused`: there is no telling what a value would become. Values are in the Python form of their field's kind; nothing
is ever rounded, cut or guessed. Adapters may convert in SQL where that comes to the same.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from domain.schema.fields import TRUSTING, Field, RelationField, SelectField, Unfit
from domain.schema.fields.base import TYPES
from domain.schema.fields.numbers import DecimalField
from domain.schema.fields.relations import RECORD_ID
from domain.schema.fields.text import EmailField, UrlField, storable
from domain.schema.fields.times import read_day, read_instant, write_instant
from domain.schema.kinds import DECIMAL_DIGITS, INT64_MAX, INT64_MIN

LOSSLESS, CHECKED, REFUSED = "lossless", "checked", "refused"

# (value, field before, field after) -> value; Unfit where it has no counterpart. Never called with absent values.
Convert = Callable[[Any, Field, Field], Any]


@dataclass(frozen=True, slots=True)
class Way:
    """`returns`: converting back gives exactly what was there, so a change can be undone."""

    verdict: str
    convert: Convert
    returns: bool = True


def _same(value: Any, before: Field, after: Field) -> Any:
    return value


def _unfit(detail: str) -> Unfit:
    return Unfit("not_convertible", detail)


# --- values as text, and back


def number_text(value: float) -> str:
    """The shortest decimal that is this double; whole ones below 10^15 without a point, others as PostgreSQL writes them."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    digits, exponent = _digits(value)
    sign, point = "-" if value < 0 else "", len(digits) + exponent
    if not -4 < point <= 15:
        fraction = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{fraction}e{'-' if point < 1 else '+'}{abs(point - 1):02}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    return f"{sign}{digits[:point]}.{digits[point:]}"


def _digits(value: float) -> tuple[str, int]:
    _, digits, exponent = Decimal(repr(abs(value))).normalize().as_tuple()
    return "".join(map(str, digits)), int(exponent)


def _spoken(value: Any, before: Field, after: Field) -> str:
    """A value as text; of a text it is that."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number_text(value)
    return format(value, "f") if isinstance(value, Decimal) else str(value)


_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?(?:[eE]([+-]?[0-9]{1,3}))?")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_LONGEST_NUMBER = 40


def _text_to_integer(value: str, before: Field, after: Field) -> int:
    if not _INTEGER.fullmatch(value) or not INT64_MIN <= int(value) <= INT64_MAX:
        raise _unfit("no whole number of 64 bits")
    return int(value)


def _text_to_number(value: str, before: Field, after: Field) -> float:
    """Only where the double's own shortest form is the same number: 0.1 is one, 9007199254740993 is none."""
    match = _NUMBER.fullmatch(value) if len(value) <= _LONGEST_NUMBER else None
    if match is None or abs(int(match[3] or 0)) > 400:
        raise _unfit("no number")
    number = float(value)
    if not math.isfinite(number) or Decimal(repr(number)) != Decimal(value):
        raise _unfit("no number that a double holds")
    return number + 0.0


def _text_to_decimal(value: str, before: Field, after: Field) -> Decimal:
    if len(value) > _LONGEST_NUMBER or not _DECIMAL.fullmatch(value):
        raise _unfit("no decimal")
    return _exact_decimal(Decimal(value), after)


def _text_to_bool(value: str, before: Field, after: Field) -> bool:
    if value not in ("true", "false"):
        raise _unfit("neither `true` nor `false`")
    return value == "true"


def _text_to_date(value: str, before: Field, after: Field) -> str:
    instant = read_instant(value)
    if instant is None:
        raise _unfit("no date to the millisecond")
    return write_instant(instant)


def _text_to_day(value: str, before: Field, after: Field) -> str:
    day = read_day(value)
    if day is None:
        raise _unfit("no day")
    return day


def _to_choice(value: Any, before: Field, after: Field) -> str:
    text = _spoken(value, before, after)
    assert isinstance(after, SelectField)
    if text not in after.values:
        raise _unfit("none of the listed values")
    return text


def _text_to_email(value: str, before: Field, after: Field) -> str:
    return EmailField(name="x").accept(value, TRUSTING)


def _text_to_url(value: str, before: Field, after: Field) -> str:
    return UrlField(name="x").accept(value, TRUSTING)


_MARKUP = re.compile("[<>&\u00a0\r]")


def _text_to_rich(value: str, before: Field, after: Field) -> str:
    """Only where nothing of it would be read as markup, or written another way by those who clean it."""
    if _MARKUP.search(value):
        raise _unfit("it would be read as markup")
    return value


def _text_to_id(value: str, before: Field, after: Field) -> str:
    """That there is such a record is for the store to find."""
    if not RECORD_ID.fullmatch(value):
        raise _unfit("no id of a record")
    return value


# --- numbers among themselves


def _exact_decimal(value: Decimal, after: Field) -> Decimal:
    assert isinstance(after, DecimalField)
    if abs(value) > after.largest:
        raise _unfit(f"more than {DECIMAL_DIGITS} digits")
    exact = value.quantize(Decimal(1).scaleb(-after.scale))
    if exact != value:
        raise _unfit(f"more than {after.scale} digits after the point")
    return exact + 0


def _to_decimal(value: Any, before: Field, after: Field) -> Decimal:
    return _exact_decimal(Decimal(number_text(value)) if isinstance(value, float) else Decimal(value), after)


def _to_integer(value: Any, before: Field, after: Field) -> int:
    if value != int(value) or not INT64_MIN <= int(value) <= INT64_MAX:
        raise _unfit("no whole number of 64 bits")
    return int(value)


def _integer_to_number(value: int, before: Field, after: Field) -> float:
    if int(float(value)) != value:
        raise _unfit("no number that a double holds")
    return float(value)


def _decimal_to_number(value: Decimal, before: Field, after: Field) -> float:
    number = float(value)
    if Decimal(number_text(number)) != value:
        raise _unfit("no number that a double holds")
    return number + 0.0


def _to_bool(value: Any, before: Field, after: Field) -> bool:
    if value not in (0, 1):
        raise _unfit("neither 0 nor 1")
    return bool(value)


def _bool_to_integer(value: bool, before: Field, after: Field) -> int:
    return int(value)


def _bool_to_number(value: bool, before: Field, after: Field) -> float:
    return float(value)


# --- instants and days

_MIDNIGHT = "T00:00:00.000Z"


def _date_to_day(value: str, before: Field, after: Field) -> str:
    if not value.endswith(_MIDNIGHT):
        raise _unfit("not midnight in UTC")
    return value[:10]


def _day_to_date(value: str, before: Field, after: Field) -> str:
    return value + _MIDNIGHT


# --- JSON: what the API answers with, and what it takes


def _to_json(value: Any, before: Field, after: Field) -> Any:
    """A whole double is written without a point: PostgreSQL would not tell 5 from 5.0 after a conversion."""
    if isinstance(value, float) and value == int(value) and abs(value) < 1e15:
        return int(value)
    return as_json(value)


def _json_text(value: Any) -> str:
    """An empty text in JSON is a value, and none in a text field."""
    if not isinstance(value, str) or value == "":
        raise _unfit("no text, or an empty one")
    return value


def _json_to(read: Convert) -> Convert:
    return lambda value, before, after: read(storable(_json_text(value)), before, after)


def _json_to_number(value: Any, before: Field, after: Field) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise _unfit("no number")
    return value + 0.0 if isinstance(value, float) else _integer_to_number(value, before, after)


def _json_to_integer(value: Any, before: Field, after: Field) -> int:
    """5.0 too: PostgreSQL keeps 1e17 and 100000000000000000 as one."""
    if type(value) not in (int, float) or not math.isfinite(value):
        raise _unfit("no whole number")
    return _to_integer(value, before, after)


def _json_to_decimal(value: Any, before: Field, after: Field) -> Decimal:
    if isinstance(value, str):
        return _text_to_decimal(_json_text(value), before, after)
    return _exact_decimal(Decimal(_json_to_integer(value, before, after)), after)


def _json_to_bool(value: Any, before: Field, after: Field) -> bool:
    if not isinstance(value, bool):
        raise _unfit("neither true nor false")
    return value


def _json_to_choices(value: Any, before: Field, after: Field) -> tuple[str, ...]:
    assert isinstance(after, SelectField)
    if not isinstance(value, list) or not value or any(type(each) is not str or each not in after.values for each in value):
        raise _unfit("no list of the listed values")
    if len(set(value)) < len(value):
        raise _unfit("a list that names a value twice")
    return tuple(value)


def _json_to_place(value: Any, before: Field, after: Field) -> Any:
    return after.accept(value, TRUSTING)


# --- one and many


def _one_to_many(value: Any, before: Field, after: Field) -> tuple[Any, ...]:
    return (value,)


def _many_to_one(value: tuple[Any, ...], before: Field, after: Field) -> Any:
    if len(value) != 1:
        raise _unfit("more than one value")
    return value[0]


# --- the table

_TEXTS = ("text", "email", "url", "select", "relation")
_FROM_TEXT: Mapping[str, tuple[Convert, bool]] = {
    "select": (_to_choice, True), "email": (_text_to_email, True), "url": (_text_to_url, True), "relation": (_text_to_id, True),
    "integer": (_text_to_integer, True), "number": (_text_to_number, False), "decimal": (_text_to_decimal, False),
    "richtext": (_text_to_rich, True),
    "bool": (_text_to_bool, True), "date": (_text_to_date, False), "autodate": (_text_to_date, False), "day": (_text_to_day, True),
}  # fmt: skip
# What values of these types become as text, JSON or a choice, they also become from it again.
_SPOKEN = ("integer", "number", "decimal", "bool", "date", "autodate", "day")
_FROM_JSON: Mapping[str, tuple[Convert, bool]] = {
    "text": (_json_to(_same), True), "select": (_json_to(_to_choice), True), "email": (_json_to(_text_to_email), True),
    "url": (_json_to(_text_to_url), True), "relation": (_json_to(_text_to_id), True), "integer": (_json_to_integer, False),
    "number": (_json_to_number, False), "decimal": (_json_to_decimal, False), "bool": (_json_to_bool, True),
    "date": (_json_to(_text_to_date), False), "autodate": (_json_to(_text_to_date), False), "day": (_json_to(_text_to_day), True),
    "many select": (_json_to_choices, True), "richtext": (_json_to(_text_to_rich), True), "geo": (_json_to_place, False),
}  # fmt: skip
_NUMBERS: Mapping[tuple[str, str], Way] = {
    ("integer", "number"): Way(CHECKED, _integer_to_number), ("integer", "decimal"): Way(CHECKED, _to_decimal),
    ("integer", "bool"): Way(CHECKED, _to_bool), ("number", "integer"): Way(CHECKED, _to_integer),
    ("number", "decimal"): Way(CHECKED, _to_decimal), ("number", "bool"): Way(CHECKED, _to_bool),
    ("decimal", "integer"): Way(CHECKED, _to_integer), ("decimal", "number"): Way(CHECKED, _decimal_to_number),
    ("decimal", "decimal"): Way(CHECKED, _to_decimal), ("decimal", "bool"): Way(CHECKED, _to_bool),
    ("bool", "integer"): Way(LOSSLESS, _bool_to_integer), ("bool", "number"): Way(LOSSLESS, _bool_to_number),
    ("bool", "decimal"): Way(CHECKED, _to_decimal),
}  # fmt: skip
_MOMENTS: Mapping[tuple[str, str], Way] = {
    ("date", "autodate"): Way(LOSSLESS, _same), ("autodate", "date"): Way(LOSSLESS, _same),
    ("date", "day"): Way(CHECKED, _date_to_day), ("autodate", "day"): Way(CHECKED, _date_to_day),
    ("day", "date"): Way(LOSSLESS, _day_to_date), ("day", "autodate"): Way(LOSSLESS, _day_to_date),
}  # fmt: skip
_OTHERS: Mapping[tuple[str, str], Way] = {
    ("richtext", "text"): Way(LOSSLESS, _same, returns=False), ("richtext", "json"): Way(LOSSLESS, _to_json, returns=False),
    ("geo", "json"): Way(LOSSLESS, _same),
}  # fmt: skip
_MANYS: Mapping[tuple[str, str], Way] = {
    ("select", "many select"): Way(LOSSLESS, _one_to_many), ("many select", "select"): Way(CHECKED, _many_to_one),
    ("relation", "many relation"): Way(LOSSLESS, _one_to_many), ("many relation", "relation"): Way(CHECKED, _many_to_one),
    ("many select", "json"): Way(LOSSLESS, _to_json), ("many relation", "json"): Way(LOSSLESS, _to_json),
    ("relation", "relation"): Way(CHECKED, _same), ("many relation", "many relation"): Way(CHECKED, _same),
}  # fmt: skip


def _table() -> dict[tuple[str, str], Way]:
    ways: dict[tuple[str, str], Way] = {}
    for source in (*_TEXTS, *_SPOKEN):
        ways[source, "text"] = Way(LOSSLESS, _spoken)
        ways[source, "json"] = Way(LOSSLESS, _to_json)
        ways[source, "select"] = Way(CHECKED, _to_choice)
    for source in _TEXTS:
        ways |= {(source, target): Way(CHECKED, *way) for target, way in _FROM_TEXT.items()}
    ways |= {("json", target): Way(CHECKED, *way) for target, way in _FROM_JSON.items()}
    return {**ways, **_NUMBERS, **_MOMENTS, **_OTHERS, **_MANYS}


WAYS: Mapping[tuple[str, str], Way] = _table()
# Functions that answer a text with itself.
_LOOKING = (_same, _spoken, _to_choice, _text_to_url, _text_to_email, _text_to_id, _text_to_rich)
_KEPT = Way(LOSSLESS, _same)


def form(field: Field) -> str:
    """What a field is called in the table: its type, with `many` before it where it holds many values."""
    return f"many {field.type}" if field.many else field.type


def forms() -> tuple[str, ...]:
    return (*TYPES, "many select", "many relation", "many file")


def way_between(before: Field, after: Field) -> Way | None:
    """How values get from one to the other; None where the table says `refused`."""
    if form(before) == form(after) and not is_converted(before, after):
        return _KEPT
    return WAYS.get((form(before), form(after)))


def is_converted(before: Field, after: Field) -> bool:
    """Whether the change of a field is one of its type, so that stored values must be looked at."""
    if form(before) != form(after):
        return True
    if isinstance(before, DecimalField) and isinstance(after, DecimalField):
        return before.scale != after.scale
    return isinstance(before, RelationField) and isinstance(after, RelationField) and before.collection != after.collection


def is_lossless(before: Field, after: Field) -> bool:
    way = way_between(before, after)
    return way is not None and way.verdict == LOSSLESS


def keeps_values(before: Field, after: Field) -> bool:
    """Whether values stay as they are, byte for byte, and only have to be looked at."""
    if before.many or after.many or before.kind is not after.kind:
        return False
    return WAYS.get((form(before), form(after)), _KEPT).convert in _LOOKING


def keeps_form(before: Field, after: Field) -> bool:
    """Whether the columns do too: no foreign key comes or goes, and what stands beside the values is the same."""
    tied = isinstance(before, RelationField) or isinstance(after, RelationField)
    return keeps_values(before, after) and before.forms == after.forms and not tied


def convert(before: Field, after: Field) -> Callable[[Any], Any]:
    """The function of this pair; raises Unfit for a value that has no counterpart."""
    way = way_between(before, after)
    if way is None:
        raise ValueError(f"no way from {form(before)} to {form(after)}")
    return lambda value: way.convert(value, before, after)


def as_json(value: Any) -> Any:
    """A stored value as a body would hold it."""
    if isinstance(value, Decimal):
        return format(value, "f")
    return list(value) if isinstance(value, tuple) else value
