"""Keys for other programs over HTTP: owners make, see and revoke them."""

from typing import Any

from flask import Response
from flask_smorest import Blueprint

from adapters.inbound.web.bodies import read_object
from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.document.fixed import object_of
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.fixed_bodies import answer, answers_with
from adapters.inbound.web.openapi import GONE, answers, documented
from adapters.inbound.web.parameters import read_parameters
from adapters.inbound.web.responses import empty_response
from app.usecases.backend import Backend
from domain.schema.fields.relations import RECORD_ID


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("api_keys", __name__, url_prefix="/api/v1/keys", description="Keys for other programs")
    keys = backend.api_keys

    @door.route("")
    @documented("list_keys", responses=answers({200: answers_with("Every key, the newest first", _KEYS)}, 400, 401, 403))
    def list_keys() -> Response:
        """List the keys of other programs"""
        request = this_request()
        read_parameters(request.environ, ())
        return answer({"items": keys.list(actor=caller_of(request, backend))})

    @door.route("", methods=("POST",))
    @documented(
        "create_key", requestBody={"required": True, "content": {"application/json": {"schema": WANTED}}},
        responses=answers({201: answers_with("The key, this once", {**KEY, "key": TEXT})}, 400, 401, 403, 413, 415),
    )  # fmt: skip
    def create_key() -> Response:
        """Make a key for another program"""
        request = this_request()
        read_parameters(request.environ, ())
        actor = caller_of(request, backend)
        made, text = keys.create(read_object(request), actor=actor, facts=facts_of(request))
        return answer({**made, "key": text}, 201)

    @door.route("/<id>", methods=("DELETE",))
    @documented("revoke_key", responses=answers({204: GONE}, 400, 401, 403, 404))
    def revoke_key(id: str) -> Response:
        """Revoke a key, at once"""
        request = this_request()
        read_parameters(request.environ, ())
        keys.revoke(id if RECORD_ID.fullmatch(id) else "", actor=caller_of(request, backend), facts=facts_of(request))
        return empty_response(204)

    return door


TEXT: dict[str, Any] = {"type": "string"}
_INSTANT = {"type": "string", "format": "date-time"}
_INSTANT_OR_NULL = {"type": ["string", "null"], "format": "date-time"}
_SCOPES = {
    "type": "object", "description": "Actions by collection: list, view, create, update, delete",
    "minProperties": 1, "maxProperties": 50, "additionalProperties": {"type": "array", "items": TEXT},
}  # fmt: skip
_RULES = {
    "type": "object", "description": "Rules by collection: which of its records the key is about", "maxProperties": 50,
    "additionalProperties": TEXT,
}  # fmt: skip
KEY: dict[str, Any] = {
    "id": TEXT, "name": TEXT, "scopes": _SCOPES, "rules": _RULES, "created": _INSTANT,
    "by": {**TEXT, "description": "The admin who made it"}, "expires": _INSTANT_OR_NULL,
    "used": {**_INSTANT_OR_NULL, "description": "When it was used last, to the hour"},
}  # fmt: skip
_KEYS = {"items": {"type": "array", "items": object_of(KEY, tuple(KEY))}}
_NAME = {**TEXT, "pattern": r"\S", "maxLength": 100}
WANTED = object_of({"name": _NAME, "scopes": _SCOPES, "rules": _RULES, "expires": _INSTANT_OR_NULL}, ("name", "scopes"))
