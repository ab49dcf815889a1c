"""Bodies and answers of endpoints that are the same for every database: a few texts by name, refused as all our bodies are."""

from typing import Any

import marshmallow as ma
import orjson
from flask import Response

from adapters.inbound.web.bodies import MEDIA_TYPE
from domain.errors import Fault, Invalid

# What answers here is for the asker alone and is kept by nobody, their own browser included.
NEVER_KEPT = [("Cache-Control", "no-store")]

_DETAILS = {"missing": "`{}` is required", "wrong_type": "`{}` is text", "unknown_field": "there is no `{}` here",
            "not_an_object": "`{}` is an object", "not_integer": "`{}` is a whole number"}  # fmt: skip


def text(*, required: bool = True, **metadata: Any) -> ma.fields.String:
    """The codes of our faults stand in for marshmallow's sentences."""
    codes: dict[str, Any] = {"required": "missing", "null": "wrong_type", "invalid": "wrong_type", "invalid_utf8": "wrong_type"}
    return ma.fields.String(required=required, error_messages=codes, metadata=metadata)


def whole_number(*, required: bool = True, **metadata: Any) -> ma.fields.Integer:
    codes: dict[str, Any] = {"required": "missing", "null": "not_integer", "invalid": "not_integer", "too_large": "not_integer"}
    checks = ma.validate.Range(min=0, error="not_integer")
    return ma.fields.Integer(strict=True, required=required, validate=checks, error_messages=codes, metadata=metadata)


def an_object(*, required: bool = True, **metadata: Any) -> ma.fields.Dict:
    codes: dict[str, Any] = {"required": "missing", "null": "not_an_object", "invalid": "not_an_object"}
    return ma.fields.Dict(required=required, error_messages=codes, metadata=metadata)


class BodySchema(ma.Schema):
    error_messages = {"unknown": "unknown_field"}

    class Meta:
        unknown = ma.RAISE


def loaded(schema: ma.Schema, body: dict[str, Any]) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = schema.load(body)
    except ma.ValidationError as wrong:
        raise _told(wrong.normalized_messages()) from None
    return loaded


def _told(found: dict[str, list[str]]) -> Invalid:
    faults = tuple(Fault(_pointer(name), codes[0], _DETAILS[codes[0]].format(name[:80])) for name, codes in found.items())
    return Invalid(faults[0].detail, code=faults[0].code if len(faults) == 1 else None, faults=faults)


def _pointer(name: str) -> str:
    return "/" + name[:80].replace("~", "~0").replace("/", "~1")


def answer(value: Any, status: int = 200, headers: list[tuple[str, str]] = NEVER_KEPT) -> Response:
    return Response(orjson.dumps(value), status, headers, content_type=MEDIA_TYPE)


def takes(schema: ma.Schema) -> dict[str, Any]:
    return {"required": True, "content": {MEDIA_TYPE: {"schema": schema}}}


def answers_with(description: str, properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}
