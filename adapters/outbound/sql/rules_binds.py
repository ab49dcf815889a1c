"""How the values of a condition's slots become the parameters of its compiled form: one slot may be asked for in several forms."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Convert = Callable[[Any], Any]

LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Bind:
    """The parameter `name` is the value of the slot, or what `convert` makes of it."""

    name: str
    slot: int
    convert: Convert | None = None


def bind_values(binds: Iterable[Bind], values: Sequence[Any]) -> dict[str, Any]:
    """The parameters of a compiled condition for the values of this request (`Bound.values`)."""
    return {each.name: values[each.slot] if each.convert is None else each.convert(values[each.slot]) for each in binds}


def contains_pattern(text: str) -> str:
    """The LIKE pattern for "somewhere in it", with nothing in the text meaning anything but itself."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


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


def scaled(scale: int) -> Convert:
    """SQLite keeps decimals as integers of their last digit; shapes hold only what the column could hold."""
    return lambda value: int(value.scaleb(scale))


def listed_text(text: str) -> str:
    """The value as a JSON list that holds it alone."""
    return json.dumps([text])


def json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def whole(value: Any) -> int:
    """SQLite has no booleans."""
    return int(value)
