"""What the functions of the language answer, given how their arguments are read."""

from collections.abc import Callable
from typing import Any

from domain.rules.comparing import instant_of, owns_nothing
from domain.rules.conversions import is_storable
from domain.rules.functions import ascii_lower, geo_distance, strftime
from domain.rules.tree import Operand
from domain.schema.kinds import Kind

Args = tuple[Operand, ...]
Read = Callable[[Operand, Kind], Any]


def _coalesce(read: Read, args: Args, kind: Kind) -> Any:
    for arg in args:
        value = read(arg, kind)
        if value is not None and value != "" and is_storable(value, kind):
            return value
    return None


def _lower(read: Read, args: Args, kind: Kind) -> str | None:
    text = read(args[0], Kind.TEXT)
    return None if text is None else ascii_lower(text)


def _length(read: Read, args: Args, kind: Kind) -> int:
    return len(read(args[0], Kind.TEXT) or "")


def _starts_with(read: Read, args: Args, kind: Kind) -> bool:
    text, part = _texts(read, args)
    return text is not None and text.startswith(part)


def _contains(read: Read, args: Args, kind: Kind) -> bool:
    text, part = _texts(read, args)
    return text is not None and part in text


def _texts(read: Read, args: Args) -> tuple[str | None, str]:
    """Two texts to look for one in the other; no text where one is an absent value of the request."""
    text, part = read(args[0], Kind.TEXT) or "", read(args[1], Kind.TEXT) or ""
    unowned = owns_nothing(args[0], text, args[1]) or owns_nothing(args[1], part, args[0])
    return (None if unowned else text), part


def _geo_distance(read: Read, args: Args, kind: Kind) -> float | None:
    numbers = [read(arg, Kind.NUMBER) for arg in args]
    return None if None in numbers else geo_distance(*numbers)


def _strftime(read: Read, args: Args, kind: Kind) -> str | None:
    moment = instant_of(read(args[1], Kind.DATE))
    return None if moment is None else strftime(read(args[0], Kind.TEXT), moment)


# `hasRole` is not among them: it asks the request, whatever its arguments are read as.
CALLS: dict[str, Callable[[Read, Args, Kind], Any]] = {
    "coalesce": _coalesce,
    "lower": _lower,
    "length": _length,
    "startsWith": _starts_with,
    "contains": _contains,
    "geoDistance": _geo_distance,
    "strftime": _strftime,
}
