"""Two operands of records compared with each other."""

from sqlalchemy import and_, case, func, literal_column, or_

from adapters.outbound.sql.rules_dialects import EMPTY, Expression, Truth
from adapters.outbound.sql.rules_places import Place
from adapters.outbound.sql.rules_tests import COMPARE, is_not_true
from adapters.outbound.sql.rules_values import TEXT, TEXTUAL, Operands, Term, is_folded
from domain.rules.comparing import folds
from domain.rules.tree import Compare, Operand, Path
from domain.schema.kinds import Kind

_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_ZERO: Expression = literal_column("0")
_ONE: Expression = literal_column("1")


def compared(operands: Operands, compare: Compare, place: Place, *, truth: bool) -> Truth:
    left, right = (
        operands.term(side, place, compare.kind, keyed=compare.op == "=" or is_folded(side)) for side in (compare.left, compare.right)
    )
    if left.scale is not None and right.scale is not None and left.scale != right.scale:
        ordered = _rescaled(compare.op, left.value, right.value, left.scale - right.scale)
        return ordered if truth else is_not_true(ordered)
    if (left.email, left.fold) != (right.email, right.fold):
        left, right = (Term(operands.value(side, place, compare.kind)) for side in (compare.left, compare.right))
    if compare.op == "=" and truth and (_is_own_id(compare.left) or _is_own_id(compare.right)):
        # The record itself is there, so both are, and bare columns let an index on the other one serve.
        return left.value == right.value
    if compare.op == "=":
        return _equal(left.value, right.value, compare.kind, truth=truth)
    ordered = COMPARE[compare.op](left.value, right.value)
    return ordered if truth else is_not_true(ordered)


def contained(operands: Operands, compare: Compare, place: Place, *, truth: bool) -> Truth:
    """`~` with a field on its right: taken literally, whatever the case of letters."""
    read = operands.folded if folds(compare.left, compare.right) else operands.text
    left, right = (operands.forms.lower(read(side, place)) for side in (compare.left, compare.right))
    found = operands.forms.holds_text(left, right)
    return found if truth else ~found


def _equal(left: Expression, right: Expression, kind: Kind, *, truth: bool) -> Truth:
    if kind in TEXTUAL:
        left, right = func.coalesce(left, EMPTY, type_=TEXT), func.coalesce(right, EMPTY, type_=TEXT)
        return left == right if truth else left != right
    return left.is_not_distinct_from(right) if truth else left.is_distinct_from(right)


def _is_own_id(operand: Operand) -> bool:
    return isinstance(operand, Path) and operand.name == "id" and not operand.steps and operand.root is None


def _rescaled(op: str, left: Expression, right: Expression, finer: int) -> Truth:
    """Integers of two scales, the left one finer by so many digits, compared without leaving 64 bits: the finer one is divided,
    not the coarser multiplied."""
    if finer < 0:
        return _rescaled(_MIRRORED[op], right, left, -finer)
    factor: Expression = literal_column(str(10**finer))
    quotient, rest = left.op("/")(factor), left.op("%")(factor)
    if op == "=":
        return or_(and_(rest == _ZERO, quotient == right), and_(left.is_(None), right.is_(None)))
    # Division drops the fraction, and leaves it in the rest with its sign.
    downwards = case((rest < _ZERO, quotient.op("-")(_ONE)), else_=quotient)
    upwards = case((rest > _ZERO, quotient.op("+")(_ONE)), else_=quotient)
    return COMPARE[op](downwards if op in ("<", ">=") else upwards, right)
