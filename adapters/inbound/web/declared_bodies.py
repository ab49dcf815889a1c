"""Bodies that extensions declare, as dataclasses or schemas of marshmallow: read strictly, and refused by pointer."""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import marshmallow as ma

from domain.errors import Fault, Invalid, did_you_mean

_REQUIRED, _UNKNOWN = "missing", "unknown_field"


@dataclass(frozen=True, slots=True)
class Shape:
    schema: ma.Schema

    def loaded(self, sent: Mapping[str, Any]) -> Any:
        """Invalid with every fault."""
        try:
            return self.schema.load(sent)
        except ma.ValidationError as wrong:
            faults = tuple(_faults(wrong.normalized_messages(), "", self.schema))
            raise Invalid(faults[0].detail, code="invalid", faults=faults) from None


def shape_of(declared: Any) -> Shape:
    """TypeError where it is neither a dataclass of plain types nor a schema."""
    if isinstance(declared, ma.Schema):
        return Shape(declared)
    if isinstance(declared, type) and issubclass(declared, ma.Schema):
        return Shape(declared(unknown=ma.RAISE))
    if isinstance(declared, type) and is_dataclass(declared):
        return Shape(_schema(declared)(unknown=ma.RAISE))
    raise TypeError(f"a body is a dataclass or a marshmallow schema, not {declared!r}")


def _schema(declared: type) -> type[ma.Schema]:
    hints = get_type_hints(declared)
    members: dict[str, Any] = {each.name: _field(hints[each.name], each) for each in fields(declared)}
    members["make"] = ma.post_load(lambda self, data, **_: declared(**data))
    return type(declared.__name__, (ma.Schema,), members)


def _field(hint: Any, declared: Any = None) -> ma.fields.Field:
    options: dict[str, Any] = {}
    if declared is not None:
        is_given = declared.default is MISSING and declared.default_factory is MISSING
        options["required"] = is_given
    if get_origin(hint) in (Union, UnionType):
        left = [each for each in get_args(hint) if each is not NoneType]
        if len(left) != 1:
            raise TypeError(f"a member of a body is of one type, not {hint}")
        hint, options["allow_none"] = left[0], True
    if get_origin(hint) in (list, tuple):
        return ma.fields.List(_field(get_args(hint)[0]), **options)
    if isinstance(hint, type) and is_dataclass(hint):
        return ma.fields.Nested(_schema(hint), unknown=ma.RAISE, **options)
    made = _PLAIN.get(hint)
    if made is None:
        raise TypeError(f"a body holds str, int, float, bool, Decimal, lists and dataclasses of these, not {hint}")
    return made(**options)


# Nothing is coerced: "1" is no number, and 1 is not true.
class _Truth(ma.fields.Boolean):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Any:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class _Number(ma.fields.Float):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **named: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **named)


class _Whole(ma.fields.Integer):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.make_error("invalid", input=value)
        return value


class _Exact(ma.fields.Decimal):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **named: Any) -> Any:
        if not isinstance(value, str):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **named)


_PLAIN: Mapping[Any, type[ma.fields.Field]] = {
    str: ma.fields.String, int: _Whole, float: _Number, bool: _Truth, Decimal: _Exact, Any: ma.fields.Raw, dict: ma.fields.Dict,
}  # fmt: skip


def _faults(found: Any, pointer: str, schema: ma.Schema) -> Iterator[Fault]:
    if isinstance(found, dict):
        for name, inner in found.items():
            place = pointer if name == "_schema" else f"{pointer}/{str(name)[:80].replace('~', '~0').replace('/', '~1')}"
            yield from _faults(inner, place, schema)
        return
    for text in found:
        yield _fault(str(text), pointer, schema)


def _fault(text: str, pointer: str, schema: ma.Schema) -> Fault:
    name = pointer.rpartition("/")[2]
    if text == "Unknown field.":
        hint = did_you_mean(name, list(schema.fields))
        return Fault(pointer, _UNKNOWN, f"there is no `{name}` here" + (f"; {hint}" if hint else ""))
    if text == "Missing data for required field.":
        return Fault(pointer, _REQUIRED, f"`{name}` is required")
    return Fault(pointer, "invalid", f"`{name}`: {text}" if name else text)
