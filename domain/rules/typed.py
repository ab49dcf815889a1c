"""What is known of an operand's type, and the kind as which the sides of a comparison are read.

A side without a type (`@request` values, what is inside JSON) takes that of the other side. Numbers compare exactly where both
sides are exact and as doubles where one of them is a double (a number field, JSON).
"""

from dataclasses import dataclass
from decimal import Decimal

from domain.rules.syntax import Source
from domain.rules.tree import Literal, Operand, Path, Request
from domain.rules.walk import paths_of
from domain.schema.fields.times import read_day, read_instant, write_instant
from domain.schema.kinds import INT64_MAX, INT64_MIN, Kind

ARTICLED = {
    Kind.TEXT: "a text", Kind.INTEGER: "an integer", Kind.NUMBER: "a number", Kind.DECIMAL: "a decimal", Kind.BOOL: "a bool",
    Kind.DATE: "a date", Kind.DAY: "a day", Kind.JSON: "json",
}  # fmt: skip

# What the modifiers of a `@request` value answer with.
_ANSWERED = {
    "isset": Kind.BOOL, "changed": Kind.BOOL, "length": Kind.INTEGER, "count": Kind.INTEGER, "lower": Kind.TEXT,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Typed:
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
        return f"{self.label} is {ARTICLED[self.kind] if self.kind else 'null' if self.is_null else 'without a type'}"


def common_kind(source: Source, *sides: Typed) -> Kind:
    """The kind as which all sides are read."""
    fixed = [side for side in sides if side.kind is not None and not side.is_literal]
    if not fixed and not any(side.kind for side in sides):
        return _declared(source, sides)
    if fixed:
        for side in sides:
            _refuse_mismatch(source, fixed[0], side)
    else:
        _refuse_mixed_literals(source, sides)
    first = (fixed or [side for side in sides if side.kind])[0].kind
    assert first is not None
    if first.is_temporal:
        return _temporal(sides)
    return _numeric(sides) if first.is_numeric else first


def _declared(source: Source, sides: tuple[Typed, ...]) -> Kind:
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
    raise source.refusal("type_mismatch", opens[1].at, detail, "compare one of them with a field or a value")


def _refuse_mismatch(source: Source, model: Typed, side: Typed) -> None:
    if side.kind is None or side is model:
        return
    assert model.kind is not None
    if family(model.kind) == family(side.kind):
        return
    if model.kind.is_temporal and side.is_literal and side.kind is Kind.TEXT:
        return
    raise source.refusal("type_mismatch", side.at, f"{model.described}, {side.described}", _mending(model, side))


def _refuse_mixed_literals(source: Source, sides: tuple[Typed, ...]) -> None:
    model = next(side for side in sides if side.kind)
    for side in sides:
        _refuse_mismatch(source, model, side)


def fit(source: Source, side: Typed, kind: Kind) -> Operand:
    """The operand as it stands in a comparison of this kind: a literal takes the kind's own form."""
    node = side.node
    if not side.is_literal or not isinstance(node, Literal) or node.kind is None:
        return node
    if kind.is_temporal:
        return Literal(_moment(source, side, str(node.value), kind), kind)
    if kind is Kind.NUMBER:
        return Literal(float(node.value) + 0.0, kind)
    if kind is Kind.DECIMAL:
        return Literal(Decimal(node.value), kind)
    return node


def _moment(source: Source, side: Typed, text: str, kind: Kind) -> str:
    if text == "":
        return text
    if kind is Kind.DAY and (day := read_day(text)) is not None:
        return day
    instant = read_instant(text)
    if instant is None:
        detail = f"{side.label} is no date: write YYYY-MM-DD, or ISO 8601 with a time to the millisecond"
        raise source.refusal("type_mismatch", side.at, detail)
    return write_instant(instant)


def own_kind(operand: Operand) -> Kind | None:
    if isinstance(operand, Path):
        if operand.modifier == "length":
            return Kind.INTEGER
        if operand.modifier == "lower":
            return Kind.TEXT
        return None if operand.kind is Kind.JSON else operand.kind
    if isinstance(operand, Request):
        return _ANSWERED.get(operand.modifier or "")
    raise TypeError(operand)


def _temporal(sides: tuple[Typed, ...]) -> Kind:
    """Days among themselves compare as days; beside an instant a day stands for its first one."""
    for side in sides:
        if side.kind is Kind.DATE or (side.is_literal and side.node.value and read_day(side.node.value) is None):  # type: ignore[union-attr]
            return Kind.DATE
    return Kind.DAY


def _numeric(sides: tuple[Typed, ...]) -> Kind:
    fixed = {side.kind for side in sides if side.kind and not side.is_literal}
    if Kind.NUMBER in fixed or any(side.is_json for side in sides):
        return Kind.NUMBER
    # A fraction beside an integer field is folded away before anything runs, so the comparison stays one of integers.
    return Kind.INTEGER if fixed == {Kind.INTEGER} else Kind.DECIMAL


def storable_kind(kind: Kind, sides: list[Typed]) -> Kind:
    """What `coalesce` answers with: a fraction beside an integer, or decimals of whatever scale, make a double of it."""
    has_path = any(paths_of(side.node) for side in sides)
    if kind is Kind.DECIMAL and has_path:
        return Kind.NUMBER
    if kind is Kind.INTEGER and any(side.is_literal and not _is_int64(side.node.value) for side in sides):  # type: ignore[union-attr]
        return Kind.NUMBER
    return kind


def _is_int64(value: object) -> bool:
    return value is None or (type(value) is int and INT64_MIN <= value <= INT64_MAX)


def family(kind: Kind) -> str:
    return "number" if kind.is_numeric else "moment" if kind.is_temporal else kind.value


def _mending(model: Typed, side: Typed) -> str | None:
    """A literal in the wrong form is the most usual mistake."""
    if not side.is_literal or model.kind is None:
        return None
    if side.kind is Kind.TEXT and (model.kind.is_numeric or model.kind is Kind.BOOL):
        return "write it without quotes"
    if side.kind is not Kind.TEXT and (model.kind is Kind.TEXT or model.kind.is_temporal):
        return "write it in quotes"
    return None


def quoted(text: str) -> str:
    return f"'{text}'" if len(text) <= 40 else f"'{text[:39]}…'"
