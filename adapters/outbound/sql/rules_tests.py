"""Questions about one operand, each with a form for "holds" and one for "fails", chosen so that indexes on the operand serve."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, and_, func, literal_column, or_, true

from adapters.outbound.sql.rules_binds import after_prefix, contains_pattern, json_text
from adapters.outbound.sql.rules_dialects import EMPTY, Expression, Truth
from adapters.outbound.sql.rules_places import Place
from adapters.outbound.sql.rules_values import TEXT, TEXTUAL, Operands, Term, is_folded, not_supported
from domain.rules.manys import is_listed
from domain.rules.tree import Call, Operand, Path, Slot
from domain.schema.fields import fold_key
from domain.schema.kinds import Kind

_OPPOSITES = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_ONE: Expression = literal_column("1")


@dataclass(frozen=True, slots=True)
class Test:
    """A question whose answer is no where the operand is absent. `keyed`: an index on the operand answers it."""

    holds: Callable[[Operand, Place], Truth]
    fails: Callable[[Operand, Place], Truth]
    keyed: bool = False


class Tests:
    def __init__(self, operands: Operands) -> None:
        self._operands = operands

    # --- against values

    def equals(self, to: Slot, kind: Kind) -> Test:
        return self._is_same(to) if kind is Kind.JSON else self._is_value(to, kind)

    def _is_same(self, to: Slot) -> Test:
        """A list or a document as one value, as `:changed` asks for it."""

        def holds(operand: Operand, place: Place) -> Truth:
            assert isinstance(operand, Path)
            value = self._operands.bind(to, "_json", json_text, TEXT)
            return self._operands.forms.same_json(self._operands.whole(operand, place.row), value)

        return Test(holds, lambda operand, place: is_not_true(holds(operand, place)))

    def _is_value(self, to: Slot, kind: Kind) -> Test:
        def holds(operand: Operand, place: Place) -> Truth:
            if kind is Kind.TEXT and isinstance(operand, Path) and _is_inside_json(operand):
                return self._operands.forms.json_text_is(place.row.c[operand.name], operand.json, self._operands.slot(to, kind))
            term = self._operands.term(operand, place, kind)
            return term.value == self._operands.slot(to, kind, term)

        def fails(operand: Operand, place: Place) -> Truth:
            term = self._operands.term(operand, place, kind)
            return term.value.is_distinct_from(self._operands.slot(to, kind, term))

        return Test(holds, fails, keyed=True)

    def is_one_of(self, slots: Sequence[Slot], kind: Kind) -> Test:
        def listed(term: Term) -> list[Expression]:
            return [self._operands.slot(slot, kind, term) for slot in slots]

        def holds(operand: Operand, place: Place) -> Truth:
            term = self._operands.term(operand, place, kind)
            return term.value.in_(listed(term))

        def fails(operand: Operand, place: Place) -> Truth:
            term = self._operands.term(operand, place, kind)
            return or_(term.value.is_(None), term.value.not_in(listed(term)))

        return Test(holds, fails, keyed=True)

    def is_ordered(self, op: str, to: Slot, kind: Kind) -> Test:
        def compared(operand: Operand, place: Place, op: str) -> tuple[Expression, Truth]:
            term = self._operands.term(operand, place, kind, keyed=is_folded(operand))
            return term.value, COMPARE[op](term.value, self._operands.slot(to, kind, term))

        def fails(operand: Operand, place: Place) -> Truth:
            value, opposite = compared(operand, place, _OPPOSITES[op])
            return or_(opposite, value.is_(None)) if isinstance(value, Column) else is_not_true(compared(operand, place, op)[1])

        return Test(lambda operand, place: compared(operand, place, op)[1], fails)

    def is_present(self, kind: Kind) -> Test:
        """Where `''` is absence too, or where only null is."""
        if kind is Kind.JSON:
            return self._is_something()
        if kind not in TEXTUAL:
            return self._is_kept(kind)

        def fails(operand: Operand, place: Place) -> Truth:
            value = self._raw(operand, place, kind)
            return or_(value.is_(None), value == EMPTY) if isinstance(value, Column) else func.coalesce(value, EMPTY) == EMPTY

        return Test(lambda operand, place: self._raw(operand, place, kind) != EMPTY, fails)

    def _is_kept(self, kind: Kind) -> Test:
        return Test(
            lambda operand, place: self._raw(operand, place, kind).is_not(None),
            lambda operand, place: self._raw(operand, place, kind).is_(None),
        )

    def _is_something(self) -> Test:
        """JSON of whatever type, but for null."""

        def holds(operand: Operand, place: Place) -> Truth:
            if not isinstance(operand, Path):
                raise not_supported("a value without a type")
            if is_listed(operand):
                return self._operands.value(operand, place, Kind.JSON).is_not(None)
            return self._operands.forms.json_present(place.row.c[operand.name], operand.json)

        return Test(holds, lambda operand, place: is_not_true(holds(operand, place)))

    def _raw(self, operand: Operand, place: Place, kind: Kind) -> Expression:
        own = operand.kind if isinstance(operand, Path) and operand.kind is not Kind.JSON and operand.modifier is None else kind
        return self._operands.term(operand, place, own).value

    # --- texts in texts

    def is_like(self, slot: Slot) -> Test:
        suffix, convert = ("_pattern", None) if slot.form == "pattern" else ("_like", contains_pattern)
        plain = self._in_text(lambda text: self._operands.forms.like(text, self._operands.bind(slot, suffix, convert, TEXT)))

        def folded(operand: Operand, place: Place) -> Truth:
            pattern = self._operands.bind(slot, f"{suffix}_fold", lambda text: (convert or str)(fold_key(text)), TEXT)
            return self._operands.forms.like(self._operands.term(operand, place, Kind.TEXT).value, pattern)

        def holds(operand: Operand, place: Place) -> Truth:
            return (folded if is_folded(operand) else plain.holds)(operand, place)

        return Test(holds, lambda operand, place: is_not_true(holds(operand, place)))

    def answers(self, call: Call, part: Slot) -> Test:
        """startsWith and contains, which tell capitals from small letters."""
        return self._starts_with(part) if call.name == "startsWith" else self._contains(part)

    def found(self, call: Call, place: Place) -> Truth:
        """The answer of startsWith and contains as a value, never NULL and true of an empty part too."""
        text, part = (self._operands.text(arg, place) for arg in call.args)
        if call.name == "contains":
            return self._operands.forms.holds_text(text, part)
        return func.substr(text, _ONE, func.length(part)) == part

    def _in_text(self, holds: Callable[[Expression], Truth]) -> Test:
        def found(operand: Operand, place: Place) -> Truth:
            return holds(self._operands.value(operand, place, Kind.TEXT))

        return Test(found, lambda operand, place: is_not_true(found(operand, place)))

    def _starts_with(self, slot: Slot) -> Test:
        """As a range of the bare text: only that uses an index."""

        def holds(operand: Operand, place: Place) -> Truth:
            text = self._operands.value(operand, place, Kind.TEXT)
            return and_(text >= self._operands.bind(slot, "", None, TEXT), text < self._operands.bind(slot, "_next", after_prefix, TEXT))

        return Test(holds, lambda operand, place: is_not_true(holds(operand, place)))

    def _contains(self, slot: Slot) -> Test:
        return self._in_text(lambda text: self._operands.forms.holds_text(text, self._operands.bind(slot, "", None, TEXT)))


def is_not_true(condition: Truth) -> Truth:
    """Its opposite, NULL being false."""
    return condition.is_not(true())


def _is_inside_json(operand: Operand) -> bool:
    return isinstance(operand, Path) and operand.kind is Kind.JSON and operand.modifier is None
