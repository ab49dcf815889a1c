"""Counting, adding up and comparing columns of many rows, exactly and alike on both engines.

SQLite's own sum() of integers fails where it leaves 64 bits, so the two halves of each integer are added up apart. Sums of doubles
depend on the order of rows where each step rounds: here they are the sum of the numbers as they are written, rounded once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    Numeric,
    Text,
    and_,
    case,
    cast,
    func,
    literal_column,
)

from adapters.outbound.sql.sqlite_functions import EXACT_SUM
from domain.schema.kinds import DECIMAL_DIGITS, INT64_MAX, INT64_MIN, Kind

Expression = ColumnElement[Any]
_HALF: Expression = literal_column("32")
_LOW_HALF: Expression = literal_column("4294967295")
_WRAP: Expression = literal_column("4294967296.0", Double())
_LARGEST: Expression = literal_column("1.7976931348623157e308", Numeric())
_LEAST: Expression = literal_column("3e-324", Numeric())


@dataclass(frozen=True, slots=True)
class Measured:
    """`columns`, one after the other, are what to sort by as well; `present` makes the answer of their values, none of which is
    NULL then."""

    columns: tuple[Expression, ...]
    present: Callable[[Sequence[Any]], Any] | None = None


def measured(function: str, column: Expression | None, kind: Kind, scale: int, dialect: str) -> Measured:
    """For answers: sums have as many digits as they need. `kind` is the column's, `scale` a decimal's."""
    if function == "sum" and kind is not Kind.NUMBER and column is not None:
        return _exact_sum(column, kind, scale, dialect)
    return Measured((measure(function, column, kind, scale, dialect),))


def measure(function: str, column: Expression | None, kind: Kind, scale: int, dialect: str) -> Expression:
    """One expression, for views too: NULL where a sum has more digits than a field of its kind holds."""
    if column is None:
        return func.count()
    if function == "count":
        return func.count(column)
    if function in ("min", "max"):
        return getattr(func, function)(column, type_=column.type)  # type: ignore[no-any-return]
    if kind is Kind.NUMBER:
        total = _double_sum(column, dialect)
        return total if function == "sum" else _ratio(total, column)
    if function == "avg":
        mean = _ratio(_as_double(column, scale, dialect), column)
        return mean / literal_column(f"1e{scale}", Double()) if kind is Kind.DECIMAL else mean
    return _fitting_sum(column, kind, scale, dialect)


# --- integers, and decimals as integers of their last digit


def _halves(column: Expression) -> tuple[Expression, Expression]:
    """The sum as high * 2^32 + low, low being from 0 to 2^32 - 1."""
    high, low = func.sum(column.op(">>")(_HALF)), func.sum(column.op("&")(_LOW_HALF))
    return high.op("+")(low.op(">>")(_HALF)), low.op("&")(_LOW_HALF)


def _exact_sum(column: Expression, kind: Kind, scale: int, dialect: str) -> Measured:
    columns = _halves(column) if dialect == "sqlite" else (func.sum(column),)

    def present(values: Sequence[Any]) -> Any:
        total = values[0] * 2**32 + values[1] if dialect == "sqlite" else values[0]
        if kind is Kind.INTEGER:
            # Beyond 64 bits as text: most readers of JSON would round it.
            return int(total) if INT64_MIN <= total <= INT64_MAX else str(int(total))
        return format(Decimal(total).scaleb(-scale) if dialect == "sqlite" else total, "f")

    return Measured(columns, present)


def _fitting_sum(column: Expression, kind: Kind, scale: int, dialect: str) -> Expression:
    if dialect == "sqlite":
        high, low = _halves(column)
        total: Expression = high.op("<<")(_HALF).op("|")(low)
        fits = high.between(literal_column("-2147483648"), literal_column("2147483647"))
        if kind is Kind.INTEGER:
            return case((fits, total))
        return case((and_(fits, total.between(*_bounds(0))), total))
    total = func.sum(column, type_=Numeric())
    if kind is Kind.INTEGER:
        return case((total.between(literal_column(str(INT64_MIN)), literal_column(str(INT64_MAX))), cast(total, BigInteger())))
    return case((total.between(*_bounds(scale)), total))


def _bounds(scale: int) -> tuple[Expression, Expression]:
    largest = format(Decimal(10**DECIMAL_DIGITS - 1).scaleb(-scale), "f")
    return literal_column(f"-{largest}"), literal_column(largest)


def _as_double(column: Expression, scale: int, dialect: str) -> Expression:
    """The sum of integers, rounded once."""
    if dialect == "sqlite":
        high, low = _halves(column)
        return cast(high, Double()) * _WRAP + cast(low, Double())
    whole = column * literal_column(f"1e{scale}", Numeric()) if scale else column
    return cast(func.sum(whole), Double())


# --- doubles


def _double_sum(column: Expression, dialect: str) -> Expression:
    if dialect == "sqlite":
        return getattr(func, EXACT_SUM)(column, type_=Double())  # type: ignore[no-any-return]
    total = func.sum(cast(cast(column, Text()), Numeric()), type_=Numeric())
    size: Expression = func.abs(total, type_=Numeric())
    # PostgreSQL refuses to read as a double what lies beyond the largest or before the least one.
    return case((size < _LEAST, literal_column("0", Double())), (size <= _LARGEST, cast(total, Double())))


def _ratio(total: Expression, column: Expression) -> Expression:
    return total / cast(func.count(column), Double())
