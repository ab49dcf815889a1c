"""Setting up a second factor that has to be there before a sign-in ends, over HTTP: by the ticket that the sign-in answered."""

from flask import Response, request
from flask_smorest import Blueprint

from adapters.inbound.rest.factors import PROPOSAL
from adapters.inbound.rest.passkeys import OPTIONS
from adapters.inbound.web.bodies import read_object
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.fixed_bodies import BodySchema, an_object, answer, answers_with, loaded, takes, text
from adapters.inbound.web.openapi import answers, documented
from adapters.inbound.web.parameters import read_parameters
from adapters.inbound.web.signing_in import ENROLLED, mode_field, read_mode, signed_in
from app.usecases.backend import Backend
from app.usecases.enrolment import NewFactor

_TICKET = "What the sign-in answered in place of tokens"


class TicketSchema(BodySchema):
    ticket = text(description=_TICKET)


class FirstCodeSchema(BodySchema):
    ticket = text(description=_TICKET)
    code = text(description="Of the authenticator app")
    mode = mode_field()


class FirstPasskeySchema(BodySchema):
    ticket = text(description=_TICKET)
    name = text(description="What the account calls this passkey")
    credential = an_object(description="What `navigator.credentials.create` answered, as its `toJSON()` tells it")
    mode = mode_field()


_ASKED, _CODE, _PASSKEY = TicketSchema(), FirstCodeSchema(), FirstPasskeySchema()
_REFUSED = (400, 401, 403, 404, 413, 415, 429, 503)


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("enrolment", __name__, url_prefix="/api/v1/auth", description="Second factors that a sign-in has to end with")
    enrolment = backend.enrolment

    @door.route("/<c>/factors/enrolment/totp", methods=("POST",))
    @documented(
        "begin_enrolment_by_app", for_all=True, requestBody=takes(_ASKED), security=[],
        responses=answers({201: answers_with("What the app is told, once", PROPOSAL)}, 409, *_REFUSED),
    )  # fmt: skip
    def begin_enrolment_by_app(c: str) -> Response:
        """Begin to set up the authenticator app that a sign-in has to end with"""
        read_parameters(request.environ, ())
        made = enrolment.propose_app(c, loaded(_ASKED, read_object(request))["ticket"], facts=facts_of(request))
        return answer({"secret": made.secret, "uri": made.uri, "qr": made.qr}, 201)

    @door.route("/<c>/factors/enrolment/totp/confirm", methods=("POST",))
    @documented("end_enrolment_by_app", for_all=True, requestBody=takes(_CODE), security=[], responses=answers(ENROLLED, *_REFUSED))
    def end_enrolment_by_app(c: str) -> Response:
        """End a sign-in with the first code of an authenticator app"""
        read_parameters(request.environ, ())
        given = loaded(_CODE, read_object(request))
        mode = read_mode(request, given)
        return signed_in(enrolment.confirm(c, given["ticket"], NewFactor(code=given["code"]), facts=facts_of(request)), mode)

    @door.route("/<c>/factors/enrolment/passkeys", methods=("POST",))
    @documented(
        "begin_enrolment_by_passkey", for_all=True, requestBody=takes(_ASKED), security=[],
        responses=answers({201: answers_with("What the browser is asked", OPTIONS)}, *_REFUSED),
    )  # fmt: skip
    def begin_enrolment_by_passkey(c: str) -> Response:
        """Begin to register the passkey that a sign-in has to end with"""
        read_parameters(request.environ, ())
        ticket = loaded(_ASKED, read_object(request))["ticket"]
        return answer({"options": enrolment.propose_passkey(c, ticket, facts=facts_of(request))}, 201)

    @door.route("/<c>/factors/enrolment/passkeys/confirm", methods=("POST",))
    @documented(
        "end_enrolment_by_passkey", for_all=True, requestBody=takes(_PASSKEY), security=[], responses=answers(ENROLLED, *_REFUSED)
    )
    def end_enrolment_by_passkey(c: str) -> Response:
        """End a sign-in with a first passkey"""
        read_parameters(request.environ, ())
        given = loaded(_PASSKEY, read_object(request))
        mode = read_mode(request, given)
        new = NewFactor(passkey=given["credential"], called=given["name"])
        return signed_in(enrolment.confirm(c, given["ticket"], new, facts=facts_of(request)), mode)

    return door
