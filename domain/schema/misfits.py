"""Stored values that a change cannot carry over: how many, and the first of them as people may look them up."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from domain.errors import Conflict, Fault

MOST_SHOWN = 20
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Misfits:
    """`examples` are (record id, value as text), in the order of ids, at most MOST_SHOWN."""

    count: int = 0
    examples: tuple[tuple[str, str], ...] = ()

    def definition(self) -> list[dict[str, str]]:
        return [{"id": id, "value": value} for id, value in self.examples]


NONE = Misfits()


def shown(value: object) -> str:
    """A value as it may be told: short, and as JSON would write what is no text."""
    text = _written(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _written(value: object) -> str:
    """A whole double as a whole number: what JSON holds comes back from one engine as the one, from another as the other."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (bool, float, list, tuple, dict)) else str(value)


def not_convertible(field: str, at: int, becomes: str, found: Misfits) -> Conflict:
    faults = tuple(Fault(f"/fields/{at}", "not_convertible", f"record `{id}` holds {value}") for id, value in found.examples)
    detail = f"`{field}` cannot become {becomes}: {found.count} records hold what has no counterpart"
    return Conflict(detail, code="not_convertible", hint="change these records first, or keep the type", faults=faults)


def required_is_empty(field: str, found: Misfits) -> Conflict:
    faults = tuple(Fault(f"/{field}", "required_is_empty", f"record `{id}` holds nothing") for id, _ in found.examples)
    detail = f"`{field}` is required, but {found.count} records hold nothing in it"
    hint = "give the field a literal default, or fill these records first"
    return Conflict(detail, code="required_is_empty", hint=hint, faults=faults)


def would_lose_data(counts: Mapping[str, int]) -> Conflict:
    faults = tuple(Fault("/drop", "would_lose_data", f"{count} records hold something in `{name}`") for name, count in counts.items())
    listed = ", ".join(f'"{name}"' for name in counts)
    hint = f'say "drop": [{listed}] if these values may go; `was` renames a field'
    return Conflict("fields that hold something would go", code="would_lose_data", hint=hint, faults=faults)
