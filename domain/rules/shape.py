"""A condition made ready for one request: what is known is folded away, every value that is left stands in a numbered slot.

Two requests whose conditions have the same shape run the same statement with other values, so stores keep what they compiled by it.
"""

from dataclasses import dataclass
from typing import Any

from domain.rules.tree import TRUE, Condition


@dataclass(frozen=True, slots=True)
class Bound:
    """`shape` has Slot operands only where values were; `values[slot.index]` is each one's value in Python form."""

    shape: Condition
    values: tuple[Any, ...] = ()


ANYTHING = Bound(TRUE)
