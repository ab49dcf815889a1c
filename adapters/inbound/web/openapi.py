"""The OpenAPI document: what flask-smorest gathers from the blueprints, corrected where it is wrong about us."""

from collections.abc import Callable
from copy import deepcopy
from http import HTTPStatus
from typing import Any, TypeVar

import marshmallow as ma
from flask import Flask, Response
from flask_smorest import Api
from flask_smorest.utils import prepare_response
from werkzeug.exceptions import HTTPException

from adapters.inbound.web.document.fixed import ENTITY_TAGS, HEADERS, ONCE, ONCE_PATTERN, SCHEMAS, ref
from adapters.inbound.web.document.whole import FOR_ALL, METHODS, only
from adapters.inbound.web.errors import MEDIA_TYPE, answer_http_exception
from domain.idempotency import HEADER

TITLE, VERSION = "Stillroom", "v1"
F = TypeVar("F", bound=Callable[..., Any])


class FaultSchema(ma.Schema):
    pointer = ma.fields.String(required=True, metadata={"description": "JSON Pointer into the body, or the name of a parameter"})
    code = ma.fields.String(required=True)
    detail = ma.fields.String(required=True)


class ProblemSchema(ma.Schema):
    """RFC 9457. Programs go by `code`; the texts are for people."""

    type = ma.fields.String(required=True, metadata={"format": "uri-reference"})
    title = ma.fields.String(required=True)
    status = ma.fields.Integer(required=True)
    detail = ma.fields.String(required=True)
    code = ma.fields.String(required=True, metadata={"description": "stable, never used again for another thing"})
    hint = ma.fields.String(metadata={"description": "what to do next"})
    errors = ma.fields.List(ma.fields.Nested(FaultSchema), required=True)
    request_id = ma.fields.String(required=True)
    ticket = ma.fields.String(metadata={"description": "of `second_factor_required`: what the second factor is sent with"})
    factors = ma.fields.List(ma.fields.String(), metadata={"description": "of `second_factor_required`: what the account has"})
    expires_in = ma.fields.Integer(metadata={"description": "of `second_factor_required`: seconds that the ticket is good for"})


class ProblemApi(Api):
    """The one Api of the app. Its error handler is registered for the whole app, so it is ours for every door."""

    ERROR_SCHEMA = ProblemSchema  # type: ignore[assignment]  # theirs is the form that we replace

    def handle_http_exception(self, error: HTTPException) -> Response:
        return answer_http_exception(error)

    def _register_responses(self) -> None:
        """As flask-smorest does, except that an error is a problem by its media type too."""
        for name, description in [*((each.name, each.phrase) for each in HTTPStatus), ("DEFAULT_ERROR", "Any other refusal")]:
            response: dict[str, Any] = {"description": description}
            if name == "DEFAULT_ERROR" or HTTPStatus[name] >= 400:
                response["schema"] = self.ERROR_SCHEMA
            prepare_response(response, self.spec, MEDIA_TYPE)
            self.spec.components.response(name, response, lazy=True)

    def _register_etag_headers(self) -> None:
        """Ours are written where they are answered."""

    _register_pagination_header = _register_etag_headers

    def document(self) -> dict[str, Any]:
        """Every endpoint, whoever may use it, with records of whatever collection."""
        document = deepcopy(self.spec.to_dict())
        for path, item in document["paths"].items():
            for method, operation in item.items():
                if method in METHODS:
                    operation.setdefault("operationId", _operation_id(method, path))
                    operation["tags"] = [_tag(each) for each in operation.get("tags", ())]
        document["tags"] = [{**each, "name": _tag(each["name"])} for each in document["tags"]]
        return document

    def generic(self) -> dict[str, Any]:
        """For those who have no database yet."""
        return only(self.document(), lambda operation: True)


def api(app: Flask) -> ProblemApi:
    """Where the document is served is the business of adapters.inbound.rest.docs."""
    app.config.update(API_TITLE=TITLE, API_VERSION=VERSION, OPENAPI_VERSION="3.1.0", OPENAPI_URL_PREFIX=None)
    made = ProblemApi(app, spec_kwargs={
        "info": {"description": "The backend of a web or mobile app. Errors of every kind are `application/problem+json`."},
        "servers": [{"url": "/"}],
        "security": [{}, {"bearer": []}],
    })  # fmt: skip
    made.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    for name, schema in SCHEMAS.items():
        made.spec.components.schema(name, schema)
    return made


def documented(operation_id: str, *, for_all: bool = False, **doc: Any) -> Callable[[F], F]:
    """Says what an operation is, and adds nothing to its call, as flask-smorest's own decorators do. Unless it is `for_all`, only
    admins are told of it."""

    def decorator(view: F) -> F:
        audience = {FOR_ALL: True} if for_all else {}
        view._apidoc = {"manual_doc": {"operationId": operation_id, **audience, **doc}}  # type: ignore[attr-defined]
        return view

    return decorator


def answers(success: dict[int, Any], *problems: int) -> dict[str, Any]:
    """The `responses` of an operation: what it answers with, by status, and the problems that it is known for."""
    listed = {str(status): answer for status, answer in success.items()}
    refused = {str(status): HTTPStatus(status).name for status in problems}
    return {**listed, **refused, "default": "DEFAULT_ERROR"}


def json_of(schema: str, description: str, headers: tuple[str, ...] = ()) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": description, "content": {"application/json": {"schema": ref(schema)}}}
    return {**answer, "headers": {name: HEADERS[name] for name in headers}} if headers else answer


def takes(schema: str) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": ref(schema)}}}


def in_query(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"in": "query", "name": name, "description": description, "schema": {"type": "string", **schema}}


def in_header(name: str, description: str, *, required: bool = False, **schema: Any) -> dict[str, Any]:
    told = {"in": "header", "name": name, "description": description, "schema": {"type": "string", **schema}}
    return {**told, "required": True} if required else told


GONE, UNCHANGED = {"description": "It is gone"}, {"description": "What you have is what there is"}
IF_MATCH = in_header("If-Match", "Entity tags; the change is made only if it is at one of these versions, else 412.", pattern=ENTITY_TAGS)
DRY_RUN = in_query("dry_run", "All is checked and answered as it would be; nothing is kept.", enum=["true", "false"], default="false")
IDEMPOTENCY_KEY = in_header(HEADER, ONCE, pattern=ONCE_PATTERN)
DEVICE_TOKEN = in_header("X-Device-Token", "`device_token` of an earlier sign-in from this device, whose attempts are counted apart.")
IF_NONE_MATCH = in_header("If-None-Match", "Entity tags; 304 if the answer is still one of these.", pattern=ENTITY_TAGS)


def _tag(blueprint: str) -> str:
    """Written large, as no collection is: its name is the tag of its own operations."""
    return blueprint.capitalize()


def _operation_id(method: str, path: str) -> str:
    words = [word.strip("{}").replace("-", "_") for word in path.split("/") if word not in ("", "api", "v1")]
    return "_".join([method, *words])
