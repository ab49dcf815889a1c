"""A condition made ready for one request: what is known is folded away, every value that is left stands in a numbered slot."""

from dataclasses import dataclass
from typing import Any

from domain.rules.tree import TRUE, Condition, Constant


@dataclass(frozen=True, slots=True)
class Bound:
    """`shape` has Slot operands only where values were; `values[slot.index]` is each one's value in Python form."""

    shape: Condition
    values: tuple[Any, ...] = ()

    @property
    def constant(self) -> bool | None:
        """The answer where no record has to be asked, else None."""
        return self.shape.value if isinstance(self.shape, Constant) else None


ANYTHING = Bound(TRUE)
