"""Passkeys over HTTP: registering one, and the challenges that one answers. The answers are taken where every second factor is."""

from typing import Any

from flask import Response, request
from flask_smorest import Blueprint

from adapters.inbound.rest.factors import PASSKEY
from adapters.inbound.web.bodies import has_body, read_object
from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.fixed_bodies import BodySchema, an_object, answer, answers_with, loaded, takes, text
from adapters.inbound.web.openapi import GONE, answers, documented
from adapters.inbound.web.parameters import read_parameters
from adapters.inbound.web.responses import empty_response
from app.usecases.backend import Backend
from domain.schema.fields.relations import RECORD_ID


class NewPasskeySchema(BodySchema):
    ticket = text(description="Of the challenge")
    name = text(description="What the account calls this passkey")
    credential = an_object(description="What `navigator.credentials.create` answered, as its `toJSON()` tells it")


class NameSchema(BodySchema):
    name = text(description="What the account calls this passkey")


class AskSchema(BodySchema):
    ticket = text(required=False, description="Of a sign-in that asked for a second factor; without it the passkey says whose it is")


_NEW, _NAME, _ASK = NewPasskeySchema(), NameSchema(), AskSchema()
_REFUSED = (400, 401, 403, 404, 413, 415, 429, 503)


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("passkeys", __name__, url_prefix="/api/v1/auth", description="Passkeys of accounts")
    passkeys = backend.passkeys

    @door.route("/<c>/factors/passkeys", methods=("POST",))
    @documented(
        "propose_passkey", for_all=True, responses=answers({201: answers_with("What the browser is asked", _CHALLENGE)}, *_REFUSED)
    )
    def propose_passkey(c: str) -> Response:
        """Begin to register a passkey"""
        asked = this_request()
        read_parameters(asked.environ, ())
        made = passkeys.propose(c, actor=caller_of(asked, backend))
        return answer({"ticket": made.ticket, "options": made.options}, 201)

    @door.route("/<c>/factors/passkeys/confirm", methods=("POST",))
    @documented(
        "register_passkey", for_all=True, requestBody=takes(_NEW),
        responses=answers({201: answers_with("The passkey", {**PASSKEY, **_CODES})}, *_REFUSED),
    )  # fmt: skip
    def register_passkey(c: str) -> Response:
        """Register a passkey with what the browser answered"""
        asked = this_request()
        read_parameters(asked.environ, ())
        actor, given = caller_of(asked, backend), loaded(_NEW, read_object(asked))
        made, codes = passkeys.register(c, given["ticket"], given["name"], given["credential"], actor=actor, facts=facts_of(asked))
        return answer({**made.as_object(), "recovery_codes": codes}, 201)

    @door.route("/<c>/factors/passkeys/<passkey:id>", methods=("PATCH",))
    @documented(
        "rename_passkey", for_all=True, requestBody=takes(_NAME), responses=answers({200: answers_with("The passkey", PASSKEY)}, *_REFUSED)
    )
    def rename_passkey(c: str, id: str) -> Response:
        """Call a passkey of yours otherwise"""
        asked = this_request()
        read_parameters(asked.environ, ())
        actor, called = caller_of(asked, backend), loaded(_NAME, read_object(asked))["name"]
        renamed = passkeys.rename(c, id if RECORD_ID.fullmatch(id) else "", called, actor=actor, facts=facts_of(asked))
        return answer(renamed.as_object())

    @door.route("/<c>/factors/passkeys/<passkey:id>", methods=("DELETE",))
    @documented("remove_passkey", for_all=True, responses=answers({204: GONE}, 400, 401, 403, 404, 409, 503))
    def remove_passkey(c: str, id: str) -> Response:
        """Remove a passkey of yours"""
        asked = this_request()
        read_parameters(asked.environ, ())
        passkeys.remove(c, id if RECORD_ID.fullmatch(id) else "", actor=caller_of(asked, backend), facts=facts_of(asked))
        return empty_response(204)

    @door.route("/<c>/passkey", methods=("POST",))
    @documented(
        "ask_passkey", for_all=True, requestBody={**takes(_ASK), "required": False}, security=[],
        responses=answers({200: answers_with("What the browser is asked", _CHALLENGE)}, *_REFUSED),
    )  # fmt: skip
    def ask_passkey(c: str) -> Response:
        """Ask for a challenge that a passkey answers"""
        read_parameters(request.environ, ())
        given = loaded(_ASK, read_object(this_request())) if has_body(request) else {}
        made = passkeys.ask(c, given.get("ticket"))
        return answer({"ticket": made.ticket, "options": made.options})

    return door


OPTIONS: dict[str, Any] = {
    "options": {"type": "object", "additionalProperties": True, "description": "For `navigator.credentials`, in their JSON form"},
}
_CHALLENGE: dict[str, Any] = {"ticket": {"type": "string", "description": "Good once, for five minutes; sent with the answer"}, **OPTIONS}
_CODES = {"recovery_codes": {"type": "array", "items": {"type": "string"}, "description": "Where it is the first factor; told once"}}
