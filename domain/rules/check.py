"""From syntax to the checked tree: every name resolved, every comparison given the kind by which both sides are read."""

from domain.rules.depth import MAX_DEPTH, MAX_DEPTH_TO_VIEWS, depth
from domain.rules.manys import manys
from domain.rules.operands import Operands
from domain.rules.parse import parse
from domain.rules.paths import Found, Scope, Sight
from domain.rules.patterns import MAX_PATTERN
from domain.rules.steps import TOO_MANY, joins
from domain.rules.syntax import (
    MAX_MANY_COMPARISONS,
    MAX_RELATION_STEPS,
    Alone,
    Compared,
    Either,
    Every,
    Expr,
    Listed,
    Negated,
    Source,
)
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
)
from domain.rules.typed import Typed, common_kind, fit
from domain.rules.walk import every_path, parts, sides
from domain.schema.kinds import Kind

__all__ = ["Found", "Scope", "Sight", "check"]

_ORDERED = frozenset({">", ">=", "<", "<="})
_YES = Literal(True, Kind.BOOL)


def check(text: str | Expr, scope: Scope) -> Condition:
    """What a rule or filter means in its scope; Invalid with place and reason where it means nothing. `""` is everything."""
    if text == "":
        return TRUE
    source = Source(text if isinstance(text, str) else "", scope.pointer)
    condition = _Checker(scope, source).condition(parse(text, scope.pointer) if isinstance(text, str) else text)
    if joins(condition, scope.is_many) > MAX_RELATION_STEPS:
        raise source.refusal("limit_exceeded", 0, TOO_MANY)
    if scope.client and _comparisons_of_many(condition) > MAX_MANY_COMPARISONS:
        raise source.beyond("many_comparisons", 0, f"a filter compares at most {MAX_MANY_COMPARISONS} times what has many values")
    deep = depth(condition)
    if deep > MAX_DEPTH or (deep > MAX_DEPTH_TO_VIEWS and _goes_by_views(condition, scope)):
        detail = "parentheses, relations to many and the rules of what they lead to nest too deep together"
        raise source.beyond("nesting", 0, detail)
    return condition


def _comparisons_of_many(condition: Condition) -> int:
    if isinstance(condition, (And, Or)):
        return sum(_comparisons_of_many(item) for item in condition.items)
    if isinstance(condition, Not):
        return _comparisons_of_many(condition.item)
    return int(isinstance(condition, (Compare, In)) and any(True for side in sides(condition) for _ in manys(side)))


def _goes_by_views(condition: Condition, scope: Scope) -> bool:
    names = {name for path in every_path(condition) for name in (path.root, *(step.target for step in path.steps))}
    found = [scope.collection_of(name) for name in names if name]
    return any(each is not None and each.is_view for each in found)


class _Checker:
    def __init__(self, scope: Scope, source: Source) -> None:
        self._source, self._operands = source, Operands(scope, source)

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
        operand = self._operands.operand(expr.operand)
        if operand.is_literal and operand.kind is Kind.BOOL:
            return Constant(bool(operand.node.value))  # type: ignore[union-attr]
        if operand.kind is not Kind.BOOL and not operand.is_open:
            hint = "compare it with something" if isinstance(operand.node, Path) else None
            raise self._source.refusal("type_mismatch", operand.at, f"{operand.described}, and only a bool stands alone", hint)
        return Compare("=", operand.node, _YES, Kind.BOOL)

    def _compared(self, expr: Compared) -> Condition:
        left, right = self._operands.operand(expr.left), self._operands.operand(expr.right)
        kind = self._kind_for(expr.op, left, right)
        yes_or_no = _of_predicate(expr.op, left, right) or _of_predicate(expr.op, right, left)
        if yes_or_no is not None:
            return yes_or_no
        self._operands.refuse_bare_changed(left, right)
        many = _is_many(left.node) or _is_many(right.node)
        return Compare(expr.op, fit(self._source, left, kind), fit(self._source, right, kind), kind, expr.any and many)

    def _kind_for(self, op: str, left: Typed, right: Typed) -> Kind:
        if op in ("~", "!~"):
            self._refuse_long(right)
            return self._need_text(left, right)
        kind = common_kind(self._source, left, right)
        if op in _ORDERED and kind is Kind.BOOL:
            raise self._source.refusal("type_mismatch", right.at, f"{left.described}, and a bool has no order", "use = or !=")
        return kind

    def _refuse_long(self, right: Typed) -> None:
        """Here and not only when it runs: a rule that can never run is not saved."""
        if isinstance(right.node, Literal) and len(str(right.node.value)) > MAX_PATTERN:
            raise self._source.beyond("pattern", right.at, f"at most {MAX_PATTERN} characters to look for with `~`")

    def _need_text(self, *sides: Typed) -> Kind:
        for side in sides:
            if side.kind not in (Kind.TEXT, None):
                raise self._source.refusal("type_mismatch", side.at, f"{side.described}, and `~` looks into texts only")
        return Kind.TEXT

    def _listed(self, expr: Listed) -> Condition:
        operand, items = self._operands.operand(expr.operand), [self._operands.operand(item) for item in expr.items]
        for item in items:
            if _is_many(item.node):
                raise self._source.refusal("not_allowed", item.at, f"{item.label} has many values, and `in` lists single ones")
        kind = common_kind(self._source, operand, *items)
        self._operands.refuse_bare_changed(operand, *items)
        many = _is_many(operand.node)
        fitting = tuple(fit(self._source, item, kind) for item in items)
        return In(fit(self._source, operand, kind), fitting, kind, expr.any and many, expr.negated)


def _of_predicate(op: str, side: Typed, other: Typed) -> Condition | None:
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


def _is_many(operand: Operand) -> bool:
    return any(part.many if isinstance(part, Path) else isinstance(part, Request) and bool(part.lists) for part in parts(operand))


def _flat(kind: type[And] | type[Or], items: tuple[Condition, ...]) -> tuple[Condition, ...]:
    flat: list[Condition] = []
    for item in items:
        flat.extend(item.items if isinstance(item, kind) else (item,))
    return tuple(flat)
