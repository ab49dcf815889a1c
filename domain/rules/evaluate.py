"""Deciding a condition in Python: for drafts, bodies and actors, and as the measure that both SQL compilers are held to.

A `?` comparison holds when some choice of elements makes it hold, and all `?` comparisons of one scope (the whole condition, or
one `!( )`) that go through the same many-valued path speak of the same element. Without `?` every element must match.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.rules.bound import Bound
from domain.rules.budget import Budget
from domain.rules.calls import CALLS
from domain.rules.changed import UNREADABLE, asked_for, compared_as
from domain.rules.comparing import decide, folds, instant_of, key_between, owns_nothing
from domain.rules.conversions import TEXTUAL, converted, from_json
from domain.rules.finding import Finder, Record, World
from domain.rules.functions import ascii_lower
from domain.rules.manys import Env, Many, Variables, free, groups_of, is_listed, placed
from domain.rules.patterns import holds as holds_text
from domain.rules.patterns import is_pattern, matches, rewritten
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
    Request,
    Shift,
    Slot,
)
from domain.rules.values import (
    Values,
    every_value,
    is_incremented,
    is_set,
    lookup,
    macro,
    reached,
    request_value,
)
from domain.rules.walk import every_path
from domain.schema.fields import fold_key
from domain.schema.fields.times import write_instant
from domain.schema.kinds import Kind

_NO_REQUEST = Values(datetime(1, 1, 1, tzinfo=UTC))


def holds(condition: Condition, record: Record, values: Values, world: World | None = None) -> bool:
    """Whether the record fulfils the condition. `record` and those in `world` (collection, then id) hold Python forms by field
    name, None or nothing where a value is absent; only a condition that `is_local` needs no world."""
    return _reader(record, values, (), world, Budget(), Variables()).some(condition, {})


def holds_bound(bound: Bound, record: Record, world: World | None = None) -> bool:
    """The same for a condition made ready for a request."""
    return _reader(record, _NO_REQUEST, bound.values, world, Budget(), Variables()).some(bound.shape, {})


def is_local(condition: Condition) -> bool:
    """Whether the record alone (with the request) decides it: no other record is looked at."""
    return not any(path.steps or path.root for path in every_path(condition))


class Knowledge:
    """What can be told of a request before any record is looked at: the values of operands that hold no path."""

    def __init__(self, values: Values) -> None:
        self._reader = _reader({}, values, (), None, Budget(), Variables())

    def value(self, operand: Operand, kind: Kind) -> Any:
        return self._reader.value(operand, kind, {})

    def decides(self, atom: "Compare | In") -> bool:
        """The answer to a comparison all of whose sides are known."""
        return self._reader.some(atom, {})


# --- reading


def _reader(
    record: Record, values: Values, slots: Sequence[Any], world: World | None, budget: Budget, variables: Variables
) -> "_Reader":
    def passes(guard: Condition, target: Record) -> bool:
        return _reader(target, values, slots, world, budget, variables).some(guard, {})

    return _Reader(values, slots, Finder(record, values, world, budget, variables, passes))


@dataclass(slots=True)
class _Reader:
    values: Values
    slots: Sequence[Any]
    finder: Finder

    # --- conditions

    def some(self, condition: Condition, env: Env) -> bool:
        """Whether it holds for some choice of the elements that its `?` comparisons speak of and `env` has not chosen."""
        if isinstance(condition, Constant):
            return condition.value
        if isinstance(condition, Not):
            return not self.some(condition.item, {})
        if isinstance(condition, Or):
            return any(self.some(item, env) for item in condition.items)
        if isinstance(condition, And):
            return self._every(condition.items, env)
        if not condition.any:
            return self._for_all(condition, {})
        return self._chosen((condition,), env) if self._free(condition, env) else self._fits(condition, env)

    def _every(self, items: tuple[Condition, ...], env: Env) -> bool:
        """Items that share an element are decided together, all others one by one."""
        linked = []
        for item in items:
            if self._free(item, env):
                linked.append(item)
            elif not self.some(item, env):
                return False
        return all(self._chosen(group, env) for group in groups_of(linked, env, self.finder.variables.of))

    def _chosen(self, group: tuple[Condition, ...], env: Env) -> bool:
        if len(group) == 1 and not isinstance(group[0], (Compare, In)):
            return self.some(group[0], env)
        choice = self._free(group[0], env)[0]
        rest = group[0] if len(group) == 1 else And(group)
        return any(self.some(rest, {**env, choice: element}) for element in self.finder.elements(choice, env))

    def _free(self, condition: Condition, env: Env) -> list[Many]:
        return free(condition, env, self.finder.variables.of)

    def _for_all(self, atom: Compare | In, env: Env) -> bool:
        open_ = [many for many in self.finder.variables.of(atom) if many not in env]
        if not open_:
            return self._fits(atom, env)
        return all(self._for_all(atom, {**env, open_[0]: element}) for element in self.finder.elements(open_[0], env))

    def _fits(self, atom: Compare | In, env: Env) -> bool:
        if isinstance(atom, In):
            found = any(self._equal(atom.operand, item, atom.kind, env) for item in atom.items)
            return found != atom.negated
        if atom.op in ("~", "!~"):
            return self._looks_like(atom, env) == (atom.op == "~")
        if atom.op in ("=", "!="):
            return self._equal(atom.left, atom.right, atom.kind, env) == (atom.op == "=")
        left, right = (self.value(side, atom.kind, env) for side in (atom.left, atom.right))
        if left and right and folds(atom.left, atom.right):
            left, right = fold_key(left), fold_key(right)
        return decide(atom.op, atom.kind, left, right)

    def _equal(self, left: Operand, right: Operand, kind: Kind, env: Env) -> bool:
        l, r = self.value(left, kind, env), self.value(right, kind, env)
        if kind in TEXTUAL:
            l, r = l or None, r or None
            key = key_between(left, right)
            if key is not None and l is not None and r is not None:
                l, r = key(l), key(r)
        return decide("=", kind, l, r, unowned=owns_nothing(left, l, right) or owns_nothing(right, r, left))

    def _looks_like(self, atom: Compare, env: Env) -> bool:
        text, part = self._text(atom.left, env), self._text(atom.right, env)
        right = atom.right
        if owns_nothing(atom.left, text, right) or owns_nothing(right, part, atom.left):
            return False
        pattern = right.form == "pattern" if isinstance(right, Slot) else isinstance(right, (Literal, Request)) and is_pattern(part)
        if folds(atom.left, right):
            text, part = fold_key(text), fold_key(rewritten(part) if pattern else part)
        return matches(part, text) if pattern else holds_text(text, part)

    # --- operands

    def value(self, operand: Operand, kind: Kind, env: Env) -> Any:
        """The operand read as the kind, None where it is absent."""
        return _READ[type(operand)](self, operand, kind, env)

    def _text(self, operand: Operand, env: Env) -> str:
        return self.value(operand, Kind.TEXT, env) or ""

    def literal(self, operand: Literal, kind: Kind, env: Env) -> Any:
        if operand.kind is None:
            return None
        value = macro(operand.value, self.values.now) if operand.macro else operand.value
        return converted(value, operand.kind, kind)

    def slot(self, operand: Slot, kind: Kind, env: Env) -> Any:
        return converted(self.slots[operand.index], operand.kind, kind)

    def request(self, operand: Request, kind: Kind, env: Env) -> Any:
        if operand.lists:
            operand = placed(operand, env)
        if operand.modifier is None:
            return request_value(self.values, operand.path, kind)
        if operand.modifier == "isset":
            return is_set(self.values, operand.path)
        if operand.modifier == "changed":
            return self._is_changed(operand)
        if operand.modifier == "length":
            raw = lookup(self.values, operand.path)
            return converted(len(raw) if isinstance(raw, (list, tuple)) else 0, Kind.INTEGER, kind)
        if operand.modifier == "count":
            return converted(len(reached(self.values, operand.path)), Kind.INTEGER, kind)
        text = request_value(self.values, operand.path, Kind.TEXT)
        return None if text is None else ascii_lower(text)

    def _is_changed(self, operand: Request) -> bool:
        if not is_set(self.values, operand.path):
            return False
        if self.values.creating or is_incremented(self.values, operand.path) or operand.stored is None:
            return True
        kind = compared_as(operand.stored)
        asked = asked_for(lookup(self.values, operand.path), operand.stored)
        return asked is UNREADABLE or not decide("=", kind, asked, self.path(operand.stored, kind, {}))

    def path(self, operand: Path, kind: Kind, env: Env) -> Any:
        if is_listed(operand):
            return self._listed(operand, kind, env)
        if operand.modifier == "length":
            return converted(self.finder.length(operand, env), Kind.INTEGER, kind)
        if operand.modifier == "whole":
            return self.finder.raw(operand, env) or None
        if operand.modifier == "lower":
            text = self._stored(operand, Kind.TEXT, env)
            return None if text is None else ascii_lower(text)
        return self._stored(operand, kind, env)

    def _listed(self, path: Path, kind: Kind, env: Env) -> Any:
        """One of the elements: an id or a choice, or whatever a JSON array holds."""
        element = env[self.finder.variables.inner(path)]
        if path.kind is Kind.JSON:
            return from_json(element, kind)
        return ascii_lower(element) if path.modifier == "lower" and element is not None else converted(element, path.kind, kind)

    def _stored(self, path: Path, kind: Kind, env: Env) -> Any:
        raw = self.finder.raw(path, env)
        if path.kind is Kind.JSON:
            return from_json(raw, kind)
        if path.kind is Kind.DECIMAL and kind is Kind.NUMBER and raw is not None:
            # In two steps, as both engines do it, so that the rare double rounding is the same.
            return float(raw.scaleb(path.scale)) / float(10**path.scale)
        return converted(raw, path.kind, kind)

    # --- computed

    def shift(self, operand: Shift, kind: Kind, env: Env) -> str | None:
        moment = instant_of(self.value(operand.operand, Kind.DATE, env))
        try:
            return None if moment is None else write_instant(moment + timedelta(seconds=operand.seconds))
        except OverflowError:
            return None

    def call(self, operand: Call, kind: Kind, env: Env) -> Any:
        if operand.name == "hasRole":
            return self._has_role(operand.args, env)
        found = CALLS[operand.name](lambda arg, own: self.value(arg, own, env), operand.args, operand.kind)
        return converted(found, operand.kind, kind)

    def _has_role(self, args: tuple[Operand, ...], env: Env) -> bool:
        name = self._text(args[0], env)
        return any(name in every_value(self.values, arg.path) for arg in args[1:] if isinstance(arg, Request))


_READ: dict[type, Callable[[_Reader, Any, Kind, Env], Any]] = {
    Path: _Reader.path,
    Literal: _Reader.literal,
    Request: _Reader.request,
    Call: _Reader.call,
    Shift: _Reader.shift,
    Slot: _Reader.slot,
}
