"""The outbox over HTTP, for admins: who is behind with events, and what could not be handled."""

from typing import Any

from flask import Response
from flask_smorest import Blueprint

from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.document.fixed import object_of
from adapters.inbound.web.fixed_bodies import answer, answers_with
from adapters.inbound.web.idempotency import once
from adapters.inbound.web.openapi import GONE, IDEMPOTENCY_KEY, answers, documented, in_query
from adapters.inbound.web.parameters import read_parameters
from adapters.inbound.web.responses import empty_response
from app.usecases.backend import Backend
from domain.deliveries import Backlog, Deferred

# A number that a database counts with, and no more digits than that.
_MOST_DIGITS = 18


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("outbox", __name__, url_prefix="/api/v1/outbox", description="Events that wait to be heard")
    deliveries = backend.deliveries

    @door.route("")
    @documented("list_subscribers", responses=answers({200: answers_with("Every subscriber", _BACKLOGS)}, 400, 401, 403))
    def list_subscribers() -> Response:
        """List who hears events, and how far behind they are"""
        request = this_request()
        read_parameters(request.environ, ())
        return answer({"items": [_backlog(each) for each in deliveries.backlogs(actor=caller_of(request, backend))]})

    @door.route("/deferred")
    @documented(
        "list_deferred", parameters=[in_query("subscriber", "Of this one alone")],
        responses=answers({200: answers_with("At most 500, the oldest first", _DEFERRED)}, 400, 401, 403),
    )  # fmt: skip
    def list_deferred() -> Response:
        """List the events that could not be handled yet, or were given up"""
        request = this_request()
        asked = read_parameters(request.environ, ("subscriber",))
        found = deliveries.deferred(asked.get("subscriber"), actor=caller_of(request, backend))
        return answer({"items": [_deferred(*each) for each in found]})

    @door.route("/deferred/<name>/<id>/retry", methods=("POST",))
    @documented("retry_deferred", parameters=[IDEMPOTENCY_KEY], responses=answers({204: _SOON}, 400, 401, 403, 404, 422))
    def retry_deferred(name: str, id: str) -> Response:
        """Tell the event again, as soon as possible"""
        request = this_request()
        read_parameters(request.environ, ())
        actor = caller_of(request, backend)
        return once(
            request, backend, actor, lambda keep: deliveries.retry(name, _number(id), actor=actor, keep=keep), lambda _: empty_response(204)
        )

    @door.route("/deferred/<name>/<id>", methods=("DELETE",))
    @documented("drop_deferred", parameters=[IDEMPOTENCY_KEY], responses=answers({204: GONE}, 400, 401, 403, 404, 422))
    def drop_deferred(name: str, id: str) -> Response:
        """Tell the event no more to this subscriber"""
        request = this_request()
        read_parameters(request.environ, ())
        actor = caller_of(request, backend)
        return once(
            request, backend, actor, lambda keep: deliveries.drop(name, _number(id), actor=actor, keep=keep), lambda _: empty_response(204)
        )

    return door


def _number(id: str) -> int:
    """No event has the one that anything else stands for."""
    return int(id) if id.isascii() and id.isdigit() and len(id) <= _MOST_DIGITS else -1


def _backlog(each: Backlog) -> dict[str, Any]:
    return {
        "subscriber": each.subscriber, "unheard": each.unheard, "oldest": each.oldest, "waiting": each.waiting, "dead": each.dead,
        "seen": max(0, each.seen // 1000),
    }  # fmt: skip


def _deferred(subscriber: str, each: Deferred) -> dict[str, Any]:
    event = each.event.event
    return {
        "subscriber": subscriber, "event": each.event.id, "kind": event.kind, "collection": event.collection, "record": event.record,
        "moment": event.moment, "tries": each.tries, "again": each.again if each.again and not each.dead_since else None,
        "reason": each.reason or None, "dead_since": each.dead_since,
    }  # fmt: skip


_SOON = {"description": "It is told again"}
_TEXT: dict[str, Any] = {"type": "string"}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_INSTANT = {"type": "string", "format": "date-time"}
_INSTANT_OR_NULL = {"type": ["string", "null"], "format": "date-time"}
_COUNT = {"type": "integer", "minimum": 0}
_BACKLOG: dict[str, Any] = {
    "subscriber": _TEXT, "unheard": {**_COUNT, "description": "Events behind the last one it heard, counted to 1,000"},
    "oldest": {**_INSTANT_OR_NULL, "description": "When the first of them happened"},
    "waiting": {**_COUNT, "description": "Events that are told again"}, "dead": {**_COUNT, "description": "Events that were given up"},
    "seen": {**_COUNT, "description": "Seconds since it was last handed anything, or joined"},
}  # fmt: skip
_BACKLOGS = {"items": {"type": "array", "items": object_of(_BACKLOG, tuple(_BACKLOG))}}
_WAITING: dict[str, Any] = {
    "subscriber": _TEXT, "event": {"type": "integer"}, "kind": _TEXT, "collection": _TEXT, "record": _TEXT, "moment": _INSTANT,
    "tries": _COUNT, "again": {**_INSTANT_OR_NULL, "description": "When it is told next; null as soon as what is before it is handled"},
    "reason": {**_TEXT_OR_NULL, "description": "The kind of error"}, "dead_since": _INSTANT_OR_NULL,
}  # fmt: skip
_DEFERRED = {"items": {"type": "array", "items": object_of(_WAITING, tuple(_WAITING))}}
