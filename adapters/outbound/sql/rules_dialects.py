"""What the two engines write differently in a compiled condition, each form chosen because both answer alike.

Text compares by code point on both: columns are declared so, and what PostgreSQL computes gets its COLLATE "C" here.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import (
    TIMESTAMP,
    BigInteger,
    ColumnElement,
    Double,
    FromClause,
    Numeric,
    Text,
    and_,
    case,
    cast,
    extract,
    false,
    func,
    literal_column,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB

from adapters.outbound.sql.sqlite_functions import SAME_JSON
from domain.errors import Invalid
from domain.rules.functions import EARTH_RADIUS_KM
from domain.schema.fields.times import write_instant
from domain.schema.kinds import Kind

Expression = ColumnElement[Any]
Truth = ColumnElement[bool]
Keys = tuple[str | int, ...]

EMPTY: Expression = literal_column("''", Text())
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_@$-]+")
_FIRST, _LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)


class Forms(Protocol):
    """The engine's own way to write each of these. `keys` lead into a JSON column; the answer is NULL where what they
    lead to is of another type."""

    def by_code_point(self, text: Expression) -> Expression: ...
    def lower(self, text: Expression) -> Expression: ...
    def like(self, text: Expression, pattern: Expression) -> Truth: ...
    def holds_text(self, text: Expression, part: Expression) -> Truth: ...
    def json_text(self, column: Expression, keys: Keys) -> Expression: ...
    def json_text_is(self, column: Expression, keys: Keys, text: Expression) -> Truth: ...
    def json_number(self, column: Expression, keys: Keys) -> Expression: ...
    def json_bool(self, column: Expression, keys: Keys) -> Expression: ...
    def json_present(self, column: Expression, keys: Keys) -> Truth: ...
    def json_length(self, column: Expression, keys: Keys) -> Expression: ...
    def moved(self, instant: Expression, seconds: int) -> Expression: ...
    def formatted(self, pattern: str, instant: Expression) -> Expression: ...
    def decimal_as_double(self, column: Expression, scale: int) -> Expression: ...
    def kilometres(self, lon_a: Expression, lat_a: Expression, lon_b: Expression, lat_b: Expression) -> Expression: ...
    def texts(self, column: Expression, name: str) -> tuple[FromClause, Expression]:
        """A list of texts as rows, and the text of a row; no rows where it is null."""
        ...

    def list_length(self, column: Expression) -> Expression: ...
    def json_array(self, column: Expression, keys: Keys) -> Expression:
        """What is there where it is an array, else an array that holds it alone."""
        ...

    def documents(self, array: Expression, name: str) -> tuple[FromClause, Expression]:
        """A JSON array as rows."""
        ...

    def document_value(self, row: FromClause, kind: Kind) -> Expression:
        """One of these, read as the kind: NULL where it is of another type. As JSON it is NULL only where it is null."""
        ...

    def same_json(self, value: Expression, other: Expression) -> Truth:
        """Whether a JSON value and one written as text are the same: numbers by what they are worth, keys in any order."""
        ...


class SqliteForms:
    def same_json(self, value: Expression, other: Expression) -> Truth:
        return getattr(func, SAME_JSON)(value, other) == literal_column("1")

    def by_code_point(self, text: Expression) -> Expression:
        return text

    def lower(self, text: Expression) -> Expression:
        return func.lower(text)

    def like(self, text: Expression, pattern: Expression) -> Truth:
        return text.like(pattern, escape="\\")

    def holds_text(self, text: Expression, part: Expression) -> Truth:
        return func.instr(text, part) > literal_column("0")

    def json_text(self, column: Expression, keys: Keys) -> Expression:
        return case((self._is_type(column, keys, "text"), self._extract(column, keys)))

    def json_text_is(self, column: Expression, keys: Keys, text: Expression) -> Truth:
        return and_(self._extract(column, keys) == text, self._is_type(column, keys, "text"))

    def json_number(self, column: Expression, keys: Keys) -> Expression:
        number: Expression = cast(self._extract(column, keys), Double())
        return case((self._is_type(column, keys, "integer", "real"), number))

    def json_bool(self, column: Expression, keys: Keys) -> Expression:
        # The value of true is the integer 1: only the type tells them apart.
        return case(
            (self._is_type(column, keys, "true"), literal_column("1")),
            (self._is_type(column, keys, "false"), literal_column("0")),
        )

    def json_present(self, column: Expression, keys: Keys) -> Truth:
        return self._type(column, keys) != literal_column("'null'")

    def json_length(self, column: Expression, keys: Keys) -> Expression:
        length = func.json_array_length(column, _sqlite_path(keys))
        return case((self._is_type(column, keys, "array"), length), else_=literal_column("0"))

    def moved(self, instant: Expression, seconds: int) -> Expression:
        shift = _quoted(f"{seconds:+d} seconds")
        moved = func.strftime(_quoted("%Y-%m-%dT%H:%M:%fZ"), instant, shift, type_=Text())
        return case((_stays_in_calendar(instant, seconds), moved))

    def formatted(self, pattern: str, instant: Expression) -> Expression:
        return func.strftime(_quoted(pattern), instant, type_=Text())

    def decimal_as_double(self, column: Expression, scale: int) -> Expression:
        return cast(column, Double()) / literal_column(f"1e{scale}", Double())

    def kilometres(self, lon_a: Expression, lat_a: Expression, lon_b: Expression, lat_b: Expression) -> Expression:
        return _haversine(lon_a, lat_a, lon_b, lat_b)

    def texts(self, column: Expression, name: str) -> tuple[FromClause, Expression]:
        rows = func.json_each(column).table_valued("value", name=name)
        return rows, type_coerce(rows.c.value, Text())

    def list_length(self, column: Expression) -> Expression:
        return func.json_array_length(column)

    def json_array(self, column: Expression, keys: Keys) -> Expression:
        there = column.op("->")(_sqlite_path(keys))
        return case((self._is_type(column, keys, "array"), there), else_=func.json_array(there))

    def documents(self, array: Expression, name: str) -> tuple[FromClause, Expression]:
        rows = func.json_each(array).table_valued("value", "type", name=name)
        return rows, rows.c.value

    def document_value(self, row: FromClause, kind: Kind) -> Expression:
        type_, value = row.c.type, row.c.value
        if kind is Kind.JSON:
            return case((type_ != _quoted("null"), type_))
        if kind is Kind.BOOL:
            return case((type_ == _quoted("true"), literal_column("1")), (type_ == _quoted("false"), literal_column("0")))
        if kind.is_numeric:
            return case((type_.in_([_quoted("integer"), _quoted("real")]), cast(value, Double())))
        return case((type_ == _quoted("text"), type_coerce(value, Text())))

    def _extract(self, column: Expression, keys: Keys) -> Expression:
        return func.json_extract(column, _sqlite_path(keys))

    def _type(self, column: Expression, keys: Keys) -> Expression:
        return func.json_type(column, _sqlite_path(keys))

    def _is_type(self, column: Expression, keys: Keys, *names: str) -> Truth:
        kind = self._type(column, keys)
        return kind == _quoted(names[0]) if len(names) == 1 else kind.in_([_quoted(name) for name in names])


class PostgresqlForms:
    def same_json(self, value: Expression, other: Expression) -> Truth:
        return cast(value, JSONB) == cast(other, JSONB)

    def by_code_point(self, text: Expression) -> Expression:
        return text.collate("C")

    def lower(self, text: Expression) -> Expression:
        # Under the database's own collation it folds letters beyond ASCII, even those of parameters.
        return func.lower(text.collate("C")).collate("C")

    def like(self, text: Expression, pattern: Expression) -> Truth:
        return text.ilike(pattern)

    def holds_text(self, text: Expression, part: Expression) -> Truth:
        return func.strpos(text, part) > literal_column("0")

    def json_text(self, column: Expression, keys: Keys) -> Expression:
        return case((self._is_type(column, keys, "string"), self._text(column, keys).collate("C")))

    def json_text_is(self, column: Expression, keys: Keys, text: Expression) -> Truth:
        return and_(self._text(column, keys).collate("C") == text, self._is_type(column, keys, "string"))

    def json_number(self, column: Expression, keys: Keys) -> Expression:
        return case((self._is_type(column, keys, "number"), cast(self._text(column, keys), Double())))

    def json_bool(self, column: Expression, keys: Keys) -> Expression:
        return case((self._is_type(column, keys, "boolean"), self._text(column, keys) == literal_column("'true'")))

    def json_present(self, column: Expression, keys: Keys) -> Truth:
        return self._type(column, keys) != literal_column("'null'")

    def json_length(self, column: Expression, keys: Keys) -> Expression:
        length = func.jsonb_array_length(self._inside(column, keys))
        return case((self._is_type(column, keys, "array"), length), else_=literal_column("0"))

    def moved(self, instant: Expression, seconds: int) -> Expression:
        moved = _instant(instant).op("+")(literal_column(f"INTERVAL '{seconds} seconds'"))
        text = func.to_char(func.timezone(_quoted("UTC"), moved), _quoted('YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), type_=Text())
        return case((_stays_in_calendar(instant, seconds), text.collate("C")))

    def formatted(self, pattern: str, instant: Expression) -> Expression:
        moment = func.timezone(_quoted("UTC"), _instant(instant))
        text: Expression = _quoted("")
        for literal, letter in re.findall(r"([^%]+)|%(.)", pattern):
            text = text.concat(_quoted(literal) if literal else _PIECES[letter](moment))
        return self.by_code_point(text)

    def decimal_as_double(self, column: Expression, scale: int) -> Expression:
        # The same two steps as on SQLite, so that both round alike.
        whole: Expression = cast(column * literal_column(f"1e{scale}", Numeric()), Double())
        return whole / literal_column(f"1e{scale}::float8", Double())

    def kilometres(self, lon_a: Expression, lat_a: Expression, lon_b: Expression, lat_b: Expression) -> Expression:
        return _haversine(lon_a, lat_a, lon_b, lat_b)

    def texts(self, column: Expression, name: str) -> tuple[FromClause, Expression]:
        rows = func.jsonb_array_elements_text(column).table_valued("value", name=name).render_derived()
        return rows, type_coerce(rows.c.value, Text()).collate("C")

    def list_length(self, column: Expression) -> Expression:
        return func.jsonb_array_length(column)

    def json_array(self, column: Expression, keys: Keys) -> Expression:
        there = self._inside(column, keys)
        return case((self._is_type(column, keys, "array"), there), else_=func.jsonb_build_array(there))

    def documents(self, array: Expression, name: str) -> tuple[FromClause, Expression]:
        rows = func.jsonb_array_elements(array).table_valued("value", name=name).render_derived()
        return rows, rows.c.value

    def document_value(self, row: FromClause, kind: Kind) -> Expression:
        document = type_coerce(row.c.value, JSONB())
        if kind is Kind.JSON:
            return case((self.json_present(document, ()), document))
        if kind is Kind.BOOL:
            return self.json_bool(document, ())
        return self.json_number(document, ()) if kind.is_numeric else self.json_text(document, ())

    def _inside(self, column: Expression, keys: Keys) -> Expression:
        if any(isinstance(key, int) for key in keys):
            # Lax mode and #> would also take a number for an object's key, or an array for its only element.
            path = _quoted("strict $" + "".join(f"[{key}]" if isinstance(key, int) else f'."{_key(key)}"' for key in keys))
            return func.jsonb_path_query_first(column, path, literal_column("'{}'"), literal_column("true"), type_=JSONB())
        return column.op("#>", return_type=JSONB())(_postgresql_path(keys)) if keys else column

    def _text(self, column: Expression, keys: Keys) -> Expression:
        if keys and not any(isinstance(key, int) for key in keys):
            return column.op("#>>", return_type=Text())(_postgresql_path(keys))
        return self._inside(column, keys).op("#>>", return_type=Text())(_quoted("{}"))

    def _type(self, column: Expression, keys: Keys) -> Expression:
        return func.jsonb_typeof(self._inside(column, keys))

    def _is_type(self, column: Expression, keys: Keys, name: str) -> Truth:
        return self._type(column, keys) == _quoted(name)


FORMS: dict[str, Forms] = {"sqlite": SqliteForms(), "postgresql": PostgresqlForms()}


def _key(key: str | int) -> str:
    """Keys are rendered into the statement: only characters that mean nothing there."""
    if isinstance(key, str) and not _PLAIN_KEY.fullmatch(key):
        raise Invalid(f"the key `{key[:80]}` inside a JSON field cannot be named in a rule", code="not_supported")
    return str(key)


def _quoted(text: str) -> Expression:
    return literal_column("'" + text.replace("'", "''") + "'", Text())


def _sqlite_path(keys: Keys) -> Expression:
    steps = (f"[{key}]" if isinstance(key, int) else f'."{_key(key)}"' for key in keys)
    return _quoted("$" + "".join(steps))


def _postgresql_path(keys: Keys) -> Expression:
    return _quoted("{" + ",".join(_key(key) for key in keys) + "}")


def _stays_in_calendar(instant: Expression, seconds: int) -> Truth:
    """Asked of the instant before it is moved: outside the years 1 to 9999 PostgreSQL fails and SQLite answers with what is no
    date."""
    try:
        farthest = (_FIRST if seconds < 0 else _LAST) - timedelta(seconds=seconds)
    except OverflowError:
        return false()
    bound = _quoted(write_instant(farthest))
    return instant >= bound if seconds < 0 else instant <= bound


def _instant(text: Expression) -> Expression:
    return cast(func.nullif(text, EMPTY), TIMESTAMP(timezone=True))


def _to_char(pattern: str) -> Callable[[Expression], Expression]:
    return lambda moment: func.to_char(moment, _quoted(pattern), type_=Text())


# What each letter of a strftime format is on PostgreSQL.
_PIECES: dict[str, Callable[[Expression], Expression]] = {
    "d": _to_char("DD"), "f": _to_char("SS.MS"), "H": _to_char("HH24"), "j": _to_char("DDD"), "m": _to_char("MM"),
    "M": _to_char("MI"), "S": _to_char("SS"), "Y": _to_char("YYYY"),
    "s": lambda moment: cast(cast(func.floor(extract("epoch", moment)), BigInteger()), Text()),
    "w": lambda moment: func.to_char(extract("dow", moment), _quoted("FM0"), type_=Text()),
    "%": lambda moment: _quoted("%"),
}  # fmt: skip


def _haversine(lon_a: Expression, lat_a: Expression, lon_b: Expression, lat_b: Expression) -> Expression:
    """Kilometres on a sphere, in the evaluator's own steps, so that rounding is the same."""
    up, over = func.radians(lat_b - lat_a), func.radians(lon_b - lon_a)
    one = _number("1.0")
    up_half, over_half = func.sin(up * _number("0.5")), func.sin(over * _number("0.5"))
    chord = up_half * up_half + func.cos(func.radians(lat_a)) * func.cos(func.radians(lat_b)) * (over_half * over_half)
    return _number(str(2 * EARTH_RADIUS_KM)) * func.asin(func.sqrt(case((chord < one, chord), (chord >= one, one))), type_=Double())


def _number(digits: str) -> Expression:
    return cast(literal_column(digits), Double())
