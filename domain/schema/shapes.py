"""What the values of a field look like in JSON, as JSON Schemas (draft 2020-12): one of what a body may hold, one of what an answer holds.

They say what the field types themselves decide, as far as a schema can say it; `accept` of the type has the last word. An answer is
promised less than a body is asked for: options may have become narrower since a record was written, and it stays as it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import ceil, floor
from typing import Any

from domain.schema.fields import Field
from domain.schema.fields.markup import MAX_HTML
from domain.schema.fields.places import BOUNDS
from domain.schema.fields.text import MAX_TEXT
from domain.schema.kinds import DECIMAL_DIGITS, INT64_MAX, INT64_MIN

Shape = dict[str, Any]

# An upload, as `domain.files.pending` names them.
UPLOAD = "^[a-z2-7]{24}$"
ID = "[A-Za-z0-9_-]{1,64}"
# What a reader of the document knows of values that are older than the options of their field.
OPEN_CHOICES = "x-extensible-enum"


def written(field: Field) -> Shape:
    """What a body may hold for this field: null where it need not be there, and `""` where that says the same."""
    shape = _WRITTEN[field.type](field)
    return shape if field.required else or_null(shape)


def read(field: Field, *, masked: bool = False) -> Shape:
    """What an answer holds. `masked`: there are records that do not show the value."""
    shape = _READ[field.type](field)
    return shape if field.many or (field.required and not masked) else or_null(shape)


def increment(field: Field) -> Shape | None:
    """What `n+` and `n-` take; None where the field is no number. The field's limits bind the result, not the step."""
    return _STEPS[field.type](field) if field.type in _STEPS else None


def added(field: Field) -> Shape:
    """What `tags+` takes, of a field with many values: one of them, or a list. Files are added by forms alone."""
    if field.type == "file":
        return _file(field)
    one = _element(field)
    return {"anyOf": [one, {"type": "array", "items": one, "uniqueItems": True, "maxItems": _most(field)}]}


def form_part(field: Field) -> Shape:
    """What a part of a form holds for this field."""
    one: Shape = {"type": "string", "format": "binary"}
    return {"type": "array", "items": one, "maxItems": _most(field)} if field.many else one


def removed() -> Shape:
    """What `tags-` takes. A choice that was taken away from the field may be removed all the same."""
    one = {"type": "string", "minLength": 1}
    return {"anyOf": [one, {"type": "array", "items": one, "uniqueItems": True}]}


def or_null(shape: Shape) -> Shape:
    """A choice stays a schema of its own beside null: generators then make one type of it."""
    if shape.get("type") == "null":
        return shape
    if "type" in shape and "enum" not in shape:
        types = shape["type"] if isinstance(shape["type"], list) else [shape["type"]]
        return {**shape, "type": [*types, "null"]}
    return {"anyOf": [shape, {"type": "null"}]} if shape else shape


# --- what a body may hold


def _text(field: Any) -> Shape:
    shape: Shape = {"type": "string", "maxLength": MAX_TEXT if field.max is None else field.max}
    if field.pattern is not None:
        shape["description"] = f"matches the RE2 expression `{field.pattern}` as a whole"
    fewest = max(field.min or 0, 1 if field.required else 0)
    if not fewest:
        return shape
    # An empty text is absence, whatever the least length of one that is there.
    return {**shape, "minLength": fewest} if field.required else {**shape, "anyOf": [{"maxLength": 0}, {"minLength": fewest}]}


def _html(field: Any) -> Shape:
    told = "HTML; scripts and whatever else could harm a reader are taken out before it is kept"
    told += "" if field.max is None else f", and at most {field.max} characters stay, tags included"
    return {**_fewest(field), "type": "string", "maxLength": MAX_HTML, "contentMediaType": "text/html", "description": told}


def _email(field: Field) -> Shape:
    return {**_fewest(field), "type": "string", "format": "email", "maxLength": 254}


def _url(field: Field) -> Shape:
    link = "[Hh][Tt][Tt][Pp][Ss]?://.+"
    return {"type": "string", "format": "uri", "maxLength": 2048, "pattern": f"^{link}$" if field.required else f"^({link})?$"}


def _integer(field: Any) -> Shape:
    low, high = (INT64_MIN if field.min is None else field.min), (INT64_MAX if field.max is None else field.max)
    return {"type": "integer", "format": "int64", "minimum": low, "maximum": high}


def _number(field: Any) -> Shape:
    return {"type": "number", "format": "double", **_bounds(field.min, field.max)}


def _decimal(field: Any) -> Shape:
    """Text is never rounded on its way; a whole number need not be text."""
    whole = DECIMAL_DIGITS - field.scale
    before = f"(0|[1-9][0-9]{{0,{whole - 1}}})" if whole else "0"
    after = f"(\\.[0-9]{{1,{field.scale}}})?" if field.scale else ""
    told = [f"an exact decimal with at most {field.scale} digits after the point, as text"]
    told += [f"at least {field.min}"] * (field.min is not None) + [f"at most {field.max}"] * (field.max is not None)
    most = 10**whole - 1
    low, high = field.bounds
    return {
        "type": ["string", "integer"], "format": "decimal", "pattern": f"^-?{before}{after}$",
        # Of whole numbers; what is text has its bounds in words.
        "minimum": -most if low is None else max(-most, ceil(low)), "maximum": most if high is None else min(most, floor(high)),
        "description": ", ".join(told),
    }  # fmt: skip


def _date(field: Any) -> Shape:
    told = ["an instant, to the millisecond"] + [f"not before {field.min}"] * bool(field.min) + [f"not after {field.max}"] * bool(field.max)
    return {**_fewest(field), "type": "string", "format": "date-time", "description": ", ".join(told)}


def _day(field: Any) -> Shape:
    told = [f"not before {field.min}"] * bool(field.min) + [f"not after {field.max}"] * bool(field.max)
    return {**_fewest(field), "type": "string", "format": "date", **({"description": ", ".join(told)} if told else {})}


def _select(field: Any) -> Shape:
    if field.many:
        return _list(field)
    return {"type": "string", "enum": [*field.values, *([] if field.required else [""])]}


def _relation(field: Any) -> Shape:
    if field.many:
        return _list(field)
    return {"type": "string", "pattern": f"^{ID}$" if field.required else f"^({ID})?$"}


def _list(field: Any) -> Shape:
    """An empty list is absence, whatever the fewest of one that is there."""
    shape = {"type": "array", "items": _element(field), "uniqueItems": True, "maxItems": _most(field)}
    fewest = max(field.min or 0, 1 if field.required else 0)
    if fewest <= (1 if field.required else 0):
        return {**shape, **({"minItems": 1} if fewest else {})}
    return {**shape, "minItems": fewest} if field.required else {**shape, "anyOf": [{"maxItems": 0}, {"minItems": fewest}]}


def _element(field: Any) -> Shape:
    return {"type": "string", "enum": list(field.values)} if field.type == "select" else {"type": "string", "pattern": f"^{ID}$"}


def _most(field: Any) -> int:
    most: int = field.most
    return most


def _geo(field: Field) -> Shape:
    degrees = {name: {"type": "number", "minimum": -bound, "maximum": bound} for name, bound in sorted(BOUNDS.items(), reverse=True)}
    return {"type": "object", "properties": degrees, "required": list(degrees), "additionalProperties": False}


def _json(field: Any) -> Shape:
    """The owner's own schema is put in its place by whoever writes the document: its references lead into itself."""
    return {"not": {"type": "null"}} if field.required else {}


def _fewest(field: Field) -> Shape:
    return {"minLength": 1} if field.required else {}


def _bounds(low: Any, high: Any) -> Shape:
    return {**({} if low is None else {"minimum": low}), **({} if high is None else {"maximum": high})}


def _file(field: Any) -> Shape:
    """A file comes as a part of a form, or before its record: JSON names it then."""
    one: Shape = {
        "type": "object", "properties": {"upload": {"type": "string", "pattern": UPLOAD, "description": "the id of an upload"}},
        "required": ["upload"], "additionalProperties": False,
        "description": "an upload that is whole; files are sent as parts of a form (multipart/form-data) otherwise",
    }  # fmt: skip
    return {"type": "array", "items": one, "maxItems": field.most} if field.many else one


_WRITTEN: Mapping[str, Callable[[Any], Shape]] = {
    "text": _text, "richtext": _html, "email": _email, "url": _url, "integer": _integer, "number": _number, "decimal": _decimal,
    "bool": lambda field: {"type": "boolean"}, "date": _date, "day": _day, "autodate": _date, "select": _select, "relation": _relation,
    "geo": _geo, "json": _json, "file": _file,
}  # fmt: skip
_STEPS: Mapping[str, Callable[[Any], Shape]] = {
    "integer": lambda field: {"type": "integer", "format": "int64", "minimum": -INT64_MAX, "maximum": INT64_MAX},
    "number": lambda field: {"type": "number", "format": "double"},
    "decimal": lambda field: {key: value for key, value in _decimal(replace(field, min=None, max=None)).items() if key != "description"},
}


# --- what an answer holds


def _read_list(one: Shape) -> Shape:
    return {"type": "array", "items": one}


def _read_select(field: Any) -> Shape:
    one = {"type": "string", OPEN_CHOICES: list(field.values)}
    return _read_list(one) if field.many else one


def _read_relation(field: Any) -> Shape:
    one = {"type": "string", "pattern": f"^{ID}$"}
    return _read_list(one) if field.many else one


def _read_file(field: Any) -> Shape:
    one = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "by which it is served"},
            "original": {"type": "string", "description": "what its sender called it"},
            "size": {"type": "integer", "format": "int64", "minimum": 0},
            "type": {"type": "string", "description": "the media type, told by what is in it"},
            "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        },
        "required": ["name", "original", "size", "type", "sha256"],
    }
    return _read_list(one) if field.many else one


_INSTANT: Shape = {"type": "string", "format": "date-time"}
_READ: Mapping[str, Callable[[Any], Shape]] = {
    "text": lambda field: {"type": "string"},
    "richtext": lambda field: {"type": "string", "contentMediaType": "text/html"},
    "email": lambda field: {"type": "string", "format": "email"},
    "url": lambda field: {"type": "string", "format": "uri"},
    "integer": lambda field: {"type": "integer", "format": "int64"},
    "number": lambda field: {"type": "number", "format": "double"},
    "decimal": lambda field: {"type": "string", "format": "decimal", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"},
    "bool": lambda field: {"type": "boolean"},
    "date": lambda field: _INSTANT,
    "day": lambda field: {"type": "string", "format": "date"},
    "autodate": lambda field: _INSTANT,
    "select": _read_select,
    "relation": _read_relation,
    "geo": _geo,
    "json": _json,
    "file": _read_file,
}
