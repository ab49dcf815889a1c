"""One condition, or several of one statement, made ready for one request; `shape.py` says what comes out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from domain.errors import Invalid
from domain.rules.bounds import verdict
from domain.rules.changed import UNREADABLE, asked_for, compared_as
from domain.rules.comparing import decide, folds, is_request, owns_nothing
from domain.rules.conversions import TEXTUAL
from domain.rules.evaluate import Knowledge
from domain.rules.gathering import constant, gathered, is_many, opposite
from domain.rules.lists import first_list, groups_by_list, in_element
from domain.rules.patterns import is_pattern, matches_everything, rewritten, sized
from domain.rules.tree import (
    FALSE,
    TRUE,
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
    Request,
    Shift,
    Slot,
)
from domain.rules.values import Values, elements_of, is_incremented, is_set, lookup
from domain.rules.walk import path_guards, paths_of
from domain.schema.fields import fold_key
from domain.schema.kinds import Kind

_ABSENT = Literal(None, None)
_MIRRORED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_PREDICATES = ("hasRole", "startsWith", "contains")
# How many comparisons with elements of lists in the request one condition may come to.
MAX_ELEMENTS = 4_000


@dataclass(frozen=True, slots=True)
class _Guard:
    """A guard made ready, and the values that its slots had: what is folded away later takes its slots with it."""

    shaped: Condition | None
    mark: int
    values: tuple[Any, ...]

    def is_in(self, slots: list[Any]) -> bool:
        there = slots[self.mark : self.mark + len(self.values)]
        return len(there) == len(self.values) and all(one is other for one, other in zip(there, self.values, strict=True))


class Shaper:
    def __init__(self, values: Values, *, has_lists: bool = True) -> None:
        self.slots: list[Any] = []
        self._values, self._has_lists = values, has_lists
        self._comparisons = 0
        self._known = Knowledge(values)
        self._guards: dict[Condition, _Guard] = {}

    # --- conditions

    def condition(self, condition: Condition) -> Condition:
        mark = len(self.slots)
        found = self._condition(condition)
        if isinstance(found, Constant):
            # What was asked on the way is not asked any more.
            del self.slots[mark:]
        return found

    def _condition(self, condition: Condition) -> Condition:
        if isinstance(condition, (Compare, In)):
            list_ = first_list(condition) if self._has_lists else None
            return self._atom(condition) if list_ is None else self._spread(Or if condition.any else And, (condition,), list_)
        if isinstance(condition, And):
            return self._joined(And, self._every(condition.items) if self._has_lists else map(self.condition, condition.items))
        if isinstance(condition, Or):
            return self._joined(Or, map(self.condition, condition.items))
        return opposite(self.condition(condition.item)) if isinstance(condition, Not) else condition

    def _atom(self, atom: Compare | In) -> Condition:
        return self._compare(atom) if isinstance(atom, Compare) else self._listed(atom)

    def _every(self, items: tuple[Condition, ...]) -> Iterator[Condition]:
        """Items that speak of one element of a list in the request are spread together, all others one by one."""
        for list_, group in groups_by_list(items):
            yield self.condition(group[0]) if list_ is None else self._spread(Or, group, list_)

    def _spread(self, kind: type[And] | type[Or], group: tuple[Condition, ...], list_: tuple[str, ...]) -> Condition:
        """What speaks of a list in the request, said of each of its elements."""
        mark, elements = len(self.slots), elements_of(self._values, list_)
        self._spend(len(elements) * len(group))
        found = self._joined(kind, (self.condition(in_element(group, list_, element)) for element in elements))
        if isinstance(found, Constant):
            del self.slots[mark:]
        return gathered(found, self._padding)

    def _spend(self, comparisons: int) -> None:
        self._comparisons += comparisons
        if self._comparisons > MAX_ELEMENTS:
            detail = f"beyond the limit `list_elements`: a rule compares at most {MAX_ELEMENTS} elements of lists in the request"
            raise Invalid(detail, code="limit_exceeded", hint="send shorter lists")

    def _padding(self, slots: tuple[Slot, ...]) -> tuple[Slot, ...]:
        """The last value again, up to the next power of two: else each length of a list would have a shape of its own."""
        missing = (1 << (len(slots) - 1).bit_length()) - len(slots)
        last = slots[-1]
        return tuple(self._slot(self.slots[last.index], last.kind, last.form) for _ in range(missing))

    def _joined(self, kind: type[And] | type[Or], items: Iterable[Condition]) -> Condition:
        neutral, decisive = (TRUE, FALSE) if kind is And else (FALSE, TRUE)
        found: list[Condition] = []
        for shaped in items:
            if shaped == decisive:
                return decisive
            if isinstance(shaped, kind):
                found.extend(shaped.items)
            elif shaped != neutral:
                found.append(shaped)
        if not found:
            return neutral
        return found[0] if len(found) == 1 else kind(tuple(found))

    def _compare(self, compare: Compare) -> Condition:
        if compare.any and not (is_many(compare.left) or is_many(compare.right)):
            compare = replace(compare, any=False)
        left, right = self._simple(compare.left), self._simple(compare.right)
        if isinstance(left, Request) and left.modifier == "changed":
            return self._changed(left)
        if _is_known(left) and _is_known(right):
            return constant(self._decided(compare, left, right))
        if compare.op in ("~", "!~"):
            return self._looks_like(compare, left, right)
        if isinstance(left, Call) and left.name in _PREDICATES and isinstance(right, Literal):
            return replace(compare, left=self._operand(left))
        if _is_known(right):
            return self._against(compare.op, left, right, compare)
        if _is_known(left):
            return self._against(_MIRRORED[compare.op], right, left, compare)
        return replace(compare, left=self._operand(left), right=self._operand(right))

    def _decided(self, compare: Compare, left: Operand, right: Operand) -> bool:
        """A comparison of what turned out to be known; whose values they are is told by how it was written."""
        if compare.op in ("~", "!~") and self._is_unowned(compare.left, compare.right):
            return compare.op == "!~"
        if compare.op not in ("=", "!="):
            return self._known.decides(Compare(compare.op, left, right, compare.kind))
        l, r = (self._value(side, compare.kind) for side in (left, right))
        unowned = owns_nothing(compare.left, l, compare.right) or owns_nothing(compare.right, r, compare.left)
        return decide(compare.op, compare.kind, l, r, unowned=unowned)

    def _against(self, op: str, operand: Operand, known: Operand, compare: Compare) -> Condition:
        value = self._value(known, compare.kind)
        if op in ("=", "!=") and compare.kind in TEXTUAL:
            value = value or None
        if value is None and op in ("=", "!=") and is_request(known):
            return constant(op == "!=")
        return self._bounded(op, operand, value, compare.kind, any_=compare.any)

    def _bounded(self, op: str, operand: Operand, value: Any, kind: Kind, *, any_: bool = False) -> Condition:
        """An operand of the record against a value that is known."""
        if value is None:
            return Compare(op, self._operand(operand), _ABSENT, kind, any_) if op in ("=", "!=") else FALSE
        found = verdict(op, operand, value, kind)
        if isinstance(found, bool):
            return constant(found)
        if isinstance(found, str):
            return Compare("!=", self._operand(operand), _ABSENT, kind, any_)
        op, value, kind = found
        return Compare(op, self._operand(operand), self._slot(value, kind), kind, any_)

    def _changed(self, request: Request) -> Condition:
        if not is_set(self._values, request.path):
            return FALSE
        if self._values.creating or is_incremented(self._values, request.path) or request.stored is None:
            return TRUE
        stored, asked = request.stored, asked_for(lookup(self._values, request.path), request.stored)
        if asked is UNREADABLE:
            return TRUE
        if asked is None and stored.elements:
            return Compare("!=", replace(stored, modifier="length"), self._slot(0, Kind.INTEGER), Kind.INTEGER)
        return self._bounded("!=", stored, asked, compared_as(stored))

    def _is_unowned(self, left: Operand, right: Operand) -> bool:
        """Whether one side, as it was written, is an absent value of the request and the other no literal."""
        return any(
            is_request(side) and owns_nothing(side, self._value(side, Kind.TEXT), other) for side, other in ((left, right), (right, left))
        )

    def _looks_like(self, compare: Compare, left: Operand, right: Operand) -> Condition:
        if self._is_unowned(compare.left, compare.right):
            return constant(compare.op == "!~")
        if not _is_known(right):
            known = self._slot(self._value(left, Kind.TEXT) or "", Kind.TEXT) if _is_known(left) else self._operand(left)
            return replace(compare, left=known, right=self._operand(right))
        text = sized(self._value(right, Kind.TEXT) or "")
        if folds(compare.left, compare.right):
            sized(fold_key(text))
        pattern = isinstance(right, (Literal, Request)) and is_pattern(text)
        if not text or (pattern and matches_everything(text)):
            return constant(compare.op == "~")
        slot = self._slot(rewritten(text), Kind.TEXT, "pattern") if pattern else self._slot(text, Kind.TEXT, "text")
        return replace(compare, left=self._operand(left), right=slot)

    # --- lists

    def _listed(self, member: In) -> Condition:
        operand = self._simple(member.operand)
        if is_many(operand):
            return self._listed_many(replace(member, operand=operand))
        each = tuple(Compare("=", member.operand, item, member.kind) for item in member.items)
        found = self._joined(Or, map(self.condition, each))
        if not _is_known(operand):
            found = gathered(found)
        return opposite(found) if member.negated else found

    def _listed_many(self, member: In) -> Condition:
        """Elements decide one by one, so the list stays whole; only what no element could equal is left out."""
        items = [item for item in (self._item(item, member) for item in member.items) if item is not None]
        if not items:
            return constant(member.negated)
        return replace(member, operand=self._operand(member.operand), items=tuple(items))

    def _item(self, item: Operand, member: In) -> Operand | None:
        simple = self._simple(item)
        if not _is_known(simple):
            return self._operand(simple)
        value = self._value(simple, member.kind)
        if value is None or (value == "" and member.kind in TEXTUAL):
            return None if is_request(simple) else _ABSENT
        found = verdict("=", member.operand, value, member.kind)
        return self._slot(*found[1:]) if isinstance(found, tuple) else None

    # --- operands

    def _value(self, operand: Operand, kind: Kind) -> Any:
        return self._known.value(operand, kind)

    def _slot(self, value: Any, kind: Kind, form: str = "value") -> Slot:
        self.slots.append(value)
        return Slot(len(self.slots) - 1, kind, form)

    def _simple(self, operand: Operand) -> Operand:
        """The operand without what is known already inside it."""
        if isinstance(operand, Shift) and not _is_known(operand):
            inner = self._simple(operand.operand)
            return Shift(inner, operand.seconds) if not _is_known(inner) else self._literal(Shift(inner, operand.seconds), Kind.DATE)
        if isinstance(operand, Call) and not _is_known(operand):
            simple = Call(operand.name, tuple(self._simple(arg) for arg in operand.args), operand.kind)
            unowned = operand.name in _PREDICATES and self._is_unowned(operand.args[0], operand.args[1])
            return Literal(False, Kind.BOOL) if unowned else self._simple_call(simple)
        return operand

    def _simple_call(self, call: Call) -> Operand:
        if _is_known(call):
            return self._literal(call, call.kind)
        if call.name == "geoDistance" and any(_is_known(arg) and self._value(arg, Kind.NUMBER) is None for arg in call.args):
            return _ABSENT
        if call.name in _PREDICATES and _is_known(call.args[1]) and not self._value(call.args[1], Kind.TEXT):
            # Every text begins with nothing and holds it.
            return Literal(True, Kind.BOOL)
        return self._simple_coalesce(call) if call.name == "coalesce" else call

    def _simple_coalesce(self, call: Call) -> Operand:
        first, second = call.args
        for known, other in ((first, second), (second, first)):
            if _is_known(known):
                value = self._known.value(Call("coalesce", (known, known), call.kind), call.kind)
                if value is None:
                    # Twice the same is the same, read as the kind of the call.
                    return Call("coalesce", (other, other), call.kind)
                if known is first:
                    return Literal(value, call.kind)
        return call

    def _literal(self, operand: Operand, kind: Kind) -> Literal:
        value = self._value(operand, kind)
        return _ABSENT if value is None else Literal(value, kind)

    def _operand(self, operand: Operand) -> Operand:
        """An operand of the record, with slots for the values inside it."""
        if isinstance(operand, Path):
            return self.path(operand)
        if isinstance(operand, Shift):
            return Shift(self._operand(operand.operand), operand.seconds)
        assert isinstance(operand, Call)
        kinds = _ARGUMENTS.get(operand.name) or (operand.kind,) * len(operand.args)
        args = zip(operand.args, kinds, strict=True)
        return Call(operand.name, tuple(self._argument(arg, kind, operand.name) for arg, kind in args), operand.kind)

    def _argument(self, operand: Operand, kind: Kind, function: str) -> Operand:
        if not _is_known(operand):
            return self._operand(operand)
        if function == "strftime":
            return operand
        value = self._value(operand, kind)
        return self._slot(value if value is not None or kind is not Kind.TEXT else "", kind)

    def path(self, path: Path) -> Path:
        if not path_guards(path):
            return path
        steps = tuple(replace(step, guard=self._guard(step.guard), field_guard=self._guard(step.field_guard)) for step in path.steps)
        return replace(path, steps=steps, guard=self._guard(path.guard))

    def _guard(self, guard: Condition | None) -> Condition | None:
        """The same for every path that it stands on, or two ways through one element would not be seen to be one."""
        if guard is None:
            return None
        kept = self._guards.get(guard)
        if kept is not None and kept.is_in(self.slots):
            return kept.shaped
        mark = len(self.slots)
        found = self.condition(guard)
        shaped = None if found == TRUE else found
        self._guards[guard] = _Guard(shaped, mark, tuple(self.slots[mark:]))
        return shaped


_ARGUMENTS = {
    "geoDistance": (Kind.NUMBER,) * 4,
    "strftime": (Kind.TEXT, Kind.DATE),
    "lower": (Kind.TEXT,),
    "length": (Kind.TEXT,),
    "startsWith": (Kind.TEXT, Kind.TEXT),
    "contains": (Kind.TEXT, Kind.TEXT),
}


def _is_known(operand: Operand) -> bool:
    if isinstance(operand, Path):
        return False
    return isinstance(operand, (Literal, Request)) or not paths_of(operand)
