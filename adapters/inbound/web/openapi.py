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

from adapters.inbound.web.errors import MEDIA_TYPE, answer_http_exception

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
        document = deepcopy(self.spec.to_dict())
        for path, item in document["paths"].items():
            for method, operation in item.items():
                if method in _METHODS:
                    operation.setdefault("operationId", _operation_id(method, path))
        return document


_METHODS = frozenset({"get", "put", "post", "delete", "patch"})


def api(app: Flask) -> ProblemApi:
    """Where the document is served is the business of adapters.inbound.rest.docs."""
    app.config.update(API_TITLE=TITLE, API_VERSION=VERSION, OPENAPI_VERSION="3.1.0", OPENAPI_URL_PREFIX=None)
    made = ProblemApi(app, spec_kwargs={
        "info": {"description": "The backend of a web or mobile app. Errors of every kind are `application/problem+json`."},
        "servers": [{"url": "/"}],
        "security": [{}, {"bearer": []}],
    })  # fmt: skip
    made.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    for name, schema in _SCHEMAS.items():
        made.spec.components.schema(name, schema)
    return made


def documented(operation_id: str, **doc: Any) -> Callable[[F], F]:
    """Says what an operation is, and adds nothing to its call, as flask-smorest's own decorators do."""

    def decorator(view: F) -> F:
        view._apidoc = {"manual_doc": {"operationId": operation_id, **doc}}  # type: ignore[attr-defined]
        return view

    return decorator


def answers(success: dict[int, Any], *problems: int) -> dict[str, Any]:
    """The `responses` of an operation: what it answers with, by status, and the problems that it is known for."""
    listed = {str(status): answer for status, answer in success.items()}
    refused = {str(status): HTTPStatus(status).name for status in problems}
    return {**listed, **refused, "default": "DEFAULT_ERROR"}


def json_of(schema: str, description: str, headers: tuple[str, ...] = ()) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": description, "content": {"application/json": {"schema": ref(schema)}}}
    return {**answer, "headers": {name: _HEADERS[name] for name in headers}} if headers else answer


def takes(schema: str) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": ref(schema)}}}


def ref(schema: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{schema}"}


def in_query(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"in": "query", "name": name, "description": description, "schema": {"type": "string", **schema}}


def in_header(name: str, description: str) -> dict[str, Any]:
    return {"in": "header", "name": name, "description": description, "schema": {"type": "string"}}


GONE, UNCHANGED = {"description": "It is gone"}, {"description": "What you have is what there is"}
IF_MATCH = in_header("If-Match", "Entity tags; the change is made only if the record is at one of these versions, else 412.")
IF_NONE_MATCH = in_header("If-None-Match", "Entity tags; 304 if the answer is still one of these.")


def _operation_id(method: str, path: str) -> str:
    words = [word.strip("{}").replace("-", "_") for word in path.split("/") if word not in ("", "api", "v1")]
    return "_".join([method, *words])


def _object(properties: dict[str, Any], required: tuple[str, ...], *, more: Any = False) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": more}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "type": ["object", "null"]}


_TEXT: dict[str, Any] = {"type": "string"}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_INSTANT = {"type": "string", "format": "date-time"}
_COUNT = {"type": "integer", "minimum": 1}
_RULE = {"type": ["string", "null"], "description": '`""` lets everyone, null lets admins only'}
_RULES = {"type": "object", "additionalProperties": _RULE}
_HEADERS = {
    "ETag": {"description": "The version of the record, for If-Match and If-None-Match.", "schema": _TEXT},
    "Location": {"description": "Where the new one is.", "schema": {"type": "string", "format": "uri-reference"}},
    "Link": {"description": 'The next page as `rel="next"` (RFC 8288), where there is one.', "schema": _TEXT},
}
_DEFINITION = {
    "name": {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,49}$"},
    "type": {"type": "string", "enum": ["base", "accounts", "view"], "default": "base"},
    "fields": {"type": "array", "maxItems": 200, "items": _object({"name": _TEXT, "type": _TEXT}, ("name", "type"), more=True)},
    "indexes": {
        "type": "array",
        "items": _object(
            {"fields": {"type": "array", "items": _TEXT, "minItems": 1}, "unique": {"type": "boolean"}, "where": _TEXT}, ("fields",)
        ),
    },
    "rules": _RULES,
    "checks": {"type": "array", "items": _object({"name": _TEXT, "rule": _TEXT, "message": _TEXT}, ("name", "rule"))},
    "trash": _or_null(_object({"days": {"type": "integer", "minimum": 1, "maximum": 3650}}, ("days",))),
    "expires": _or_null(_object({"field": _TEXT}, ("field",))),
    "limits": _or_null(_object(dict.fromkeys(("list", "view", "create", "update", "delete"), _TEXT), ())),
}
_COLUMN = {"name": _TEXT, "path": _TEXT, "measure": _TEXT, "hidden": {"type": "boolean"}}
# Of views alone.
_QUERY = {
    "query": _object(
        {
            "source": _TEXT,
            "columns": {"type": "array", "minItems": 1, "maxItems": 100, "items": _object(_COLUMN, ("name",))},
            "filter": _TEXT,
            "group_by": {"type": "array", "items": _TEXT},
        },
        ("source", "columns"),
    )
}
_STAMPS = {"id": _TEXT, "version": _COUNT, "created": _INSTANT, "updated": _INSTANT}
_SCHEMAS: dict[str, dict[str, Any]] = {
    "Record": _object({**_STAMPS, "expand": {"type": "object"}}, (), more=True),
    "RecordPage": _object(
        {"items": {"type": "array", "items": ref("Record")}, "next": {"type": ["string", "null"]}, "total": {"type": "integer"}},
        ("items", "next"),
    ),
    "GroupPage": _object(
        {
            "items": {"type": "array", "items": {"type": "object", "additionalProperties": True}},
            "next": {"type": ["integer", "null"], "description": "the number of the page that follows"},
        },
        ("items", "next"),
    ),
    "RecordValues": {
        "type": "object",
        "description": "Values by field. A change may also add to numbers: `n+` and `n-`.",
        "additionalProperties": True,
    },
    "CollectionDefinition": _object({**_DEFINITION, **_QUERY}, ("name",)),
    "CollectionChange": _object({**_DEFINITION, **_QUERY, **_STAMPS, "drop": {"type": "array", "items": _TEXT}}, ()),
    "SchemaPlan": _object(
        {"steps": {"type": "array", "items": {"type": "object"}}, "would_lose": {"type": "object"}, "possible": {"type": "boolean"}},
        ("steps", "would_lose", "possible"),
    ),
    "SchemaChangePage": _object(
        {"items": {"type": "array", "items": {"type": "object"}}, "next": {"type": ["string", "null"]}}, ("items", "next")
    ),
    "Collection": _object({**_DEFINITION, **_QUERY, **_STAMPS}, (*_STAMPS, *_DEFINITION)),
    "CollectionList": _object({"items": {"type": "array", "items": ref("Collection")}}, ("items",)),
    "TrashPage": _object({"items": {"type": "array", "items": ref("TrashEntry")}, "next": {"type": ["string", "null"]}}, ("items", "next")),
    "TrashEntry": _object(
        {
            "id": _TEXT,
            "deletion": {"type": "string", "description": "the same for everything that one deletion took"},
            "deleted": _INSTANT,
            "deleted_by": _object({"kind": _TEXT, "collection": _TEXT_OR_NULL, "id": _TEXT_OR_NULL}, ("kind", "collection", "id")),
            "went_with": {
                "type": "array",
                "description": "the records whose deletion took this one along",
                "items": _object({"collection": _TEXT_OR_NULL, "id": _TEXT}, ("collection", "id")),
            },
            "kept_until": _INSTANT,
            "record": ref("Record"),
        },
        ("id", "deletion", "deleted", "deleted_by", "went_with", "kept_until", "record"),
    ),
    "Restored": _object(
        {
            "record": ref("Record"),
            "restored": {"type": "object", "description": "how many records, by collection", "additionalProperties": _COUNT},
            "relations": {"type": "integer", "description": "how many records point at them again"},
            "lost": {"type": "array", "description": "fields that are gone, and their values with them", "items": _TEXT},
        },
        ("record", "restored", "relations", "lost"),
    ),
    "Question": _object(
        {
            "action": {"type": "string", "enum": ["list", "view", "create", "update", "delete"]},
            "as": {"type": "string", "description": "`guest`, or an account as `users/ID`; without it, you"},
            "id": {"type": "string", "description": "of the record; not of a create"},
            "values": {"type": "object", "description": "the body of a create or update"},
            "filter": {"type": "string", "description": "a client's, of a list"},
            "query": {"type": "object", "additionalProperties": _TEXT},
            "headers": {"type": "object", "additionalProperties": _TEXT},
            "method": _TEXT,
        },
        ("action",),
    ),
    "Answer": _object(
        {
            "action": _TEXT,
            "as": {"type": "object"},
            "allowed": {"type": "boolean"},
            "reason": _TEXT,
            "detail": _TEXT,
            "judged": {"type": "array", "items": {"type": "object"}, "description": "every rule that was asked, part by part"},
        },
        ("action", "as", "allowed", "reason", "detail", "judged"),
    ),
    "Explanation": _object(
        {
            "as": {"type": "object"},
            "conditions": {"type": "array", "items": {"type": "object"}},
            "chooses": {"type": "string", "enum": ["every record", "no record", "by these conditions"]},
            "statement": _object({"sql": _TEXT, "parameters": {"type": "object"}}, ("sql", "parameters")),
            "plan": {"type": "array", "items": _TEXT, "description": "in the database's own words"},
            "indexes": {"type": "array", "items": {"type": "object"}},
            "scans": {"type": "array", "items": _TEXT, "description": "collections that are read from end to end"},
            "sorts": {"type": "boolean"},
            "suggestions": {"type": "array", "items": {"type": "object"}, "description": "indexes that would help"},
        },
        ("as", "conditions", "chooses", "statement", "plan", "indexes", "scans", "sorts", "suggestions"),
    ),
    "Emptied": _object({"removed": {"type": "integer", "minimum": 0}}, ("removed",)),
    "Status": _object({"status": _TEXT, "schema_version": {"type": "integer"}}, ("status",)),
    "Capabilities": {"type": "object", "additionalProperties": True},
}
