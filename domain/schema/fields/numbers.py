"""Whole numbers, floating-point numbers and exact decimals; none becomes another, none is rounded."""

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from domain.schema.fields.base import Field, Tools, Unfit, checked_bounds, field_type
from domain.schema.kinds import DECIMAL_DIGITS, INT64_MAX, INT64_MIN, Kind


def _is_integer(value: Any) -> bool:
    return type(value) is int and INT64_MIN <= value <= INT64_MAX


def _is_double(value: Any) -> bool:
    return (type(value) is float and math.isfinite(value)) or (
        type(value) is int and abs(value) <= 2**1023 and int(float(value)) == value
    )


def within(value: Any, low: Any, high: Any) -> None:
    if low is not None and value < low:
        raise Unfit("too_small", f"at least {low}")
    if high is not None and value > high:
        raise Unfit("too_large", f"at most {high}")


@field_type
@dataclass(frozen=True, slots=True, kw_only=True)
class IntegerField(Field):
    """A whole number of 64 bits."""

    type: ClassVar[str] = "integer"
    kind: ClassVar[Kind] = Kind.INTEGER
    min: int | None = None
    max: int | None = None

    def check_options(self) -> None:
        Field.check_options(self)
        checked_bounds(self.min, self.max, _is_integer, "a whole number")

    def accept(self, value: Any, tools: Tools) -> int:
        if not _is_integer(value):
            raise Unfit("not_integer", "this must be a whole number of at most 64 bits, written without a fraction")
        within(value, self.min, self.max)
        return value


@field_type
@dataclass(frozen=True, slots=True, kw_only=True)
class NumberField(Field):
    """A finite IEEE 754 double; a whole number that a double cannot hold exactly is refused."""

    type: ClassVar[str] = "number"
    kind: ClassVar[Kind] = Kind.NUMBER
    min: float | None = None
    max: float | None = None

    def check_options(self) -> None:
        Field.check_options(self)
        checked_bounds(self.min, self.max, _is_double, "a number")

    def accept(self, value: Any, tools: Tools) -> float:
        if not _is_double(value):
            raise Unfit("not_number", "this must be a finite number that a double holds exactly")
        within(value, self.min, self.max)
        return float(value) + 0.0  # -0.0 becomes 0.0: the engines print it differently


_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")


def read_decimal(value: Any) -> Decimal | None:
    """An exact decimal from its text or from a whole number; None for anything else, a float above all."""
    if type(value) is int and abs(value) < 10**DECIMAL_DIGITS:
        return Decimal(value)
    if isinstance(value, str) and len(value) <= 40 and _DECIMAL.fullmatch(value):
        return Decimal(value)
    return None


@field_type
@dataclass(frozen=True, slots=True, kw_only=True)
class DecimalField(Field):
    """An exact decimal with `scale` digits after the point and at most 18 in all, text in JSON ("12.50")."""

    type: ClassVar[str] = "decimal"
    kind: ClassVar[Kind] = Kind.DECIMAL
    scale: int
    min: str | int | None = None
    max: str | int | None = None

    def check_options(self) -> None:
        Field.check_options(self)
        if type(self.scale) is not int or not 0 <= self.scale <= DECIMAL_DIGITS:
            raise Unfit("invalid_option", f"`scale` is a whole number from 0 to {DECIMAL_DIGITS}")
        for name, bound in (("min", self.min), ("max", self.max)):
            if bound is not None and read_decimal(bound) is None:
                raise Unfit("invalid_option", f"`{name}` is a decimal written as text")
        low, high = self.bounds
        if low is not None and high is not None and low > high:
            raise Unfit("invalid_option", "`min` is greater than `max`")

    @property
    def bounds(self) -> tuple[Decimal | None, Decimal | None]:
        return (
            None if self.min is None else read_decimal(self.min),
            None if self.max is None else read_decimal(self.max),
        )

    @property
    def largest(self) -> Decimal:
        """What 18 digits hold at this scale."""
        return Decimal(10**DECIMAL_DIGITS - 1).scaleb(-self.scale)

    def accept(self, value: Any, tools: Tools) -> Decimal:
        number = read_decimal(value)
        if number is None:
            raise Unfit("not_decimal", 'this must be a decimal written as text, for example "12.50"')
        if -int(number.as_tuple().exponent) > self.scale:
            raise Unfit("too_precise", f"at most {self.scale} digits after the point")
        if abs(number) > self.largest:
            raise Unfit("too_large", f"at most {DECIMAL_DIGITS} digits in all, {self.scale} of them after the point")
        exact = number.quantize(Decimal(1).scaleb(-self.scale)) + 0
        within(exact, *self.bounds)
        return exact
