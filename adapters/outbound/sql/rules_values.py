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
    true,
)
from sqlalchemy.types import TypeEngine

from adapters.outbound.sql.names import key_column
from adapters.outbound.sql.rules_binds import Bind, Convert, scaled, whole
from adapters.outbound.sql.rules_dialects import EMPTY, FORMS, Expression, Truth
from adapters.outbound.sql.rules_elements import Elements
from adapters.outbound.sql.rules_places import Place
from adapters.outbound.sql.rules_steps import Steps
from domain.errors import Invalid
from domain.rules.manys import inner, is_listed
from domain.rules.tree import Call, Condition, Literal, Operand, Path, Shift, Slot
from domain.schema.collection import Schema
from domain.schema.fields import email_key, fold_key
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
    kept as a scaled integer, `email` or `fold` of a text read as its key."""

    value: Expression
    scale: int | None = None
    email: bool = False
    fold: bool = False


PLAIN = Term(null())


def not_supported(what: str) -> Invalid:
    return Invalid(f"{what} cannot be used here yet", code="not_supported")


class Operands:
    """Compiles operands at a place and keeps the parameters that they ask for in `binds`. `condition` compiles a
    guard, `truth` a call that answers yes or no."""

    def __init__(
        self,
        schema: Schema,
        tables: Mapping[str, FromClause],
        dialect: str,
        prefix: str,
        condition: Callable[[Condition, FromClause], Truth],
        truth: Callable[[Call, Place], Truth],
    ) -> None:
        self._dialect, self._prefix, self._truth = dialect, prefix, truth
        self.forms = FORMS[dialect]
        self.steps = Steps(tables, dialect, prefix, condition)
        self.elements = Elements(schema, self.steps, self.forms, dialect)
        self.binds: dict[str, Bind] = {}

    # --- values

    def term(self, operand: Operand, place: Place, kind: Kind, *, keyed: bool = True) -> Term:
        """The operand as it is compared; columns stay bare where they can, so that their indexes serve. `keyed`: what
        has a key is read by it."""
        scale = 0 if kind is Kind.DECIMAL and self._dialect == "sqlite" else None
        if not isinstance(operand, Path) or operand.modifier is not None or operand.elements or operand.kind is not kind:
            return Term(self.value(operand, place, kind), scale)
        keyed = keyed and operand.keyed
        value = self._stored(operand, place, kind, keyed=keyed)
        return Term(value, None if scale is None else operand.scale, keyed and operand.email, keyed and operand.fold)

    def value(self, operand: Operand, place: Place, kind: Kind) -> Expression:
        """The operand in the plain form of its kind, e-mail addresses as they were written."""
        if isinstance(operand, Path):
            return self._path(operand, place, kind)
        if isinstance(operand, Slot):
            return self.slot(operand, kind)
        if isinstance(operand, Literal):
            return self.literal(operand)
        if isinstance(operand, Shift):
            return self._moved(operand, place)
        if isinstance(operand, Call):
            return self._called(operand, place)
        raise not_supported("this part of the rule")

    def _path(self, path: Path, place: Place, kind: Kind) -> Expression:
        if is_listed(path):
            return self._element(path, place, kind)
        if path.modifier == "length":
            return self._length(path, place, kind)
        value = self._stored(path, place, kind, keyed=False)
        return _first_instant(value) if path.kind is Kind.DAY and kind is Kind.DATE else value

    def _stored(self, path: Path, place: Place, kind: Kind, *, keyed: bool) -> Expression:
        return self.steps.through(
            place.spot(path), lambda row: self.steps.guarded(self._field(path, row, kind, keyed=keyed), path.guard, row)
        )

    def _element(self, path: Path, place: Place, kind: Kind) -> Expression:
        """One of the elements, that which was chosen."""
        element = place.chosen[inner(path)]
        assert element.value is not None
        if path.kind is Kind.JSON:
            return self.forms.document_value(element.row, kind)
        return self.forms.lower(element.value) if path.modifier == "lower" else element.value

    def _length(self, path: Path, place: Place, kind: Kind) -> Expression:
        """Of what is no list, or not there, it is 0."""
        if path.kind is Kind.JSON:
            found = self.steps.through(
                place.spot(path),
                lambda row: self.steps.guarded(self.forms.json_length(row.c[path.name], path.json), path.guard, row),
            )
            length: Expression = func.coalesce(found, literal_column("0")) if path.steps or path.root or path.guard else found
        else:
            length = self.elements.count(path, place)
        return cast(length, Double()) if kind is Kind.NUMBER else length

    def whole(self, path: Path, row: FromClause) -> Expression:
        """What a field of the row holds, as one JSON value."""
        return self.elements.whole(path, row) if path.elements else row.c[path.name]

    def literal(self, literal: Literal) -> Expression:
        """True, false and null stand in the statement itself; other values are slots."""
        if literal.value is None:
            return null()
        if isinstance(literal.value, bool):
            return true() if literal.value else false()
        raise not_supported("a value that was not made ready")

    def text(self, operand: Operand, place: Place) -> Expression:
        """Absent text is `''` for `~`, contains, startsWith and length."""
        return func.coalesce(self.value(operand, place, Kind.TEXT), EMPTY, type_=TEXT)

    def folded(self, operand: Operand, place: Place) -> Expression:
        """The key of a folded text or of a slot, absent ones as `''`."""
        if isinstance(operand, Slot):
            return self.bind(operand, "_fold", fold_key, TEXT)
        return func.coalesce(self.term(operand, place, Kind.TEXT).value, EMPTY, type_=TEXT)

    def _field(self, path: Path, row: FromClause, kind: Kind, *, keyed: bool) -> Expression:
        if path.kind is Kind.JSON:
            return self._inside(path, row.c[path.name], kind)
        column = row.c[key_column(path.name) if keyed else path.name]
        if path.modifier == "lower":
            return self.forms.lower(column)
        if kind is Kind.NUMBER and path.kind is Kind.INTEGER:
            return cast(column, Double())
        if kind is Kind.NUMBER and path.kind is Kind.DECIMAL:
            return self.forms.decimal_as_double(column, path.scale)
        return column

    def _inside(self, path: Path, column: Expression, kind: Kind) -> Expression:
        if kind.is_numeric:
            return self.forms.json_number(column, path.json)
        if kind is Kind.BOOL:
            return self.forms.json_bool(column, path.json)
        text = self.forms.json_text(column, path.json)
        return self.forms.lower(text) if path.modifier == "lower" else text

    def _moved(self, shift: Shift, place: Place) -> Expression:
        if isinstance(shift.operand, Path) and shift.operand.kind is Kind.JSON:
            raise not_supported("a date inside a JSON field that is moved")
        return self.forms.moved(self.value(shift.operand, place, Kind.DATE), shift.seconds)

    def _called(self, call: Call, place: Place) -> Expression:
        if call.kind is Kind.BOOL and call.name != "coalesce":
            return case((self._truth(call, place), true()), else_=false())
        return COMPUTED[call.name](self, call, place)

    # --- parameters

    def slot(self, slot: Slot, kind: Kind, to: Term = PLAIN) -> Expression:
        """The slot's value in the form of what it is compared with."""
        if to.scale is not None:
            return self.bind(slot, "_scaled", scaled(to.scale))
        if to.email:
            return self.bind(slot, "_key", email_key, TEXT)
        if to.fold:
            return self.bind(slot, "_fold", fold_key, TEXT)
        if kind is Kind.BOOL and self._dialect == "sqlite":
            return self.bind(slot, "_flag", whole)
        return self.bind(slot, "", None, BIND_TYPES[kind])

    def bind(self, slot: Slot, suffix: str = "", convert: Convert | None = None, type_: TypeEngine[Any] | None = None) -> Expression:
        """A parameter for one form of the slot's value: each form has a name of its own, or one would overwrite another."""
        name = f"{self._prefix}v{slot.index}{suffix}"
        self.binds[name] = Bind(name, slot.index, convert)
        return bindparam(name, type_=type_)


def is_folded(operand: Operand) -> bool:
    return isinstance(operand, Path) and operand.fold


def _first_instant(day: Expression) -> Expression:
    return func.nullif(day, EMPTY, type_=TEXT).concat(_MIDNIGHT)


def _lower(operands: Operands, call: Call, place: Place) -> Expression:
    return operands.forms.lower(operands.value(call.args[0], place, Kind.TEXT))


def _length(operands: Operands, call: Call, place: Place) -> Expression:
    return func.length(operands.text(call.args[0], place))


def _coalesce(operands: Operands, call: Call, place: Place) -> Expression:
    values = [operands.value(each, place, call.kind) for each in call.args]
    if call.kind in TEXTUAL:
        return operands.forms.by_code_point(func.coalesce(*(func.nullif(value, EMPTY, type_=TEXT) for value in values)))
    return func.coalesce(*values)


def _geo_distance(operands: Operands, call: Call, place: Place) -> Expression:
    return operands.forms.kilometres(*(operands.value(each, place, Kind.NUMBER) for each in call.args))


def _strftime(operands: Operands, call: Call, place: Place) -> Expression:
    pattern, date = call.args[0], operands.value(call.args[1], place, Kind.DATE)
    if not isinstance(pattern, Literal):
        raise not_supported("a strftime format that the rule does not spell out")
    return operands.forms.formatted(str(pattern.value), date)


COMPUTED: dict[str, Callable[[Operands, Call, Place], Expression]] = {
    "lower": _lower, "length": _length, "coalesce": _coalesce, "geoDistance": _geo_distance, "strftime": _strftime,
}  # fmt: skip
