"""Webhooks over HTTP: owners say which servers are told what, and see what became of each message."""

import json
from collections.abc import Callable
from typing import Any

from flask import Response
from flask_smorest import Blueprint

from adapters.inbound.web.bodies import read_object
from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.document.fixed import object_of
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.fixed_bodies import answer, answers_with
from adapters.inbound.web.idempotency import once
from adapters.inbound.web.openapi import GONE, IDEMPOTENCY_KEY, answers, documented, in_query
from adapters.inbound.web.parameters import read_parameters
from adapters.inbound.web.responses import empty_response
from app.usecases.backend import Backend
from app.usecases.idempotency import Keep
from domain.jobs.job import instant
from domain.schema.fields.relations import RECORD_ID
from domain.webhooks.deliveries import STATES, Attempt, Delivery
from domain.webhooks.endpoints import EVENTS

_REFUSED = (400, 401, 403, 404, 409, 422)


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("webhooks", __name__, url_prefix="/api/v1/webhooks", description="Other servers that are told what happens")
    webhooks = backend.webhooks

    @door.route("")
    @documented("list_webhooks", responses=answers({200: answers_with("Every webhook, the oldest first", _WEBHOOKS)}, 400, 401, 403))
    def list_webhooks() -> Response:
        """List webhooks"""
        request = this_request()
        read_parameters(request.environ, ())
        return answer({"items": webhooks.list(actor=caller_of(request, backend))})

    @door.route("", methods=("POST",))
    @documented(
        "create_webhook", requestBody=_taking(_WANTED),
        responses=answers({201: answers_with("The webhook, with its secret this once", {**_WEBHOOK, "secret": _TEXT})},
                          400, 401, 403, 409, 413, 415),
    )  # fmt: skip
    def create_webhook() -> Response:
        """Tell another server what happens"""
        request = this_request()
        read_parameters(request.environ, ())
        actor = caller_of(request, backend)
        return answer(webhooks.create(read_object(request), actor=actor, facts=facts_of(request)), 201)

    @door.route("/<id>")
    @documented("get_webhook", responses=answers({200: answers_with("The webhook", _WEBHOOK)}, 400, 401, 403, 404))
    def get_webhook(id: str) -> Response:
        """Get a webhook"""
        request = this_request()
        read_parameters(request.environ, ())
        return answer(webhooks.get(_id(id), actor=caller_of(request, backend)))

    @door.route("/<id>", methods=("PATCH",))
    @documented(
        "update_webhook", parameters=[IDEMPOTENCY_KEY], requestBody=_taking(_CHANGED),
        responses=answers({200: answers_with("The webhook", _WEBHOOK)}, *_REFUSED, 413, 415),
    )  # fmt: skip
    def update_webhook(id: str) -> Response:
        """Change a webhook, or enable it again"""
        request = this_request()
        read_parameters(request.environ, ())
        actor, body, facts = caller_of(request, backend), read_object(request), facts_of(request)
        do: Callable[[Keep], Any] = lambda keep: webhooks.change(_id(id), body, actor=actor, facts=facts, keep=keep)
        return once(request, backend, actor, do, answer)

    @door.route("/<id>", methods=("DELETE",))
    @documented("remove_webhook", parameters=[IDEMPOTENCY_KEY], responses=answers({204: GONE}, *_REFUSED))
    def remove_webhook(id: str) -> Response:
        """Tell a server nothing any more, and forget what was sent"""
        request = this_request()
        read_parameters(request.environ, ())
        actor, facts = caller_of(request, backend), facts_of(request)
        do: Callable[[Keep], Any] = lambda keep: webhooks.remove(_id(id), actor=actor, facts=facts, keep=keep)
        return once(request, backend, actor, do, lambda _: empty_response(204))

    @door.route("/<id>/secret", methods=("POST",))
    @documented("renew_webhook_secret", responses=answers({200: answers_with("The secret, this once", _RENEWED)}, 400, 401, 403, 404))
    def renew_webhook_secret(id: str) -> Response:
        """Make another secret; for a day the one before is good as well"""
        request = this_request()
        read_parameters(request.environ, ())
        return answer(webhooks.renew(_id(id), actor=caller_of(request, backend), facts=facts_of(request)))

    @door.route("/<id>/test", methods=("POST",))
    @documented("test_webhook", parameters=[IDEMPOTENCY_KEY], responses=answers({202: answers_with("The message", _SENT)}, *_REFUSED))
    def test_webhook(id: str) -> Response:
        """Send a message that tells of nothing"""
        request = this_request()
        read_parameters(request.environ, ())
        actor, facts = caller_of(request, backend), facts_of(request)
        do: Callable[[Keep], Any] = lambda keep: webhooks.test(_id(id), actor=actor, facts=facts, keep=keep)
        return once(request, backend, actor, do, lambda made: answer({"delivery": made}, 202))

    @door.route("/<id>/replay", methods=("POST",))
    @documented(
        "replay_webhook", parameters=[IDEMPOTENCY_KEY], requestBody=_taking(_SINCE),
        responses=answers({202: answers_with("How many", _COUNTED)}, *_REFUSED, 413, 415),
    )  # fmt: skip
    def replay_webhook(id: str) -> Response:
        """Send again what was given up since then"""
        request = this_request()
        read_parameters(request.environ, ())
        actor, body, facts = caller_of(request, backend), read_object(request), facts_of(request)
        do: Callable[[Keep], Any] = lambda keep: webhooks.replay_dead(_id(id), body, actor=actor, facts=facts, keep=keep)
        return once(request, backend, actor, do, lambda count: answer({"count": count}, 202))

    @door.route("/<id>/deliveries")
    @documented(
        "list_deliveries",
        parameters=[
            in_query("state", f"Those in this state: {', '.join(STATES)}"), in_query("before", "Those from before the one with this id"),
        ],
        responses=answers({200: answers_with("At most 200, the latest first", _DELIVERIES)}, 400, 401, 403, 404),
    )  # fmt: skip
    def list_deliveries(id: str) -> Response:
        """List the messages for a webhook"""
        request = this_request()
        asked = read_parameters(request.environ, ("state", "before"))
        found = webhooks.deliveries(_id(id), state=asked.get("state"), before=asked.get("before"), actor=caller_of(request, backend))
        return answer({"items": [_delivery(each) for each in found]})

    @door.route("/<id>/deliveries/<delivery>")
    @documented("get_delivery", responses=answers({200: answers_with("The message", _WHOLE)}, 400, 401, 403, 404))
    def get_delivery(id: str, delivery: str) -> Response:
        """Get a message with what was sent and what came back"""
        request = this_request()
        read_parameters(request.environ, ())
        found = webhooks.delivery(_id(id), _id(delivery), actor=caller_of(request, backend))
        return answer({**_delivery(found), "body": json.loads(found.body), "attempts": [_attempt(each) for each in found.attempts]})

    @door.route("/<id>/deliveries/<delivery>/replay", methods=("POST",))
    @documented("replay_delivery", parameters=[IDEMPOTENCY_KEY], responses=answers({204: _AGAIN}, *_REFUSED))
    def replay_delivery(id: str, delivery: str) -> Response:
        """Send a message again, by the same id"""
        request = this_request()
        read_parameters(request.environ, ())
        actor, facts = caller_of(request, backend), facts_of(request)
        do: Callable[[Keep], Any] = lambda keep: webhooks.replay(_id(id), _id(delivery), actor=actor, facts=facts, keep=keep)
        return once(request, backend, actor, do, lambda _: empty_response(204))

    return door


def _id(id: str) -> str:
    return id if RECORD_ID.fullmatch(id) else ""


def _delivery(each: Delivery) -> dict[str, Any]:
    last = each.attempts[-1] if each.attempts else None
    return {
        "id": each.id, "type": each.kind, "record": each.record if each.event is not None else None, "state": each.state,
        "tries": each.tries, "status": last.status if last else None, "reason": last.told if last and not last.is_taken else None,
        "created": instant(each.created), "again": instant(each.due) if each.ended is None else None, "ended": instant(each.ended),
    }  # fmt: skip


def _attempt(each: Attempt) -> dict[str, Any]:
    return {
        "at": instant(each.at), "milliseconds": each.took, "status": each.status, "reason": each.reason or None,
        "answer": each.excerpt or None,
    }  # fmt: skip


def _taking(schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


_AGAIN = {"description": "It is sent again"}
_TEXT: dict[str, Any] = {"type": "string"}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_INSTANT = {"type": "string", "format": "date-time"}
_INSTANT_OR_NULL = {"type": ["string", "null"], "format": "date-time"}
_COUNT = {"type": "integer", "minimum": 0}
_AS = "As whom it sees records: `guest`, `admin`, or an account as `users/<id>`"
_EVENTS = {"type": "array", "minItems": 1, "items": {"type": "string", "enum": list(EVENTS)}}
_SUBSCRIPTION = {"collection": _TEXT, "events": _EVENTS, "filter": {**_TEXT, "description": "Which of the records, in the rule language"}}
_SUBSCRIPTIONS = {"type": "array", "maxItems": 50, "items": object_of(_SUBSCRIPTION, ("collection",))}
_OWN: dict[str, Any] = {
    "name": {**_TEXT, "maxLength": 100}, "url": {**_TEXT, "description": "Where messages are posted to"},
    "as": {**_TEXT, "description": _AS}, "subscriptions": _SUBSCRIPTIONS, "enabled": {"type": "boolean"},
}  # fmt: skip
_WEBHOOK: dict[str, Any] = {
    "id": _TEXT, **_OWN, "as": {**_TEXT_OR_NULL, "description": f"{_AS}; null where its collection is gone"},
    "disabled_by": {**_TEXT_OR_NULL, "description": "`admin`, `gone` (it answered 410) or `overrun` (too much waits for it)"},
    "failures": {**_COUNT, "description": "That came one after another"},
    "resting_until": {**_INSTANT_OR_NULL, "description": "It is left alone until then"}, "created": _INSTANT,
}  # fmt: skip
_WEBHOOKS = {"items": {"type": "array", "items": object_of(_WEBHOOK, tuple(_WEBHOOK))}}
_WANTED, _CHANGED = object_of(_OWN, ("url", "as", "subscriptions")), object_of(_OWN, ())
_RENEWED = {"secret": _TEXT, "before_until": {**_INSTANT, "description": "Until then messages are signed by the one before as well"}}
_SENT = {"delivery": {**_TEXT, "description": "Its id"}}
_SINCE = object_of({"since": _INSTANT}, ("since",))
_COUNTED = {"count": _COUNT}
_DELIVERY: dict[str, Any] = {
    "id": {**_TEXT, "description": "The same in every attempt: `webhook-id`"}, "type": _TEXT, "record": _TEXT_OR_NULL,
    "state": {"type": "string", "enum": list(STATES)}, "tries": _COUNT,
    "status": {"type": ["integer", "null"], "description": "Of the last answer"},
    "reason": {**_TEXT_OR_NULL, "description": "Why the last attempt was in vain"}, "created": _INSTANT,
    "again": {**_INSTANT_OR_NULL, "description": "When it is sent next"}, "ended": _INSTANT_OR_NULL,
}  # fmt: skip
_DELIVERIES = {"items": {"type": "array", "items": object_of(_DELIVERY, tuple(_DELIVERY))}}
_ATTEMPT: dict[str, Any] = {
    "at": _INSTANT, "milliseconds": _COUNT, "status": {"type": ["integer", "null"]}, "reason": _TEXT_OR_NULL,
    "answer": {**_TEXT_OR_NULL, "description": "The beginning of one that refuses"},
}  # fmt: skip
_WHOLE: dict[str, Any] = {
    **_DELIVERY, "body": {"type": "object", "additionalProperties": True, "description": "What is sent"},
    "attempts": {"type": "array", "items": object_of(_ATTEMPT, tuple(_ATTEMPT))},
}  # fmt: skip
