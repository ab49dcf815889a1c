"""Exact columns against any exact number: which storable bound says the same, or that none is needed.

An integer column holds 64 bits, a decimal column 18 digits at its scale. Asking an engine about a value that the column cannot
hold is an error on one and wrong on the other, so it is never asked.
"""

from decimal import Decimal
from fractions import Fraction

from domain.schema.kinds import DECIMAL_DIGITS, INT64_MAX, INT64_MIN, Kind

_PRESENT = "present"
Verdict = bool | str | tuple[str, int | Decimal]


def storable_bound(op: str, number: int | Decimal, kind: Kind, scale: int) -> Verdict:
    """What `column op number` comes to: True or False for every row, "present" for every row that has a value, or the
    operator and the number to compare with."""
    if kind is Kind.INTEGER:
        if type(number) is int and INT64_MIN <= number <= INT64_MAX:
            return op, number
        return _within(op, Fraction(number), INT64_MIN, INT64_MAX)
    most = 10**DECIMAL_DIGITS - 1
    found = _within(op, Fraction(number) * 10**scale, -most, most)
    return (found[0], Decimal(found[1]).scaleb(-scale)) if isinstance(found, tuple) else found


def _within(op: str, number: Fraction, low: int, high: int) -> bool | str | tuple[str, int]:
    whole = number.numerator // number.denominator
    if op in ("=", "!="):
        return (op, whole) if whole == number and low <= whole <= high else op == "!="
    if whole != number:
        # The next whole number below decides `<` and `<=` alike, the one above `>` and `>=`.
        op, whole = ("<=", whole) if op in ("<", "<=") else (">=", whole + 1)
    if whole > high:
        return _PRESENT if op in ("<", "<=") else False
    if whole < low:
        return _PRESENT if op in (">", ">=") else False
    return op, whole
