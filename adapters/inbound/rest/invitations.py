"""Invitations over HTTP: admins send, list and withdraw them, and whoever was invited accepts one."""

from typing import Any

from flask import Response, request
from flask_smorest import Blueprint

from adapters.inbound.web.bodies import read_object
from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.document.fixed import object_of
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.fixed_bodies import BodySchema, an_object, answer, answers_with, loaded, takes, text
from adapters.inbound.web.openapi import GONE, answers, documented, in_query
from adapters.inbound.web.parameters import read_parameters
from adapters.inbound.web.responses import empty_response
from app.usecases.backend import Backend
from domain.schema.fields.relations import RECORD_ID

_PAGE = 100


class InvitationSchema(BodySchema):
    email = text(format="email", description="Who is invited")
    values = an_object(required=False, description="Fields of the account that are chosen for it, such as its role")


class AcceptanceSchema(BodySchema):
    token = text(description="The one in the link")
    password = text(format="password")
    values = an_object(required=False, description="Other fields of the account, as in a sign-up")


_INVITE, _ACCEPT = InvitationSchema(), AcceptanceSchema()
_REFUSED = (400, 401, 403, 404, 413, 415, 429, 503)


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("invitations", __name__, url_prefix="/api/v1/auth", description="Sign-up by invitation")
    invitations = backend.invitations

    @door.route("/<c>/invitations", methods=("POST",))
    @documented(
        "invite", requestBody=takes(_INVITE), responses=answers({201: answers_with("The invitation", _INVITATION)}, 409, *_REFUSED),
    )  # fmt: skip
    def invite(c: str) -> Response:
        """Invite somebody to have an account"""
        asked = this_request()
        read_parameters(asked.environ, ())
        actor = caller_of(asked, backend)
        given = loaded(_INVITE, read_object(asked))
        made = invitations.invite(c, given["email"], given.get("values", {}), actor=actor, facts=facts_of(asked))
        return answer(made.as_object(), 201)

    @door.route("/<c>/invitations")
    @documented(
        "list_invitations", parameters=[in_query("cursor", "`next` of the page before")],
        responses=answers({200: answers_with("A hundred at most, the newest first", _INVITATIONS)}, 400, 401, 403, 404),
    )  # fmt: skip
    def list_invitations(c: str) -> Response:
        """List invitations that were not accepted yet"""
        asked = this_request()
        cursor = read_parameters(asked.environ, ("cursor",)).get("cursor")
        found = invitations.list(c, limit=_PAGE + 1, cursor=cursor, actor=caller_of(asked, backend))
        page, more = found[:_PAGE], len(found) > _PAGE
        return answer({"items": [each.as_object() for each in page], "next": page[-1].id if more else None})

    @door.route("/<c>/invitations/<id>/send", methods=("POST",))
    @documented("send_invitation", responses=answers({200: answers_with("The invitation", _INVITATION)}, 400, 401, 403, 404, 429, 503))
    def send_invitation(c: str, id: str) -> Response:
        """Send an invitation again, with another link"""
        asked = this_request()
        read_parameters(asked.environ, ())
        return answer(invitations.send(c, _id(id), actor=caller_of(asked, backend), facts=facts_of(asked)).as_object())

    @door.route("/<c>/invitations/<id>", methods=("DELETE",))
    @documented("withdraw_invitation", responses=answers({204: GONE}, 400, 401, 403, 404))
    def withdraw_invitation(c: str, id: str) -> Response:
        """Withdraw an invitation"""
        asked = this_request()
        read_parameters(asked.environ, ())
        invitations.withdraw(c, _id(id), actor=caller_of(asked, backend), facts=facts_of(asked))
        return empty_response(204)

    @door.route("/<c>/invitation/confirm", methods=("POST",))
    @documented(
        "accept_invitation", for_all=True, requestBody=takes(_ACCEPT), security=[],
        responses=answers({204: {"description": "The account is made; sign in with the password"}}, 400, 401, 404, 409, 413, 415, 429, 503),
    )  # fmt: skip
    def accept_invitation(c: str) -> Response:
        """Make the account that you were invited to, with the token of a link"""
        read_parameters(request.environ, ())
        given = loaded(_ACCEPT, read_object(request))
        invitations.accept(c, given["token"], given["password"], given.get("values", {}), facts=facts_of(request))
        return empty_response(204)

    return door


def _id(text: str) -> str:
    return text if RECORD_ID.fullmatch(text) else ""


_TEXT: dict[str, Any] = {"type": "string"}
_INSTANT = {"type": "string", "format": "date-time"}
_INVITATION: dict[str, Any] = {
    "id": _TEXT, "email": _TEXT, "values": {"type": "object", "additionalProperties": True}, "created": _INSTANT, "expires": _INSTANT,
    "by": {**_TEXT, "description": "The admin who invited"},
}  # fmt: skip
_INVITATIONS = {
    "items": {"type": "array", "items": object_of(_INVITATION, tuple(_INVITATION))}, "next": {"type": ["string", "null"]},
}  # fmt: skip
