"""Conversions of stored values as expressions of SQLite, for pairs that are common and simple: null where a value has no counterpart.

Each says the same as the function of its pair in `domain.schema.conversions`, and saves a call of that function for every record;
a test holds them to each other.
"""

from collections.abc import Callable

from adapters.outbound.sql.literals import literal
from domain.schema.conversions import form
from domain.schema.fields import Field, SelectField

Expression = Callable[[str, Field], str]

_LARGEST_EXACT = "9223372036854774784"  # the largest double within 64 bits
_AS_TEXT: dict[str, Callable[[str], str]] = {
    "integer": lambda x: f"CAST({x} AS TEXT)",
    "bool": lambda x: f"CASE {x} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END",
}
_TEXTS = ("text", "email", "url", "select", "relation")
_WRITTEN = (*_TEXTS, "date", "autodate", "day")


def _same(x: str, after: Field) -> str:
    return x


def _case(condition: str, then: str) -> str:
    return f"CASE WHEN {condition} THEN {then} END"


def _text_to_integer(x: str, after: Field) -> str:
    """What is read as a number and written again is the same for whole numbers of 64 bits alone."""
    return _case(f"CAST(CAST({x} AS INTEGER) AS TEXT) = {x}", f"CAST({x} AS INTEGER)")


def _text_to_bool(x: str, after: Field) -> str:
    return f"CASE {x} WHEN 'true' THEN 1 WHEN 'false' THEN 0 END"


def _text_to_id(x: str, after: Field) -> str:
    return _case(f"{x} NOT GLOB '*[^A-Za-z0-9_-]*' AND length({x}) BETWEEN 1 AND 64", x)


def _choice(text: str, after: Field) -> str:
    assert isinstance(after, SelectField)
    values = ", ".join(literal(value, "sqlite") for value in after.values)
    return _case(f"{text} IN ({values})", text)


def _integer_to_number(x: str, after: Field) -> str:
    return _case(f"{x} <= {_LARGEST_EXACT} AND CAST(CAST({x} AS REAL) AS INTEGER) = {x}", f"CAST({x} AS REAL)")


def _number_to_integer(x: str, after: Field) -> str:
    within = f"{x} >= -9223372036854775808.0 AND {x} < 9223372036854775808.0"
    return _case(f"{within} AND CAST({x} AS INTEGER) = {x}", f"CAST({x} AS INTEGER)")


def _to_day(x: str, after: Field) -> str:
    return _case(f"substr({x}, 11) = 'T00:00:00.000Z'", f"substr({x}, 1, 10)")


def _to_instant(x: str, after: Field) -> str:
    return f"{x} || 'T00:00:00.000Z'"


def _json_to_text(x: str, after: Field) -> str:
    return _case(f"json_type({x}) = 'text'", f"nullif(json_extract({x}, '$'), '')")


def _table() -> dict[tuple[str, str], Expression]:
    table: dict[tuple[str, str], Expression] = {}
    for source in (*_WRITTEN, *_AS_TEXT):
        spoken = _AS_TEXT.get(source, lambda x: x)
        table[source, "text"] = lambda x, after, spoken=spoken: spoken(x)  # type: ignore[misc]
        table[source, "select"] = lambda x, after, spoken=spoken: _choice(spoken(x), after)  # type: ignore[misc]
    for source in _WRITTEN:
        table[source, "json"] = lambda x, after: f"json_quote({x})"
    for source in _TEXTS:
        table[source, "integer"] = _text_to_integer
        table[source, "bool"] = _text_to_bool
        table[source, "relation"] = _text_to_id
    return {**table, **_OTHERS}


_OTHERS: dict[tuple[str, str], Expression] = {
    ("integer", "json"): lambda x, after: f"CAST({x} AS TEXT)",
    ("integer", "number"): _integer_to_number,
    ("integer", "bool"): lambda x, after: _case(f"{x} IN (0, 1)", x),
    ("number", "integer"): _number_to_integer,
    ("bool", "integer"): _same,
    ("date", "autodate"): _same,
    ("autodate", "date"): _same,
    ("date", "day"): _to_day,
    ("autodate", "day"): _to_day,
    ("day", "date"): _to_instant,
    ("day", "autodate"): _to_instant,
    ("relation", "relation"): _same,
    ("json", "text"): _json_to_text,
    ("select", "many select"): lambda x, after: f"json_array({x})",
    ("many select", "select"): lambda x, after: _case(f"json_array_length({x}) = 1", f"json_extract({x}, '$[0]')"),
    ("many select", "json"): _same,
    ("richtext", "text"): _same,
}

_TABLE = _table()


def expression(before: Field, after: Field, held: str) -> str | None:
    """What makes of the value of a column, null where it is absent, what the other field keeps; None where only the function of the
    pair can tell."""
    make = _TABLE.get((form(before), form(after)))
    return make(held, after) if make else None
