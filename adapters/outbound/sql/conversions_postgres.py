"""Conversions of stored values as expressions of PostgreSQL: null where a value has no counterpart, and never an error.

Each says the same as the function of its pair in `domain.schema.conversions`; a test holds them to each other. Pairs that are
not here are converted by that function. WHENs are nested where a later one would fail on what an earlier one keeps out: the order
in which the sides of an AND are looked at is the planner's.
"""

from collections.abc import Callable

from adapters.outbound.sql.literals import literal
from domain.schema.conversions import form
from domain.schema.fields import DecimalField, Field, SelectField

Expression = Callable[[str, Field], str]

_INTEGER = r"'^(0|-?[1-9][0-9]{0,18})$'"
_NUMBER = r"'^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?$'"
_DECIMAL = r"'^-?(0|[1-9][0-9]*)(\.[0-9]+)?$'"
_LEAST, _MOST = "-9223372036854775808", "9223372036854775807"
_LARGEST_EXACT = "9223372036854774784"  # the largest double within 64 bits
_LARGEST_DOUBLE, _SMALLEST_DOUBLE = "1.7976931348623157e308", "4.9e-324"


def _case(condition: str, then: str) -> str:
    return f"CASE WHEN {condition} THEN {then} END"


def _same(x: str, after: Field) -> str:
    return x


def _whole(exact: str) -> str:
    """A 64-bit integer from an exact number."""
    return _case(f"{exact} = trunc({exact}) AND {exact} BETWEEN {_LEAST} AND {_MOST}", f"({exact})::bigint")


def _decimal(exact: str, after: Field) -> str:
    assert isinstance(after, DecimalField)
    fits = f"abs({exact}) <= {after.largest:f} AND round({exact}, {after.scale}) = {exact}"
    return _case(fits, f"({exact})::numeric(18, {after.scale})")


def _double(exact: str) -> str:
    """A double whose shortest form is the exact number."""
    number = f"({exact})::double precision"
    in_range = f"{exact} = 0 OR abs({exact}) BETWEEN {_SMALLEST_DOUBLE}::numeric AND {_LARGEST_DOUBLE}::numeric"
    return _case(in_range, _case(f"{number}::text::numeric = {exact}", f"{number} + 0"))


def _integer_to_double(x: str) -> str:
    number = f"({x})::double precision"
    return _case(f"{x} <= {_LARGEST_EXACT}", _case(f"{number}::bigint = {x}", number))


def _shortest(x: str) -> str:
    """The exact number that a double's shortest form says."""
    return f"({x})::text::numeric"


# --- from and to text


def _text_to_integer(x: str, after: Field) -> str:
    return _case(f"{x} ~ {_INTEGER}", _whole(f"({x})::numeric"))


def _text_to_number(x: str, after: Field) -> str:
    exponent = f"coalesce(abs(substring({x} from '[eE]([+-]?[0-9]+)$')::int), 0)"
    return _case(f"length({x}) <= 40 AND {x} ~ {_NUMBER}", _case(f"{exponent} <= 400", _double(f"({x})::numeric")))


def _text_to_decimal(x: str, after: Field) -> str:
    return _case(f"length({x}) <= 40 AND {x} ~ {_DECIMAL}", _decimal(f"({x})::numeric", after))


def _text_to_bool(x: str, after: Field) -> str:
    return f"CASE {x} WHEN 'true' THEN true WHEN 'false' THEN false END"


def _text_to_id(x: str, after: Field) -> str:
    return _case(f"{x} ~ '^[A-Za-z0-9_-]{{1,64}}$'", x)


def _choice(text: str, after: Field) -> str:
    assert isinstance(after, SelectField)
    values = ", ".join(literal(value, "postgresql") for value in after.values)
    return _case(f"{text} IN ({values})", text)


_AS_TEXT: dict[str, Callable[[str], str]] = {
    "integer": lambda x: f"({x})::text",
    "decimal": lambda x: f"({x})::text",
    "number": lambda x: f"CASE WHEN {x} = trunc({x}) AND abs({x}) < 1e15 THEN ({x})::bigint::text ELSE ({x})::text END",
    "bool": lambda x: f"CASE WHEN {x} THEN 'true' WHEN NOT {x} THEN 'false' END",
}
_TEXTS = ("text", "email", "url", "select", "relation")
_WRITTEN = (*_TEXTS, "date", "autodate", "day")


def _spoken(source: str, x: str) -> str:
    return _AS_TEXT[source](x) if source in _AS_TEXT else x


# --- JSON


def _json_text(x: str) -> str:
    return _case(f"jsonb_typeof({x}) = 'string'", f"nullif({x} #>> '{{}}', '')")


def _json_number(x: str, then: Callable[[str], str]) -> str:
    return _case(f"jsonb_typeof({x}) = 'number'", then(f"({x} #>> '{{}}')::numeric"))


def _json_to_double(exact: str) -> str:
    """Whole numbers of 64 bits are exact or none; what else there is was a double when it was sent."""
    whole = f"{exact} = trunc({exact}) AND {exact} BETWEEN {_LEAST} AND {_MOST}"
    return f"CASE WHEN {whole} THEN {_integer_to_double(exact + '::bigint')} ELSE ({exact})::double precision END"


def _json_to_decimal(x: str, after: Field) -> str:
    number = _case(f"{_json_number(x, _whole)} IS NOT NULL", _decimal(f"({x} #>> '{{}}')::numeric", after))
    return f"CASE jsonb_typeof({x}) WHEN 'number' THEN {number} WHEN 'string' THEN {_text_to_decimal(_json_text(x), after)} END"


def _json_to_bool(x: str, after: Field) -> str:
    return _case(f"jsonb_typeof({x}) = 'boolean'", f"({x})::boolean")


def _number_to_json(x: str, after: Field) -> str:
    return f"CASE WHEN {x} = trunc({x}) AND abs({x}) < 1e15 THEN to_jsonb(({x})::bigint) ELSE to_jsonb({x}) END"


# --- the table


def _table() -> dict[tuple[str, str], Expression]:
    table: dict[tuple[str, str], Expression] = {}
    for source in (*_WRITTEN, *_AS_TEXT):
        table[source, "text"] = lambda x, after, source=source: _spoken(source, x)  # type: ignore[misc]
        table[source, "select"] = lambda x, after, source=source: _choice(_spoken(source, x), after)  # type: ignore[misc]
        table[source, "json"] = lambda x, after, source=source: f"to_jsonb({_spoken(source, x)})"  # type: ignore[misc]
    for source in _TEXTS:
        table[source, "integer"] = _text_to_integer
        table[source, "number"] = _text_to_number
        table[source, "decimal"] = _text_to_decimal
        table[source, "bool"] = _text_to_bool
        table[source, "relation"] = _text_to_id
    return {**table, **_OTHERS}


_OTHERS: dict[tuple[str, str], Expression] = {
    ("integer", "number"): lambda x, after: _integer_to_double(x),
    ("integer", "decimal"): lambda x, after: _decimal(f"({x})::numeric", after),
    ("integer", "bool"): lambda x, after: f"CASE {x} WHEN 0 THEN false WHEN 1 THEN true END",
    ("integer", "json"): lambda x, after: f"to_jsonb({x})",
    ("number", "integer"): lambda x, after: _case(f"{x} = trunc({x}) AND {x} >= -2^63 AND {x} < 2^63", f"({x})::bigint"),
    ("number", "decimal"): lambda x, after: _decimal(_shortest(x), after),
    ("number", "bool"): lambda x, after: f"CASE {x} WHEN 0 THEN false WHEN 1 THEN true END",
    ("number", "json"): _number_to_json,
    ("decimal", "integer"): lambda x, after: _whole(x),
    ("decimal", "number"): lambda x, after: _double(x),
    ("decimal", "decimal"): _decimal,
    ("decimal", "bool"): lambda x, after: f"CASE {x} WHEN 0 THEN false WHEN 1 THEN true END",
    ("bool", "integer"): lambda x, after: f"({x})::int::bigint",
    ("bool", "number"): lambda x, after: f"({x})::int::double precision",
    ("bool", "decimal"): lambda x, after: _decimal(f"({x})::int::numeric", after),
    ("bool", "json"): lambda x, after: f"to_jsonb({x})",
    ("date", "autodate"): _same,
    ("autodate", "date"): _same,
    ("date", "day"): lambda x, after: _case(f"right({x}, 14) = 'T00:00:00.000Z'", f"left({x}, 10)"),
    ("autodate", "day"): lambda x, after: _case(f"right({x}, 14) = 'T00:00:00.000Z'", f"left({x}, 10)"),
    ("day", "date"): lambda x, after: f"{x} || 'T00:00:00.000Z'",
    ("day", "autodate"): lambda x, after: f"{x} || 'T00:00:00.000Z'",
    ("relation", "relation"): _same,
    ("json", "text"): lambda x, after: _json_text(x),
    ("json", "select"): lambda x, after: _choice(_json_text(x), after),
    ("json", "relation"): lambda x, after: _text_to_id(_json_text(x), after),
    ("json", "integer"): lambda x, after: _json_number(x, _whole),
    ("json", "number"): lambda x, after: _json_number(x, _json_to_double),
    ("json", "decimal"): _json_to_decimal,
    ("json", "bool"): _json_to_bool,
    ("select", "many select"): lambda x, after: f"jsonb_build_array({x})",
    ("many select", "select"): lambda x, after: _case(f"jsonb_array_length({x}) = 1", f"{x} ->> 0"),
    ("many select", "json"): _same,
    ("geo", "json"): _same,
    ("richtext", "text"): _same,
    ("richtext", "json"): lambda x, after: f"to_jsonb({x})",
}  # fmt: skip

_TABLE = _table()


def expression(before: Field, after: Field, held: str) -> str | None:
    """What makes of the value of a column, null where it is absent, what the other field keeps; None where only the function of the
    pair can tell."""
    make = _TABLE.get((form(before), form(after)))
    return make(held, after) if make else None
