"""What can be told of many values at once: `count`, `sum`, `avg`, `min`, `max`, and of which kinds each of them can be told."""

from dataclasses import dataclass

from domain.schema.fields import DecimalField, Field, IntegerField, NumberField
from domain.schema.kinds import Kind

FUNCTIONS = ("count", "sum", "avg", "min", "max")
_NUMERIC = frozenset({Kind.INTEGER, Kind.NUMBER, Kind.DECIMAL})
_ORDERED = _NUMERIC | {Kind.TEXT, Kind.DATE, Kind.DAY}
_KINDS = {
    "count": _ORDERED | {Kind.BOOL},
    "sum": _NUMERIC,
    "avg": _NUMERIC,
    "min": _ORDERED,
    "max": _ORDERED,
}
_NEEDS = {"sum": "numbers", "avg": "numbers", "min": "values with an order", "max": "values with an order", "count": "single values"}


@dataclass(frozen=True, slots=True)
class Written:
    """A measure as it was written: `count`, or a function and the name of what it is taken of (`sum:author.age`)."""

    function: str
    name: str = ""


def read_measure(text: str) -> Written | None:
    """None where it is no measure: an unknown function, or one without the name that it needs."""
    function, colon, name = text.partition(":")
    if function not in FUNCTIONS or (bool(colon) != bool(name)) or (function != "count" and not name):
        return None
    return Written(function, name)


def why_not(function: str, kind: Kind, *, email: bool = False, many: bool = False) -> str | None:
    """Why such a value cannot be measured so, None where it can."""
    if many or kind not in _KINDS[function]:
        return f"`{function}` is taken of {_NEEDS[function]}"
    # The smallest by which of its two forms, as written or by key, is nobody's question.
    return f"`{function}` is not taken of e-mail addresses and folded texts" if email and function in ("min", "max") else None


def result_field(name: str, function: str, field: Field | None) -> Field:
    """A field of the type that holds such a measure of this one."""
    if field is None or function == "count":
        return IntegerField(name=name)
    if function == "avg":
        return NumberField(name=name)
    if function in ("min", "max") and field.kind not in _NUMERIC:
        return field
    if isinstance(field, DecimalField):
        return DecimalField(name=name, scale=field.scale)
    return IntegerField(name=name) if field.kind is Kind.INTEGER else NumberField(name=name)
