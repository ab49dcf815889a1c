"""How the values of a condition's slots become the parameters of its compiled form: one slot may be asked for in several forms."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Any

from domain.errors import Invalid

Convert = Callable[..., Any]

# SQLite gives up on a longer LIKE pattern with an error of its own.
MAX_PATTERN_BYTES = 50_000
MIDNIGHT = "T00:00:00.000Z"
LAST_CHARACTER = "\U0010ffff"
# Wide enough that no accepted number is rounded while it is scaled.
_EXACT = Context(prec=8_000, Emax=MAX_EMAX, Emin=MIN_EMIN)
# Beyond every column of 18 digits, and within 64 bits.
_BEYOND = Decimal(10) ** 18 * 9


@dataclass(frozen=True, slots=True)
class Bind:
    """The parameter `name` is the value of the slot (or what `convert` makes of the values of all `slots`)."""

    name: str
    slots: tuple[int, ...]
    convert: Convert | None = None

    def value(self, values: Sequence[Any]) -> Any:
        if self.convert is None:
            return values[self.slots[0]]
        return self.convert(*(values[slot] for slot in self.slots))


def bind_values(binds: Iterable[Bind], values: Sequence[Any]) -> dict[str, Any]:
    """The parameters of a compiled condition for the values of this request (`Bound.values`)."""
    return {bind.name: bind.value(values) for bind in binds}


def contains_pattern(text: str) -> str:
    """The LIKE pattern for "somewhere in it", with nothing in the text meaning anything but itself."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return sized_pattern(f"%{escaped}%")


def sized_pattern(pattern: str) -> str:
    if len(pattern.encode()) > MAX_PATTERN_BYTES:
        detail = f"the text to look for is longer than {MAX_PATTERN_BYTES} bytes"
        raise Invalid(detail, code="limit_exceeded", hint="look for a shorter text")
    return pattern


def ascii_lower(text: str) -> str:
    """Letters beyond ASCII stay: the engines would fold them each in its own way."""
    return text.translate(_ASCII_LOWER)


_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def after_prefix(prefix: str) -> str:
    """The least text that is greater than everything that starts with the prefix."""
    head = prefix.rstrip(LAST_CHARACTER)
    if not head:
        # Nothing sorts after these but more of the same; a thousand of them are more than any real text begins with.
        return prefix + LAST_CHARACTER * 1000
    return head[:-1] + _next_character(head[-1])


def _next_character(character: str) -> str:
    # The code points between are surrogates, which no text may hold.
    return chr(0xE000) if character == chr(0xD7FF) else chr(ord(character) + 1)


def day_bound(instant: str) -> str:
    """An instant against days as they are stored: a day is a prefix of its instants, so it sorts before all but the first."""
    return instant.removesuffix(MIDNIGHT)


def instant_of_day(day: str) -> str:
    """A day stands for its first instant; an instant for itself."""
    return day + MIDNIGHT if len(day) == 10 else day


def scaled(scale: int, op: str) -> Convert:
    """A decimal against integers scaled by `scale`. One that falls between two of them moves to the neighbour that keeps the
    comparison; in an equality it becomes a half, which no integer equals."""
    return {"<": _ceilings, ">=": _ceilings, ">": _floors, "<=": _floors, "=": _equals}[op](scale)


def _ceilings(scale: int) -> Convert:
    return lambda value: int(_scaled(value, scale).to_integral_value(ROUND_CEILING, _EXACT))


def _floors(scale: int) -> Convert:
    return lambda value: int(_scaled(value, scale).to_integral_value(ROUND_FLOOR, _EXACT))


def _equals(scale: int) -> Convert:
    def exact_or_never(value: Any) -> int | float:
        number = _scaled(value, scale)
        return int(number) if number == number.to_integral_value(ROUND_FLOOR, _EXACT) and abs(number) < _BEYOND else 0.5

    return exact_or_never


def _scaled(value: Any, scale: int) -> Decimal:
    number = Decimal(value)
    if abs(number) >= _BEYOND:
        return _BEYOND.copy_sign(number)
    return max(-_BEYOND, min(_BEYOND, number.scaleb(scale, _EXACT)))


def whole(value: Any) -> int:
    """SQLite has no booleans."""
    return int(value)
