"""What a condition answers where a many-valued path leads nowhere, as far as its form alone tells: so the compiler knows whether the
one absent value, as which an empty path counts, has to be joined at all."""

from domain.rules.manys import Many, manys
from domain.rules.tree import (
    And,
    Call,
    Compare,
    Condition,
    Constant,
    In,
    Literal,
    Not,
    Operand,
    Or,
    Path,
    Shift,
    Slot,
)

_ABSENT = Literal(None, None)
_PREDICATES = ("startsWith", "contains")


def when_absent(condition: Condition, many: Many) -> bool | None:
    """The answer with the absent element of `many` chosen for its `?` comparisons; None where that depends on more."""
    if isinstance(condition, Constant):
        return condition.value
    if isinstance(condition, And | Or):
        decisive = isinstance(condition, Or)
        answers = [when_absent(item, many) for item in condition.items]
        return decisive if decisive in answers else None if None in answers else not decisive
    if isinstance(condition, Not) or not condition.any:
        # It chooses for itself.
        return None
    return comparison_when_absent(condition, many)


def comparison_when_absent(atom: Compare | In, many: Many) -> bool | None:
    """The same for one comparison, whether it says `?` or not."""
    if isinstance(atom, In):
        found = _is_listed(atom, many)
        return None if found is None else found != atom.negated
    if atom.op in ("!=", "!~"):
        opposite = _holds(atom.op[1:], atom, many)
        return None if opposite is None else not opposite
    return _holds(atom.op, atom, many)


def _is_listed(member: In, many: Many) -> bool | None:
    answers = [_equals(member.operand, item, many) for item in member.items]
    return True if True in answers else None if None in answers else False


def _holds(op: str, compare: Compare, many: Many) -> bool | None:
    left, right = compare.left, compare.right
    if isinstance(left, Call) and left.name in _PREDICATES:
        # Shapes look for nothing empty, and an absent text holds nothing else.
        found = False if isinstance(left.args[1], Slot) and _is_absent(left.args[0], many) else None
        return None if found is None else found is right.value if isinstance(right, Literal) else None
    if op == "=":
        return _equals(left, right, many)
    if op == "~":
        return False if isinstance(right, Slot) and _is_absent(left, many) else None
    return False if _is_absent(left, many) or _is_absent(right, many) else None


def _equals(left: Operand, right: Operand, many: Many) -> bool | None:
    sides = [side == _ABSENT or _is_absent(side, many) for side in (left, right)]
    if all(sides):
        return True
    return False if any(sides) and any(isinstance(side, Slot) for side in (left, right)) else None


def _is_absent(operand: Operand, many: Many) -> bool:
    """Whether the operand surely has no value where the element is absent."""
    if isinstance(operand, Path):
        return operand.modifier != "length" and many in manys(operand)
    if isinstance(operand, Shift):
        return _is_absent(operand.operand, many)
    if not isinstance(operand, Call) or operand.name == "length":
        return False
    several = all if operand.name == "coalesce" else any
    return several(_is_absent(arg, many) for arg in operand.args)
