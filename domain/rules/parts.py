"""Why a condition holds or does not: the same question asked of each of its parts."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.rules.syntax import Either, Every, Expr, Negated
from domain.rules.writing import written

# Each part costs a statement; a rule has at most 200 comparisons, with their parentheses a few more.
Holds = Callable[[Expr], bool | None]
Seen = Callable[[Expr], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Part:
    """`kind` is all, any, not or comparison. `holds` is None where nobody can say (there is no record to ask). `values` is what a
    comparison's names stood for, as far as one value says it."""

    text: str
    kind: str
    holds: bool | None
    parts: tuple["Part", ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)

    def as_object(self) -> dict[str, Any]:
        told: dict[str, Any] = {"text": self.text, "kind": self.kind}
        if self.holds is not None:
            told["holds"] = self.holds
        if self.values:
            told["values"] = dict(self.values)
        if self.parts:
            told["parts"] = [part.as_object() for part in self.parts]
        return told


def judged(expr: Expr, holds: Holds, seen: Seen) -> Part:
    """The expression and everything in it, each asked by itself."""
    if isinstance(expr, (Every, Either)):
        kind = "all" if isinstance(expr, Every) else "any"
        return Part(written(expr), kind, holds(expr), tuple(judged(item, holds, seen) for item in expr.items))
    if isinstance(expr, Negated):
        return Part(written(expr), "not", holds(expr), (judged(expr.item, holds, seen),))
    return Part(written(expr), "comparison", holds(expr), (), seen(expr))


def blamed(part: Part) -> tuple[str, ...]:
    """The texts of the smallest parts for which this one does not hold; none where it does. Parts that each hold and yet not together
    (`?` comparisons speak of one element) are blamed as what joins them."""
    return tuple(dict.fromkeys(_blamed(part))) if part.holds is False else ()


def _blamed(part: Part) -> Iterator[str]:
    failing = [each for each in part.parts if each.holds is False]
    if part.kind in ("comparison", "not") or not failing:
        yield part.text
        return
    for each in failing:
        yield from _blamed(each)
