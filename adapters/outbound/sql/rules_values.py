"""Operands of a condition as SQL values: fields, what is inside JSON, functions, and the parameters of slots."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Double,
    FromClause,
    Numeric,
    Text,
    bindparam,
    case,
    cast,
    false,
    func,
    literal_column,
    null,
    select,
    true,
)
from sqlalchemy.types import TypeEngine

from adapters.outbound.sql.names import key_column
from adapters.outbound.sql.rules_binds import Bind, Convert, scaled, whole
from adapters.outbound.sql.rules_dialects import EMPTY, FORMS, Expression, Truth
from domain.errors import Invalid
from domain.rules.tree import Call, Condition, Literal, Operand, Path, Shift, Slot, Step
from domain.schema.fields import email_key
from domain.schema.kinds import Kind

BIND_TYPES: dict[Kind, TypeEngine[Any]] = {
    Kind.TEXT: Text(), Kind.DATE: Text(), Kind.DAY: Text(), Kind.INTEGER: BigInteger(),
    Kind.NUMBER: Double(), Kind.DECIMAL: Numeric(), Kind.BOOL: Boolean(),
}  # fmt: skip
TEXT = Text()
TEXTUAL = (Kind.TEXT, Kind.DATE, Kind.DAY)
# A day stands for its first instant.
_MIDNIGHT = literal_column("'T00:00:00.000Z'", TEXT)


@dataclass(frozen=True, slots=True)
class Term:
    """A value in SQL, and the form in which it stands there when that is not the plain one of its kind: `scale` of a decimal
    kept as a scaled integer, `email` of an address read as its key."""

    value: Expression
    scale: int | None = None
    email: bool = False


PLAIN = Term(null())


def not_supported(what: str) -> Invalid:
    return Invalid(f"{what} cannot be used here yet", code="not_supported")


class Operands:
    """Compiles operands over a source and keeps the parameters that they ask for in `binds`. `condition` compiles a
    guard, `truth` a call that answers yes or no."""

    def __init__(
        self,
        tables: Mapping[str, FromClause],
        dialect: str,
        prefix: str,
        condition: Callable[[Condition, FromClause], Truth],
        truth: Callable[[Call, FromClause], Truth],
    ) -> None:
        self._tables, self._dialect, self._prefix = tables, dialect, prefix
        self._condition, self._truth = condition, truth
        self._aliases = 0
        self.forms = FORMS[dialect]
        self.binds: dict[str, Bind] = {}

    # --- steps

    def target(self, step: Step) -> FromClause:
        """The step's target, under a name that no collection can have."""
        if step.back or step.many:
            raise not_supported("a path that reaches many records")
        self._aliases += 1
        return self._tables[step.target].alias(f"_{self._prefix}r{self._aliases}")

    def allowed(self, step: Step, target: FromClause) -> tuple[Truth, ...]:
        """The step's guard on its target: one that fails it counts as absent."""
        return () if step.guard is None else (self._condition(step.guard, target),)

    def _through(self, steps: tuple[Step, ...], source: FromClause, read: Callable[[FromClause], Expression]) -> Expression:
        """What `read` finds at the end of the steps, NULL where one of them leads nowhere."""
        if not steps:
            return read(source)
        target = self.target(steps[0])
        found = select(self._through(steps[1:], target, read))
        found = found.where(target.c.id == source.c[steps[0].field], *self.allowed(steps[0], target))
        return found.correlate_except(target).scalar_subquery()

    # --- values

    def term(self, operand: Operand, source: FromClause, kind: Kind, *, keyed: bool = True) -> Term:
        """The operand as it is compared; columns stay bare where they can, so that their indexes serve. `keyed`: e-mail addresses
        are read by their keys."""
        scale = 0 if kind is Kind.DECIMAL and self._dialect == "sqlite" else None
        if not isinstance(operand, Path) or operand.modifier is not None or operand.kind is not kind:
            return Term(self.value(operand, source, kind), scale)
        keyed = keyed and operand.email
        value = self._through(operand.steps, source, lambda at: self._field(operand, at, kind, keyed=keyed))
        return Term(value, None if scale is None else operand.scale, keyed)

    def value(self, operand: Operand, source: FromClause, kind: Kind) -> Expression:
        """The operand in the plain form of its kind, e-mail addresses as they were written."""
        if isinstance(operand, Path):
            value = self._through(operand.steps, source, lambda at: self._field(operand, at, kind, keyed=False))
            return _first_instant(value) if operand.kind is Kind.DAY and kind is Kind.DATE else value
        if isinstance(operand, Slot):
            return self.slot(operand, kind)
        if isinstance(operand, Literal):
            return self.literal(operand)
        if isinstance(operand, Shift):
            return self._moved(operand, source)
        if isinstance(operand, Call):
            return self._called(operand, source)
        raise not_supported("this part of the rule")

    def literal(self, literal: Literal) -> Expression:
        """True, false and null stand in the statement itself; other values are slots."""
        if literal.value is None:
            return null()
        if isinstance(literal.value, bool):
            return true() if literal.value else false()
        raise not_supported("a value that was not made ready")

    def text(self, operand: Operand, source: FromClause) -> Expression:
        """Absent text is `''` for `~`, contains, startsWith and length."""
        return func.coalesce(self.value(operand, source, Kind.TEXT), EMPTY, type_=TEXT)

    def _field(self, path: Path, source: FromClause, kind: Kind, *, keyed: bool) -> Expression:
        if path.many or path.root or path.modifier == "each":
            raise not_supported("a path with many values")
        if path.kind is Kind.JSON:
            return self._inside(path, source.c[path.name], kind)
        column = source.c[key_column(path.name) if keyed else path.name]
        if path.modifier == "lower":
            return self.forms.lower(column)
        if kind is Kind.NUMBER and path.kind is Kind.INTEGER:
            return cast(column, Double())
        if kind is Kind.NUMBER and path.kind is Kind.DECIMAL:
            return self.forms.decimal_as_double(column, path.scale)
        return column

    def _inside(self, path: Path, column: Expression, kind: Kind) -> Expression:
        if path.modifier == "length":
            length = self.forms.json_length(column, path.json)
            return cast(length, Double()) if kind is Kind.NUMBER else length
        if kind.is_numeric:
            return self.forms.json_number(column, path.json)
        if kind is Kind.BOOL:
            return self.forms.json_bool(column, path.json)
        text = self.forms.json_text(column, path.json)
        return self.forms.lower(text) if path.modifier == "lower" else text

    def _moved(self, shift: Shift, source: FromClause) -> Expression:
        if isinstance(shift.operand, Path) and shift.operand.kind is Kind.JSON:
            raise not_supported("a date inside a JSON field that is moved")
        return self.forms.moved(self.value(shift.operand, source, Kind.DATE), shift.seconds)

    def _called(self, call: Call, source: FromClause) -> Expression:
        if call.kind is Kind.BOOL and call.name != "coalesce":
            return case((self._truth(call, source), true()), else_=false())
        return COMPUTED[call.name](self, call, source)

    # --- parameters

    def slot(self, slot: Slot, kind: Kind, to: Term = PLAIN) -> Expression:
        """The slot's value in the form of what it is compared with."""
        if to.scale is not None:
            return self.bind(slot, "_scaled", scaled(to.scale))
        if to.email:
            return self.bind(slot, "_key", email_key, TEXT)
        if kind is Kind.BOOL and self._dialect == "sqlite":
            return self.bind(slot, "_flag", whole)
        return self.bind(slot, "", None, BIND_TYPES[kind])

    def bind(self, slot: Slot, suffix: str = "", convert: Convert | None = None, type_: TypeEngine[Any] | None = None) -> Expression:
        """A parameter for one form of the slot's value: each form has a name of its own, or one would overwrite another."""
        name = f"{self._prefix}v{slot.index}{suffix}"
        self.binds[name] = Bind(name, slot.index, convert)
        return bindparam(name, type_=type_)


def _first_instant(day: Expression) -> Expression:
    return func.nullif(day, EMPTY, type_=TEXT).concat(_MIDNIGHT)


def _lower(operands: Operands, call: Call, source: FromClause) -> Expression:
    return operands.forms.lower(operands.value(call.args[0], source, Kind.TEXT))


def _length(operands: Operands, call: Call, source: FromClause) -> Expression:
    return func.length(operands.text(call.args[0], source))


def _coalesce(operands: Operands, call: Call, source: FromClause) -> Expression:
    values = [operands.value(each, source, call.kind) for each in call.args]
    if call.kind in TEXTUAL:
        return operands.forms.by_code_point(func.coalesce(*(func.nullif(value, EMPTY, type_=TEXT) for value in values)))
    return func.coalesce(*values)


def _geo_distance(operands: Operands, call: Call, source: FromClause) -> Expression:
    return operands.forms.kilometres(*(operands.value(each, source, Kind.NUMBER) for each in call.args))


def _strftime(operands: Operands, call: Call, source: FromClause) -> Expression:
    pattern, date = call.args[0], operands.value(call.args[1], source, Kind.DATE)
    if not isinstance(pattern, Literal):
        raise not_supported("a strftime format that the rule does not spell out")
    return operands.forms.formatted(str(pattern.value), date)


COMPUTED: dict[str, Callable[[Operands, Call, FromClause], Expression]] = {
    "lower": _lower, "length": _length, "coalesce": _coalesce, "geoDistance": _geo_distance, "strftime": _strftime,
}  # fmt: skip
