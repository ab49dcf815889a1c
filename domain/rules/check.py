"""From syntax to the checked tree: every name resolved, every comparison given the kind by which both sides are read.

A side without a type (`@request` values, what is inside JSON) takes that of the other side. Numbers compare exactly where both
sides are exact and as doubles where one of them is a double (a number field, JSON).
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from domain.errors import did_you_mean
from domain.rules.functions import is_formattable
from domain.rules.manys import manys
from domain.rules.parse import parse
from domain.rules.paths import Found, Scope, Sight, resolve
from domain.rules.patterns import MAX_PATTERN
from domain.rules.requests import ROLES, accounts_of
from domain.rules.syntax import (
    MAX_RELATION_STEPS,
    Alone,
    Called,
    Compared,
    Either,
    Every,
    Expr,
    Listed,
    Macro,
    Moved,
    Name,
    Negated,
    Number,
    Source,
    Text,
    Word,
)
from domain.rules.syntax import Operand as Written
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
)
from domain.rules.walk import joins, paths_of
from domain.schema.fields import Field, RelationField
from domain.schema.fields.times import read_day, read_instant, write_instant
from domain.schema.kinds import INT64_MAX, INT64_MIN, Kind

__all__ = ["Found", "Scope", "Sight", "check"]

_ARTICLED = {
    Kind.TEXT: "a text", Kind.INTEGER: "an integer", Kind.NUMBER: "a number", Kind.DECIMAL: "a decimal", Kind.BOOL: "a bool",
    Kind.DATE: "a date", Kind.DAY: "a day", Kind.JSON: "json",
}  # fmt: skip
_INTEGER_MACROS = frozenset({"@second", "@minute", "@hour", "@day", "@weekday", "@month", "@year"})
_ORDERED = frozenset({">", ">=", "<", "<="})
_YES = Literal(True, Kind.BOOL)


def check(text: str | Expr, scope: Scope) -> Condition:
    """What a rule or filter means in its scope; Invalid with place and reason where it means nothing. `""` is everything."""
    if text == "":
        return TRUE
    source = Source(text if isinstance(text, str) else "", scope.pointer)
    condition = _Checker(scope, source).condition(parse(text, scope.pointer) if isinstance(text, str) else text)
    if joins(condition) > MAX_RELATION_STEPS:
        detail = f"at most {MAX_RELATION_STEPS} different relation steps, those of the targets' list rules included"
        raise source.beyond("relation_steps", 0, detail)
    return condition


@dataclass(frozen=True, slots=True)
class _Typed:
    """An operand, and what is known of its type. `kind` is None for a value without one (then `declared` may tell what the
    schema says of a `@request` value) and for null; a literal's kind is what it was written as."""

    node: Operand
    kind: Kind | None
    label: str
    at: int
    declared: Kind | None = None

    @property
    def is_null(self) -> bool:
        return isinstance(self.node, Literal) and self.node.kind is None

    @property
    def is_literal(self) -> bool:
        return isinstance(self.node, Literal) and not self.node.macro

    @property
    def is_open(self) -> bool:
        return self.kind is None and not self.is_null

    @property
    def is_json(self) -> bool:
        return self.is_open and isinstance(self.node, Path)

    @property
    def described(self) -> str:
        return f"{self.label} is {_ARTICLED[self.kind] if self.kind else 'null' if self.is_null else 'without a type'}"


class _Checker:
    def __init__(self, scope: Scope, source: Source) -> None:
        self._scope, self._source = scope, source

    # --- conditions

    def condition(self, expr: Expr) -> Condition:
        if isinstance(expr, Every):
            return And(_flat(And, tuple(self.condition(item) for item in expr.items)))
        if isinstance(expr, Either):
            return Or(_flat(Or, tuple(self.condition(item) for item in expr.items)))
        if isinstance(expr, Negated):
            return Not(self.condition(expr.item))
        if isinstance(expr, Alone):
            return self._alone(expr)
        return self._listed(expr) if isinstance(expr, Listed) else self._compared(expr)

    def _alone(self, expr: Alone) -> Condition:
        operand = self.operand(expr.operand)
        if operand.is_literal and operand.kind is Kind.BOOL:
            return Constant(bool(operand.node.value))  # type: ignore[union-attr]
        if operand.kind is not Kind.BOOL and not operand.is_open:
            hint = "compare it with something" if isinstance(operand.node, Path) else None
            raise self._source.refusal("type_mismatch", operand.at, f"{operand.described}, and only a bool stands alone", hint)
        return Compare("=", operand.node, _YES, Kind.BOOL)

    def _compared(self, expr: Compared) -> Condition:
        left, right = self.operand(expr.left), self.operand(expr.right)
        kind = self._kind_for(expr.op, left, right)
        yes_or_no = _of_predicate(expr.op, left, right) or _of_predicate(expr.op, right, left)
        if yes_or_no is not None:
            return yes_or_no
        self._refuse_bare_changed(left, right)
        many = _is_many(left.node) or _is_many(right.node)
        return Compare(expr.op, self._fit(left, kind), self._fit(right, kind), kind, expr.any and many)

    def _kind_for(self, op: str, left: _Typed, right: _Typed) -> Kind:
        if op in ("~", "!~"):
            self._refuse_long(right)
            return self._need_text(left, right)
        kind = self._common(left, right)
        if op in _ORDERED and kind is Kind.BOOL:
            raise self._source.refusal("type_mismatch", right.at, f"{left.described}, and a bool has no order", "use = or !=")
        return kind

    def _refuse_long(self, right: _Typed) -> None:
        """Here and not only when it runs: a rule that can never run is not saved."""
        if isinstance(right.node, Literal) and len(str(right.node.value)) > MAX_PATTERN:
            raise self._source.beyond("pattern", right.at, f"at most {MAX_PATTERN} characters to look for with `~`")

    def _need_text(self, *sides: _Typed) -> Kind:
        for side in sides:
            if side.kind not in (Kind.TEXT, None):
                raise self._source.refusal("type_mismatch", side.at, f"{side.described}, and `~` looks into texts only")
        return Kind.TEXT

    def _listed(self, expr: Listed) -> Condition:
        operand, items = self.operand(expr.operand), [self.operand(item) for item in expr.items]
        for item in items:
            if _is_many(item.node):
                raise self._source.refusal("not_allowed", item.at, f"{item.label} has many values, and `in` lists single ones")
        kind = self._common(operand, *items)
        self._refuse_bare_changed(operand, *items)
        many = _is_many(operand.node)
        return In(self._fit(operand, kind), tuple(self._fit(item, kind) for item in items), kind, expr.any and many, expr.negated)

    def _refuse_bare_changed(self, *sides: _Typed) -> None:
        for side in sides:
            if isinstance(side.node, Request) and side.node.modifier == "changed":
                raise self._source.refusal("not_allowed", side.at, f"{side.label} stands alone or is compared with true or false")

    # --- kinds

    def _common(self, *sides: _Typed) -> Kind:
        """The kind as which all sides are read."""
        fixed = [side for side in sides if side.kind is not None and not side.is_literal]
        if not fixed and not any(side.kind for side in sides):
            return self._declared(sides)
        if fixed:
            for side in sides:
                self._refuse_mismatch(fixed[0], side)
        else:
            self._refuse_mixed_literals(sides)
        first = (fixed or [side for side in sides if side.kind])[0].kind
        assert first is not None
        if first.is_temporal:
            return _temporal(sides)
        return _numeric(sides) if first.is_numeric else first

    def _declared(self, sides: tuple[_Typed, ...]) -> Kind:
        """No side has a type of its own: what the schema says of `@request.auth.id` or of a field in the body has to do."""
        opens = [side for side in sides if side.is_open]
        if not opens:
            return Kind.TEXT
        kinds = {side.declared for side in opens if side.declared}
        if len(opens) == 1:
            # Compared with null: any value at all is one.
            return kinds.pop() if kinds else Kind.JSON
        if len(kinds) == 1:
            return kinds.pop()
        if kinds and all(kind.is_numeric for kind in kinds):
            return Kind.NUMBER
        detail = f"neither {opens[0].label} nor {opens[1].label} has a type to compare by"
        raise self._source.refusal("type_mismatch", opens[1].at, detail, "compare one of them with a field or a value")

    def _refuse_mismatch(self, model: _Typed, side: _Typed) -> None:
        if side.kind is None or side is model:
            return
        assert model.kind is not None
        if _family(model.kind) == _family(side.kind):
            return
        if model.kind.is_temporal and side.is_literal and side.kind is Kind.TEXT:
            return
        raise self._source.refusal("type_mismatch", side.at, f"{model.described}, {side.described}", _mending(model, side))

    def _refuse_mixed_literals(self, sides: tuple[_Typed, ...]) -> None:
        model = next(side for side in sides if side.kind)
        for side in sides:
            self._refuse_mismatch(model, side)

    def _fit(self, side: _Typed, kind: Kind) -> Operand:
        """The operand as it stands in a comparison of this kind: a literal takes the kind's own form."""
        node = side.node
        if not side.is_literal or not isinstance(node, Literal) or node.kind is None:
            return node
        if kind.is_temporal:
            return Literal(self._moment(side, str(node.value), kind), kind)
        if kind is Kind.NUMBER:
            return Literal(float(node.value) + 0.0, kind)
        if kind is Kind.DECIMAL:
            return Literal(Decimal(node.value), kind)
        return node

    def _moment(self, side: _Typed, text: str, kind: Kind) -> str:
        if text == "":
            return text
        if kind is Kind.DAY and (day := read_day(text)) is not None:
            return day
        instant = read_instant(text)
        if instant is None:
            detail = f"{side.label} is no date: write YYYY-MM-DD, or ISO 8601 with a time to the millisecond"
            raise self._source.refusal("type_mismatch", side.at, detail)
        return write_instant(instant)

    # --- operands

    def operand(self, written: Written) -> _Typed:
        if isinstance(written, Name):
            return self._named(written)
        if isinstance(written, Text):
            return _Typed(Literal(written.value, Kind.TEXT), Kind.TEXT, _quoted(written.value), written.at)
        if isinstance(written, Number):
            kind = Kind.INTEGER if isinstance(written.value, int) else Kind.DECIMAL
            return _Typed(Literal(written.value, kind), kind, str(written.value)[:40], written.at)
        if isinstance(written, Word):
            kind_of_word = None if written.value is None else Kind.BOOL
            return _Typed(Literal(written.value, kind_of_word), kind_of_word, str(written.value).lower(), written.at)
        if isinstance(written, Macro):
            kind = Kind.INTEGER if written.name in _INTEGER_MACROS else Kind.DATE
            return _Typed(Literal(written.name, kind, macro=True), kind, f"`{written.name}`", written.at)
        return self._moved(written) if isinstance(written, Moved) else self._called(written)

    def _named(self, name: Name) -> _Typed:
        found = resolve(name, self._scope, self._source)
        return _Typed(found.operand, _own_kind(found.operand), f"`{name.written}`", name.at, found.declared)

    def _moved(self, written: Moved) -> _Typed:
        operand = self.operand(written.operand)
        node = self._argument(operand, Kind.DATE, "only a date can be moved")
        return _Typed(Shift(node, written.seconds), Kind.DATE, f"{operand.label} moved", operand.at)

    def _argument(self, side: _Typed, kind: Kind, need: str) -> Operand:
        """An operand where a value of this kind is asked for."""
        fits = side.kind is None or _family(side.kind) == _family(kind)
        if not fits and not (kind.is_temporal and side.is_literal and side.kind is Kind.TEXT):
            raise self._source.refusal("type_mismatch", side.at, f"{side.described}, and {need}")
        if kind.is_temporal and side.is_json:
            raise self._source.refusal("not_supported", side.at, f"{side.label} is inside json, and {need}", "keep it in a date field")
        return self._fit(side, kind)

    def _called(self, written: Called) -> _Typed:
        make = _FUNCTIONS.get(written.name)
        if make is None:
            known = [name for name in _FUNCTIONS if name != "hasRole" or not self._scope.client]
            hint = did_you_mean(written.name, known) or f"known are {', '.join(known)}"
            raise self._source.refusal("unknown_name", written.at, f"no function `{written.name[:40]}`", hint)
        call = make(self, written)
        return _Typed(call, call.kind, f"`{written.name}(…)`", written.at)

    def arguments(self, written: Called, kinds: tuple[Kind, ...]) -> tuple[Operand, ...]:
        need = f"`{written.name}` takes {_listing(kinds)}"
        if len(written.args) != len(kinds):
            raise self._source.refusal("syntax_error", written.at, f"{need}; {len(written.args)} are given here")
        return tuple(self._argument(self.operand(arg), kind, need) for arg, kind in zip(written.args, kinds, strict=True))

    def coalesce(self, written: Called) -> Call:
        if len(written.args) != 2:
            raise self._source.refusal("syntax_error", written.at, f"`coalesce` takes 2 values; {len(written.args)} are given here")
        sides = [self.operand(arg) for arg in written.args]
        kind = self._common(*sides)
        if kind is Kind.JSON:
            raise self._source.refusal("type_mismatch", written.at, "neither value of `coalesce` has a type", "give it one that has")
        self._refuse_bare_changed(*sides)
        kind = _storable_kind(kind, sides)
        return Call("coalesce", tuple(self._fit(side, kind) for side in sides), kind)

    def strftime(self, written: Called) -> Call:
        if len(written.args) > 2:
            at = written.args[2].at
            raise self._source.refusal("not_supported", at, "`strftime` takes a format and a date", "move the date itself: `created + 7d`")
        pattern, date = self.arguments(written, (Kind.TEXT, Kind.DATE))
        if not isinstance(pattern, Literal) or not isinstance(pattern.value, str):
            raise self._source.refusal("not_allowed", written.args[0].at, "the format of `strftime` is written in the rule, in quotes")
        if not is_formattable(pattern.value):
            hint = "known are %d %f %H %j %m %M %s %S %w %Y %%"
            raise self._source.refusal("not_allowed", written.args[0].at, f"{_quoted(pattern.value)} is no format", hint)
        return Call("strftime", (pattern, date), Kind.TEXT)

    def has_role(self, written: Called) -> Call:
        """True where `@request.auth.role` or one of `@request.auth.roles` is the name: a text, a choice, an element of a json
        array, or the `name` of the record that a relation points at."""
        if self._scope.client:
            raise self._source.refusal("not_allowed", written.at, "`hasRole` is for rules; a filter or sort may not use it")
        (name,) = self.arguments(written, (Kind.TEXT,))
        if not isinstance(name, Literal) or not name.value:
            raise self._source.refusal("not_allowed", written.at, "the role is written in the rule, in quotes")
        fields = [each.every_field[key] for key in ROLES for each in accounts_of(self._scope) if key in each.every_field]
        held = tuple(dict.fromkeys(Request(("auth", *self._role_path(field))) for field in fields))
        if not held:
            hint = "add one to the accounts collection"
            raise self._source.refusal("unknown_field", written.at, "no accounts collection has a field `role` or `roles`", hint)
        return Call("hasRole", (name, *held), Kind.BOOL)

    def _role_path(self, field: Field) -> tuple[str, ...]:
        target = self._scope.collection_of(field.collection) if isinstance(field, RelationField) else None
        return (field.name, "name") if target is not None and "name" in target.every_field else (field.name,)


def _plain_call(kinds: tuple[Kind, ...], answer: Kind) -> Callable[[_Checker, Called], Call]:
    return lambda checker, written: Call(written.name, checker.arguments(written, kinds), answer)


_FUNCTIONS: dict[str, Callable[[_Checker, Called], Call]] = {
    "geoDistance": _plain_call((Kind.NUMBER,) * 4, Kind.NUMBER),
    "strftime": _Checker.strftime,
    "hasRole": _Checker.has_role,
    "lower": _plain_call((Kind.TEXT,), Kind.TEXT),
    "length": _plain_call((Kind.TEXT,), Kind.INTEGER),
    "startsWith": _plain_call((Kind.TEXT, Kind.TEXT), Kind.BOOL),
    "contains": _plain_call((Kind.TEXT, Kind.TEXT), Kind.BOOL),
    "coalesce": _Checker.coalesce,
}


def _own_kind(operand: Operand) -> Kind | None:
    if isinstance(operand, Path):
        if operand.modifier == "length":
            return Kind.INTEGER
        if operand.modifier == "lower":
            return Kind.TEXT
        return None if operand.kind is Kind.JSON else operand.kind
    if isinstance(operand, Request):
        return {"isset": Kind.BOOL, "changed": Kind.BOOL, "length": Kind.INTEGER, "lower": Kind.TEXT}.get(operand.modifier or "")
    raise TypeError(operand)


def _of_predicate(op: str, side: _Typed, other: _Typed) -> Condition | None:
    """A yes or no against a bool that is written out: always `… = true`, negated where that is meant."""
    node = side.node
    is_predicate = isinstance(node, Call) and node.name in ("hasRole", "startsWith", "contains")
    is_changed = isinstance(node, Request) and node.modifier == "changed"
    if not (is_predicate or is_changed) or not other.is_literal or op not in ("=", "!="):
        return None
    if other.is_null:
        return FALSE if op == "=" else TRUE
    holds = Compare("=", node, _YES, Kind.BOOL)
    return holds if (other.node.value is True) == (op == "=") else Not(holds)  # type: ignore[union-attr]


def _temporal(sides: tuple[_Typed, ...]) -> Kind:
    """Days among themselves compare as days; beside an instant a day stands for its first one."""
    for side in sides:
        if side.kind is Kind.DATE or (side.is_literal and side.node.value and read_day(side.node.value) is None):  # type: ignore[union-attr]
            return Kind.DATE
    return Kind.DAY


def _numeric(sides: tuple[_Typed, ...]) -> Kind:
    fixed = {side.kind for side in sides if side.kind and not side.is_literal}
    if Kind.NUMBER in fixed or any(side.is_json for side in sides):
        return Kind.NUMBER
    # A fraction beside an integer field is folded away before anything runs, so the comparison stays one of integers.
    return Kind.INTEGER if fixed == {Kind.INTEGER} else Kind.DECIMAL


def _storable_kind(kind: Kind, sides: list[_Typed]) -> Kind:
    """What `coalesce` answers with: a fraction beside an integer, or decimals of whatever scale, make a double of it."""
    has_path = any(paths_of(side.node) for side in sides)
    if kind is Kind.DECIMAL and has_path:
        return Kind.NUMBER
    if kind is Kind.INTEGER and any(side.is_literal and not _is_int64(side.node.value) for side in sides):  # type: ignore[union-attr]
        return Kind.NUMBER
    return kind


def _is_int64(value: object) -> bool:
    return value is None or (type(value) is int and INT64_MIN <= value <= INT64_MAX)


def _family(kind: Kind) -> str:
    return "number" if kind.is_numeric else "moment" if kind.is_temporal else kind.value


def _mending(model: _Typed, side: _Typed) -> str | None:
    """A literal in the wrong form is the most usual mistake."""
    if not side.is_literal or model.kind is None:
        return None
    if side.kind is Kind.TEXT and (model.kind.is_numeric or model.kind is Kind.BOOL):
        return "write it without quotes"
    if side.kind is not Kind.TEXT and (model.kind is Kind.TEXT or model.kind.is_temporal):
        return "write it in quotes"
    return None


def _is_many(operand: Operand) -> bool:
    return any(True for _ in manys(operand))


def _flat(kind: type[And] | type[Or], items: tuple[Condition, ...]) -> tuple[Condition, ...]:
    flat: list[Condition] = []
    for item in items:
        flat.extend(item.items if isinstance(item, kind) else (item,))
    return tuple(flat)


def _quoted(text: str) -> str:
    return f"'{text}'" if len(text) <= 40 else f"'{text[:39]}…'"


def _listing(kinds: tuple[Kind, ...]) -> str:
    names = [_ARTICLED[kind] for kind in kinds]
    if len(names) == 1:
        return names[0]
    return f"{len(names)} numbers" if len(set(names)) == 1 and kinds[0] is Kind.NUMBER else f"{', '.join(names[:-1])} and {names[-1]}"
