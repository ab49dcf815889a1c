"""Putting shaped conditions together: opposites, and equalities of one operand as one list again."""

from collections.abc import Callable
from dataclasses import replace

from domain.rules.tree import FALSE, TRUE, And, Compare, Condition, Constant, In, Not, Operand, Or, Path, Slot
from domain.rules.walk import parts

Padding = Callable[[tuple[Slot, ...]], tuple[Slot, ...]]


def is_many(operand: Operand) -> bool:
    return any(part.many for part in parts(operand) if isinstance(part, Path))


def constant(value: bool) -> Constant:
    return TRUE if value else FALSE


def opposite(condition: Condition) -> Condition:
    """Two negations stay: each is a scope of its own for what `?` speaks of."""
    return constant(not condition.value) if isinstance(condition, Constant) else Not(condition)


def gathered(found: Condition, padding: Padding = lambda slots: ()) -> Condition:
    """Equalities of one operand with values, one of which or none of which holds, as one list again."""
    op = "!=" if isinstance(found, And) else "="
    items = found.items if isinstance(found, (And, Or)) else (found,)
    equal = [item for item in items if isinstance(item, Compare) and item.op == op and isinstance(item.right, Slot)]
    if len(equal) < 2 or any(item.left != equal[0].left or item.any != equal[0].any for item in equal):
        return found
    listed = _list_of(equal, padding)
    gathered = {id(item) for item in equal}
    others = tuple(item for item in items if id(item) not in gathered)
    if not others:
        return listed
    return And((listed, *others)) if op == "!=" else Or((listed, *others))


def _list_of(equal: list[Compare], padding: Padding) -> Condition:
    first = equal[0]
    slots = tuple(item.right for item in equal if isinstance(item.right, Slot))
    listed = In(first.left, slots + padding(slots), first.kind, first.any)
    if first.op == "=":
        return listed
    return replace(listed, negated=True) if is_many(first.left) else Not(listed)
