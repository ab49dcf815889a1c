"""Messages of other servers over HTTP: the one address that each source posts to, and what owners say about sources."""

from collections.abc import Callable
from typing import Any

from flask import Response
from flask_smorest import Blueprint

from adapters.inbound.web.bodies import read_json, read_object
from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.document.fixed import object_of
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.fixed_bodies import answer, answers_with
from adapters.inbound.web.idempotency import keys_are_theirs, once
from adapters.inbound.web.openapi import GONE, IDEMPOTENCY_KEY, answers, documented
from adapters.inbound.web.parameters import read_parameters
from adapters.inbound.web.responses import empty_response
from app.usecases.backend import Backend
from app.usecases.idempotency import Keep
from domain.jobs.job import instant
from domain.webhooks.inbound import FAILED, TAKEN, Message
from domain.webhooks.schemes import SCHEMES


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("inbound", __name__, url_prefix="/api/v1", description="Other servers that tell us what happens there")
    inbound = backend.inbound

    @door.route("/sources")
    @documented("list_sources", responses=answers({200: answers_with("Every source, by name", _SOURCES)}, 400, 401, 403))
    def list_sources() -> Response:
        """List the servers that may tell us what happens"""
        request = this_request()
        read_parameters(request.environ, ())
        return answer({"items": inbound.list(actor=caller_of(request, backend))})

    @door.route("/sources/<name>", methods=("PUT",))
    @documented(
        "put_source", requestBody={"required": True, "content": {"application/json": {"schema": _WANTED}}},
        responses=answers({200: _PUT}, 400, 401, 403, 409, 413, 415),
    )  # fmt: skip
    def put_source(name: str) -> Response:
        """Let a server tell us what happens, or say otherwise what becomes of it"""
        request = this_request()
        read_parameters(request.environ, ())
        actor = caller_of(request, backend)
        return answer(inbound.put(name, read_object(request), actor=actor, facts=facts_of(request)))

    @door.route("/sources/<name>", methods=("DELETE",))
    @documented("remove_source", parameters=[IDEMPOTENCY_KEY], responses=answers({204: GONE}, 400, 401, 403, 404, 409, 422))
    def remove_source(name: str) -> Response:
        """Let a server tell us nothing any more"""
        request = this_request()
        read_parameters(request.environ, ())
        actor, facts = caller_of(request, backend), facts_of(request)
        do: Callable[[Keep], Any] = lambda keep: inbound.remove(name, actor=actor, facts=facts, keep=keep)
        return once(request, backend, actor, do, lambda _: empty_response(204))

    @door.route("/sources/<name>/messages")
    @documented("list_messages", responses=answers({200: answers_with("At most 200, the latest first", _MESSAGES)}, 400, 401, 403, 404))
    def list_messages(name: str) -> Response:
        """List what came from a server"""
        request = this_request()
        read_parameters(request.environ, ())
        return answer({"items": [_message(each) for each in inbound.messages(name, actor=caller_of(request, backend))]})

    @door.route("/inbound/<name>", methods=("POST",))
    @documented(
        "receive_message", for_all=True, security=[],
        requestBody={"required": True, "content": {"application/json": {"schema": {}}}},
        responses=answers({200: answers_with("It is taken, now or before", _TAKEN)}, 400, 401, 403, 404, 409, 413, 415),
    )  # fmt: skip
    @keys_are_theirs
    def receive_message(name: str) -> Response:
        """Take a message of another server, once"""
        request = this_request()
        read_parameters(request.environ, ())
        headers = {key.lower(): value for key, value in request.headers.items()}
        raw = request.get_data()
        id = inbound.receive(name, headers, raw, lambda: read_json(request), facts=facts_of(request))
        return answer({"id": id})

    return door


def _message(each: Message) -> dict[str, Any]:
    return {
        "id": each.id, "kind": each.kind or None, "came": instant(each.came), "state": each.state, "record": each.record or None,
        "reason": each.reason or None,
    }  # fmt: skip


_TEXT: dict[str, Any] = {"type": "string"}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_INSTANT = {"type": "string", "format": "date-time"}
_SCHEME = {"type": "string", "enum": list(SCHEMES), "description": "Who signs, and how"}
_VALUES = {
    "type": "object", "minProperties": 1, "maxProperties": 100, "additionalProperties": {},
    "description": 'By field: a place in the message (`"/data/amount"`, RFC 6901), or `{"value": …}`',
}  # fmt: skip
_MAKING = {
    "collection": _TEXT, "values": _VALUES,
    "as": {**_TEXT, "description": "Who writes it: `guest`, `admin`, or an account as `users/<id>`"},
    "by": {"type": "array", "items": _TEXT, "description": "A record with the same values in these fields is changed instead"},
}  # fmt: skip
_RECORD = object_of(_MAKING, ("collection", "as", "values"))
_SOURCE: dict[str, Any] = {
    "name": _TEXT, "scheme": _SCHEME, "enabled": {"type": "boolean"}, "created": _INSTANT,
    "record": {"type": ["object", "null"], "additionalProperties": True, "description": "What each message makes besides an event"},
}  # fmt: skip
_SOURCES = {"items": {"type": "array", "items": object_of(_SOURCE, tuple(_SOURCE))}}
_WITH_SECRET = {**_SOURCE, "secret": {**_TEXT, "description": "Where it was made here, this once"}}
_PUT = {
    "description": "The source, with its secret where one was made",
    "content": {"application/json": {"schema": object_of(_WITH_SECRET, tuple(_SOURCE))}},
}
_WANTED = object_of(
    {"scheme": _SCHEME, "secret": {**_TEXT, "description": "As the other server has it; without one, it is made here"},
     "enabled": {"type": "boolean"}, "record": {**_RECORD, "type": ["object", "null"]}},
    ("scheme",),
)  # fmt: skip
_STATE = {"type": "string", "enum": [TAKEN, FAILED]}
_MESSAGE: dict[str, Any] = {
    "id": _TEXT, "kind": _TEXT_OR_NULL, "came": _INSTANT, "state": _STATE, "record": _TEXT_OR_NULL, "reason": _TEXT_OR_NULL,
}  # fmt: skip
_MESSAGES = {"items": {"type": "array", "items": object_of(_MESSAGE, tuple(_MESSAGE))}}
_TAKEN = {"id": _TEXT}
