"""What a condition answers where paths lead nowhere, as far as its form alone tells: so the compiler knows whether the one absent value,
as which an empty path counts, has to be joined at all."""

from collections.abc import Callable, Iterable

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
# Whether a path goes through what is absent.
Leads = Callable[[Path], bool]


def when_absent(condition: Condition, absent: Leads) -> bool | None:
    """The answer to its `?` comparisons where paths that are `absent` have no value; None where that depends on more."""
    if isinstance(condition, Constant):
        return condition.value
    if isinstance(condition, And | Or):
        decisive = isinstance(condition, Or)
        answers = [when_absent(item, absent) for item in condition.items]
        return decisive if decisive in answers else None if None in answers else not decisive
    if isinstance(condition, Not) or not condition.any:
        # It chooses for itself.
        return None
    return comparison_when_absent(condition, absent)


def all_when_absent(group: Iterable[Compare | In], absent: Leads) -> bool | None:
    """Whether all of these comparisons hold there, whether they say `?` or not."""
    answers = [comparison_when_absent(atom, absent) for atom in group]
    return False if False in answers else None if None in answers else True


def comparison_when_absent(atom: Compare | In, absent: Leads) -> bool | None:
    """The same for one comparison, whether it says `?` or not."""
    if isinstance(atom, In):
        found = _is_listed(atom, absent)
        return None if found is None else found != atom.negated
    if atom.op in ("!=", "!~"):
        opposite = _holds(atom.op[1:], atom, absent)
        return None if opposite is None else not opposite
    return _holds(atom.op, atom, absent)


def _is_listed(member: In, absent: Leads) -> bool | None:
    answers = [_equals(member.operand, item, absent) for item in member.items]
    return True if True in answers else None if None in answers else False


def _holds(op: str, compare: Compare, absent: Leads) -> bool | None:
    left, right = compare.left, compare.right
    if isinstance(left, Call) and left.name in _PREDICATES:
        # Shapes look for nothing empty, and an absent text holds nothing else.
        found = False if isinstance(left.args[1], Slot) and _is_absent(left.args[0], absent) else None
        return None if found is None else found is right.value if isinstance(right, Literal) else None
    if op == "=":
        return _equals(left, right, absent)
    if op == "~":
        return False if isinstance(right, Slot) and _is_absent(left, absent) else None
    return False if _is_absent(left, absent) or _is_absent(right, absent) else None


def _equals(left: Operand, right: Operand, absent: Leads) -> bool | None:
    sides = [side == _ABSENT or _is_absent(side, absent) for side in (left, right)]
    if all(sides):
        return True
    return False if any(sides) and any(isinstance(side, Slot) for side in (left, right)) else None


def _is_absent(operand: Operand, absent: Leads) -> bool:
    """Whether the operand surely has no value where the element is absent."""
    if isinstance(operand, Path):
        return operand.modifier != "length" and absent(operand)
    if isinstance(operand, Shift):
        return _is_absent(operand.operand, absent)
    if not isinstance(operand, Call) or operand.name == "length":
        return False
    several = all if operand.name == "coalesce" else any
    return several(_is_absent(arg, absent) for arg in operand.args)
