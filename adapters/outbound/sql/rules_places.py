"""Where an operand is read: the row that a condition is asked of, and the elements that were chosen of its many-valued paths."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import FromClause

from adapters.outbound.sql.rules_dialects import Expression
from domain.rules.manys import Many, linked, reached
from domain.rules.tree import Path, Step


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a many-valued path: a record, or what `row` holds as `value` (an id, a choice, a piece of JSON)."""

    row: FromClause
    value: Expression | None = None


@dataclass(frozen=True, slots=True)
class Spot:
    """Where the rest of a path starts: at a `row`, or, with the first of `steps`, at the record of this `id`."""

    row: FromClause
    id: Expression | None = None
    steps: tuple[Step, ...] = ()

    def before(self, count: int) -> "Spot":
        """The same without the last steps."""
        return Spot(self.row, self.id, self.steps[: len(self.steps) - count])


@dataclass(frozen=True, slots=True)
class Place:
    """`whole`: every row of its table is asked, not only as many as a page takes."""

    row: FromClause
    chosen: Mapping[Many, Element] = field(default_factory=dict)
    whole: bool = False

    def choosing(self, many: Many, element: Element) -> "Place":
        return Place(self.row, {**self.chosen, many: element}, self.whole)

    def anew(self) -> "Place":
        """With nothing chosen."""
        return Place(self.row, {}, self.whole)

    def spot(self, path: Path, length: int | None = None) -> Spot:
        """Where that many of the path's steps (all) start once what is chosen is known: behind the last many-valued one."""
        steps = path.steps if length is None else path.steps[:length]
        for at in range(len(steps), 0, -1):
            step = steps[at - 1]
            if step.back:
                return Spot(self.chosen[reached(path, at)].row, None, steps[at:])
            if step.many:
                chosen = self.chosen[linked(path, at)]
                return Spot(chosen.row, chosen.value, steps[at - 1 :])
        return Spot(self.row if path.root is None else self.chosen[reached(path, 0)].row, None, steps)
