"""Compiles checked and shaped conditions to SQL expressions that choose the same rows on SQLite and PostgreSQL as the evaluator does.

Negation is pushed to the leaves. Each leaf has a form for "holds" and one for "fails"; either may be NULL where it is not
true, never where it should be. Values are parameters only, names come from the schema.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    Column,
    FromClause,
    and_,
    case,
    exists,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
)

from adapters.outbound.sql.rules_binds import Bind, after_prefix, bind_values, contains_pattern
from adapters.outbound.sql.rules_dialects import EMPTY, Expression, Truth
from adapters.outbound.sql.rules_values import TEXT, TEXTUAL, Operands, Term, not_supported
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
    Slot,
    Step,
)
from domain.schema.collection import Schema
from domain.schema.kinds import Kind

__all__ = ["Bind", "RuleCompiler", "bind_values"]

_OPPOSITES = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_PREDICATES = ("startsWith", "contains")
_ABSENT = Literal(None, None)
_ZERO: Expression = literal_column("0")
_ONE: Expression = literal_column("1")


@dataclass(frozen=True, slots=True)
class Test:
    """A question about one operand whose answer is no where the operand is absent. `keyed`: an index on the operand answers it."""

    holds: Callable[[Operand, FromClause], Truth]
    fails: Callable[[Operand, FromClause], Truth]
    keyed: bool = False


class RuleCompiler:
    """Compiles for one statement. Where several bounds meet in it, each gets a compiler with a `prefix` of its own, so that
    parameters and aliases keep apart; `binds` then tells how each compiler's parameters are made from `Bound.values`."""

    def __init__(self, schema: Schema, tables: Mapping[str, FromClause], dialect: str, *, prefix: str = "") -> None:
        self._schema, self._dialect = schema, dialect
        self._operands = Operands(tables, dialect, prefix, self.condition, self._found)

    @property
    def binds(self) -> tuple[Bind, ...]:
        return tuple(self._operands.binds.values())

    def condition(self, shape: Condition, source: FromClause) -> Truth:
        """True for the rows of `source` that fulfil the condition, false or NULL for the others."""
        return self._compile(shape, source, truth=True, beside=False)

    def path(self, path: Path, source: FromClause) -> Expression:
        """The value to sort by: e-mail addresses by their key, paths as a subselect of one value."""
        return self._operands.term(path, source, path.kind).value

    # --- the tree

    def _compile(self, condition: Condition, source: FromClause, *, truth: bool, beside: bool) -> Truth:
        """`beside`: the condition is one of several alternatives."""
        if isinstance(condition, Constant):
            return true() if condition.value is truth else false()
        if isinstance(condition, Not):
            return self._compile(condition.item, source, truth=not truth, beside=beside)
        if isinstance(condition, And | Or):
            together = isinstance(condition, And) is truth
            parts = [self._compile(item, source, truth=truth, beside=beside or not together) for item in condition.items]
            return and_(true(), *parts) if together else or_(false(), *parts)
        if isinstance(condition, In):
            return self._member(condition, source, truth=truth is not condition.negated, beside=beside)
        return self._comparison(condition, source, truth=truth, beside=beside)

    def _member(self, member: In, source: FromClause, *, truth: bool, beside: bool) -> Truth:
        slots = [item for item in member.items if isinstance(item, Slot)]
        if len(slots) < len(member.items):
            raise not_supported("a list of fields")
        return self._ask(self._is_one_of(slots, member.kind), member.operand, source, truth=truth, beside=beside)

    def _comparison(self, compare: Compare, source: FromClause, *, truth: bool, beside: bool) -> Truth:
        if compare.op in ("!=", "!~"):
            return self._comparison(replace(compare, op=compare.op[1:]), source, truth=not truth, beside=beside)
        if compare.op == "~":
            return self._likeness(compare, source, truth=truth, beside=beside)
        left, right = compare.left, compare.right
        if right == _ABSENT:
            return self._ask(self._is_present(compare.kind), left, source, truth=not truth, beside=beside)
        if isinstance(left, Call) and left.name in _PREDICATES and isinstance(right, Literal):
            return self._answer(left, source, truth=truth is right.value, beside=beside)
        if isinstance(right, Slot):
            test = self._equals(right, compare.kind) if compare.op == "=" else self._is_ordered(compare.op, right, compare.kind)
            return self._ask(test, left, source, truth=truth, beside=beside)
        return self._pair(compare, source, truth=truth)

    # --- one operand

    def _ask(self, test: Test, operand: Operand, source: FromClause, *, truth: bool, beside: bool) -> Truth:
        if not isinstance(operand, Path) or not operand.steps:
            return test.holds(operand, source) if truth else test.fails(operand, source)
        end = replace(operand, steps=())
        if truth and test.keyed and self._is_indexed(end):
            return self._among(operand.steps, source, lambda target: test.holds(end, target), beside=beside)
        found = self._reaches(operand.steps, source, lambda target: test.holds(end, target))
        return found if truth else not_(found)

    def _is_indexed(self, path: Path) -> bool:
        if path.json or path.modifier is not None:
            return False
        indexes = self._schema.collection(path.collection).every_index
        return path.name == "id" or any(index.fields[0] == path.name for index in indexes)

    def _reaches(self, steps: tuple[Step, ...], source: FromClause, holds: Callable[[FromClause], Truth]) -> Truth:
        """The form for tests that most targets may pass: looks at the one target of each row."""
        target = self._operands.target(steps[0])
        inner = self._reaches(steps[1:], target, holds) if steps[1:] else holds(target)
        here = select(_ONE).where(target.c.id == source.c[steps[0].field])
        return exists(here.where(*self._operands.allowed(steps[0], target), inner).correlate_except(target))

    def _among(self, steps: tuple[Step, ...], source: FromClause, holds: Callable[[FromClause], Truth], *, beside: bool) -> Truth:
        """The form for tests that few targets pass: finds those by index, then the rows that point at them."""
        target = self._operands.target(steps[0])
        inner = self._among(steps[1:], target, holds, beside=False) if steps[1:] else holds(target)
        ids = select(target.c.id).where(*self._operands.allowed(steps[0], target), inner).correlate_except(target)
        column = source.c[steps[0].field]
        if beside and self._dialect == "postgresql":
            # Only so does PostgreSQL combine the relation's index with those of the other alternatives.
            return column == func.any(func.array(ids.scalar_subquery()))
        return column.in_(ids)

    # --- tests against values

    def _equals(self, to: Slot, kind: Kind) -> Test:
        def holds(operand: Operand, source: FromClause) -> Truth:
            if kind is Kind.TEXT and isinstance(operand, Path) and _is_inside_json(operand):
                return self._operands.forms.json_text_is(source.c[operand.name], operand.json, self._operands.slot(to, kind))
            term = self._operands.term(operand, source, kind)
            return term.value == self._operands.slot(to, kind, term)

        def fails(operand: Operand, source: FromClause) -> Truth:
            term = self._operands.term(operand, source, kind)
            return term.value.is_distinct_from(self._operands.slot(to, kind, term))

        return Test(holds, fails, keyed=True)

    def _is_one_of(self, slots: Sequence[Slot], kind: Kind) -> Test:
        def listed(term: Term) -> list[Expression]:
            return [self._operands.slot(slot, kind, term) for slot in slots]

        def holds(operand: Operand, source: FromClause) -> Truth:
            term = self._operands.term(operand, source, kind)
            return term.value.in_(listed(term))

        def fails(operand: Operand, source: FromClause) -> Truth:
            term = self._operands.term(operand, source, kind)
            return or_(term.value.is_(None), term.value.not_in(listed(term)))

        return Test(holds, fails, keyed=True)

    def _is_ordered(self, op: str, to: Slot, kind: Kind) -> Test:
        def compared(operand: Operand, source: FromClause, op: str) -> tuple[Expression, Truth]:
            term = self._operands.term(operand, source, kind, keyed=False)
            return term.value, _COMPARE[op](term.value, self._operands.slot(to, kind, term))

        def fails(operand: Operand, source: FromClause) -> Truth:
            value, opposite = compared(operand, source, _OPPOSITES[op])
            return or_(opposite, value.is_(None)) if isinstance(value, Column) else is_not_true(compared(operand, source, op)[1])

        return Test(lambda operand, source: compared(operand, source, op)[1], fails)

    def _is_present(self, kind: Kind) -> Test:
        """Where `''` is absence too, or where only null is."""
        if kind is Kind.JSON:
            return self._is_something()
        if kind not in TEXTUAL:
            return self._is_kept(kind)

        def fails(operand: Operand, source: FromClause) -> Truth:
            value = self._raw(operand, source, kind)
            return or_(value.is_(None), value == EMPTY) if isinstance(value, Column) else func.coalesce(value, EMPTY) == EMPTY

        return Test(lambda operand, source: self._raw(operand, source, kind) != EMPTY, fails)

    def _is_kept(self, kind: Kind) -> Test:
        return Test(
            lambda operand, source: self._raw(operand, source, kind).is_not(None),
            lambda operand, source: self._raw(operand, source, kind).is_(None),
        )

    def _is_something(self) -> Test:
        """JSON of whatever type, but for null."""

        def holds(operand: Operand, source: FromClause) -> Truth:
            if not isinstance(operand, Path):
                raise not_supported("a value without a type")
            return self._operands.forms.json_present(source.c[operand.name], operand.json)

        return Test(holds, lambda operand, source: is_not_true(holds(operand, source)))

    def _raw(self, operand: Operand, source: FromClause, kind: Kind) -> Expression:
        own = operand.kind if isinstance(operand, Path) and operand.kind is not Kind.JSON and operand.modifier is None else kind
        return self._operands.term(operand, source, own).value

    # --- texts in texts

    def _likeness(self, compare: Compare, source: FromClause, *, truth: bool, beside: bool) -> Truth:
        if isinstance(compare.right, Slot):
            return self._ask(self._is_like(compare.right), compare.left, source, truth=truth, beside=beside)
        lower = self._operands.forms.lower
        left, right = (lower(self._operands.text(side, source)) for side in (compare.left, compare.right))
        found = self._operands.forms.holds_text(left, right)
        return found if truth else not_(found)

    def _is_like(self, slot: Slot) -> Test:
        suffix, convert = ("_pattern", None) if slot.form == "pattern" else ("_like", contains_pattern)
        return self._in_text(lambda text: self._operands.forms.like(text, self._operands.bind(slot, suffix, convert, TEXT)))

    def _in_text(self, holds: Callable[[Expression], Truth]) -> Test:
        def found(operand: Operand, source: FromClause) -> Truth:
            return holds(self._operands.value(operand, source, Kind.TEXT))

        return Test(found, lambda operand, source: is_not_true(found(operand, source)))

    def _answer(self, call: Call, source: FromClause, *, truth: bool, beside: bool) -> Truth:
        """startsWith and contains, which tell capitals from small letters."""
        text, part = call.args
        if isinstance(part, Slot):
            test = self._starts_with(part) if call.name == "startsWith" else self._contains(part)
            return self._ask(test, text, source, truth=truth, beside=beside)
        found = self._found(call, source)
        return found if truth else not_(found)

    def _found(self, call: Call, source: FromClause) -> Truth:
        """The answer as a value, never NULL and true of an empty part too."""
        text, part = (self._operands.text(arg, source) for arg in call.args)
        if call.name == "contains":
            return self._operands.forms.holds_text(text, part)
        return func.substr(text, _ONE, func.length(part)) == part

    def _starts_with(self, slot: Slot) -> Test:
        """As a range of the bare text: only that uses an index."""

        def holds(operand: Operand, source: FromClause) -> Truth:
            text = self._operands.value(operand, source, Kind.TEXT)
            return and_(text >= self._operands.bind(slot, "", None, TEXT), text < self._operands.bind(slot, "_next", after_prefix, TEXT))

        return Test(holds, lambda operand, source: is_not_true(holds(operand, source)))

    def _contains(self, slot: Slot) -> Test:
        return self._in_text(lambda text: self._operands.forms.holds_text(text, self._operands.bind(slot, "", None, TEXT)))

    # --- two operands

    def _pair(self, compare: Compare, source: FromClause, *, truth: bool) -> Truth:
        left, right = (self._operands.term(side, source, compare.kind, keyed=compare.op == "=") for side in (compare.left, compare.right))
        if left.scale is not None and right.scale is not None and left.scale != right.scale:
            ordered = _rescaled(compare.op, left.value, right.value, left.scale - right.scale)
            return ordered if truth else is_not_true(ordered)
        if left.email != right.email:
            left, right = (Term(self._operands.value(side, source, compare.kind)) for side in (compare.left, compare.right))
        if compare.op == "=":
            return _equal(left.value, right.value, compare.kind, truth=truth)
        ordered = _COMPARE[compare.op](left.value, right.value)
        return ordered if truth else is_not_true(ordered)


def is_not_true(condition: Truth) -> Truth:
    """Its opposite, NULL being false."""
    return condition.is_not(true())


def _is_inside_json(operand: Operand) -> bool:
    return isinstance(operand, Path) and operand.kind is Kind.JSON and operand.modifier is None


def _equal(left: Expression, right: Expression, kind: Kind, *, truth: bool) -> Truth:
    if kind in TEXTUAL:
        left, right = func.coalesce(left, EMPTY, type_=TEXT), func.coalesce(right, EMPTY, type_=TEXT)
        return left == right if truth else left != right
    return left.is_not_distinct_from(right) if truth else left.is_distinct_from(right)


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
    return _COMPARE[op](downwards if op in ("<", ">=") else upwards, right)
