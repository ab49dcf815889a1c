"""Letters of accounts over HTTP: asking for one, and using what it holds. The pages that links lead to are in `pages`."""

from flask import Response, request
from flask_smorest import Blueprint

from adapters.inbound.web.bodies import read_object
from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.fixed_bodies import (
    BodySchema,
    answer,
    answers_with,
    loaded,
    takes,
    text,
)
from adapters.inbound.web.openapi import answers, documented
from adapters.inbound.web.parameters import read_parameters
from adapters.inbound.web.responses import empty_response
from adapters.inbound.web.signing_in import SIGNED_IN, mode_field, read_mode, signed_in
from app.usecases.backend import Backend
from domain.accounts.one_time import LIFETIMES, PASSWORD_RESET, SIGN_IN_CODE, VERIFICATION


class EmailSchema(BodySchema):
    email = text(format="email")


class TokenSchema(BodySchema):
    token = text(description="The one in the link")


class NewPasswordSchema(BodySchema):
    token = text(description="The one in the link")
    password = text(format="password", description="The new one")


class CodeSchema(BodySchema):
    ticket = text(description="What asking for the code answered")
    code = text(description="The one in the letter; spaces and hyphens in it mean nothing")
    device = text(required=False, description="What the account calls this device, for its list of sessions")
    mode = mode_field()


class LinkSchema(BodySchema):
    token = text(description="The one in the link")
    device = text(required=False, description="What the account calls this device, for its list of sessions")
    mode = mode_field()


class NewEmailSchema(BodySchema):
    email = text(format="email", description="The new address")
    old_password = text(required=False, format="password", description="The present password of the account, where it has one")


_EMAIL, _TOKEN, _NEW_PASSWORD, _CODE, _NEW_EMAIL = EmailSchema(), TokenSchema(), NewPasswordSchema(), CodeSchema(), NewEmailSchema()
# The same whether there is such an account or not.
_LINK = LinkSchema()
_ASKED = {"description": "If there is such an account, a letter is on its way"}
_REFUSED = (400, 404, 413, 415, 429, 503)


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("proofs", __name__, url_prefix="/api/v1/auth", description="What accounts do by e-mail")
    proofs = backend.proofs

    @door.route("/<c>/verification", methods=("POST",))
    @documented("ask_verification", for_all=True, requestBody=takes(_EMAIL), security=[], responses=answers({204: _ASKED}, *_REFUSED))
    def ask_verification(c: str) -> Response:
        """Ask for a link that proves an address"""
        read_parameters(request.environ, ())
        proofs.ask(VERIFICATION, c, loaded(_EMAIL, read_object(request))["email"], facts=facts_of(request))
        return empty_response(204)

    @door.route("/<c>/verification/confirm", methods=("POST",))
    @documented(
        "verify_address", for_all=True, requestBody=takes(_TOKEN), security=[],
        responses=answers({204: {"description": "The address is proved"}}, 401, *_REFUSED),
    )  # fmt: skip
    def verify_address(c: str) -> Response:
        """Prove an address with the token of a link"""
        read_parameters(request.environ, ())
        proofs.verify(c, loaded(_TOKEN, read_object(request))["token"], facts=facts_of(request))
        return empty_response(204)

    @door.route("/<c>/password-reset", methods=("POST",))
    @documented("ask_password_reset", for_all=True, requestBody=takes(_EMAIL), security=[], responses=answers({204: _ASKED}, *_REFUSED))
    def ask_password_reset(c: str) -> Response:
        """Ask for a link that sets a new password"""
        read_parameters(request.environ, ())
        proofs.ask(PASSWORD_RESET, c, loaded(_EMAIL, read_object(request))["email"], facts=facts_of(request))
        return empty_response(204)

    @door.route("/<c>/password-reset/confirm", methods=("POST",))
    @documented(
        "reset_password", for_all=True, requestBody=takes(_NEW_PASSWORD), security=[],
        responses=answers({204: {"description": "It is set; every session of the account has ended"}}, 401, *_REFUSED),
    )  # fmt: skip
    def reset_password(c: str) -> Response:
        """Set a new password with the token of a link"""
        read_parameters(request.environ, ())
        given = loaded(_NEW_PASSWORD, read_object(request))
        proofs.set_password(c, given["token"], given["password"], facts=facts_of(request))
        return empty_response(204)

    @door.route("/<c>/code", methods=("POST",))
    @documented(
        "ask_code", for_all=True, requestBody=takes(_EMAIL), security=[],
        responses=answers({200: answers_with("The ticket of the code, whether a letter is on its way or not", _TICKET)}, *_REFUSED),
    )  # fmt: skip
    def ask_code(c: str) -> Response:
        """Ask for a code to sign in with"""
        read_parameters(request.environ, ())
        ticket = proofs.ask_code(c, loaded(_EMAIL, read_object(request))["email"], facts=facts_of(request))
        return answer({"ticket": ticket, "expires_in": int(LIFETIMES[SIGN_IN_CODE].total_seconds())})

    @door.route("/<c>/code/confirm", methods=("POST",))
    @documented(
        "sign_in_by_code", for_all=True, requestBody=takes(_CODE), security=[],
        responses=answers(SIGNED_IN, 401, 403, *_REFUSED),
    )  # fmt: skip
    def sign_in_by_code(c: str) -> Response:
        """Sign in with a code and its ticket"""
        read_parameters(request.environ, ())
        given = loaded(_CODE, read_object(request))
        mode, facts = read_mode(request, given), facts_of(request)
        signed = proofs.sign_in_by_code(c, given["ticket"], given["code"], facts=facts, device=given.get("device", ""))
        return signed_in(signed, mode)

    @door.route("/<c>/link", methods=("POST",))
    @documented("ask_link", for_all=True, requestBody=takes(_EMAIL), security=[], responses=answers({204: _ASKED}, *_REFUSED))
    def ask_link(c: str) -> Response:
        """Ask for a link to sign in with"""
        read_parameters(request.environ, ())
        proofs.ask_link(c, loaded(_EMAIL, read_object(request))["email"], facts=facts_of(request))
        return empty_response(204)

    @door.route("/<c>/link/confirm", methods=("POST",))
    @documented(
        "sign_in_by_link", for_all=True, requestBody=takes(_LINK), security=[],
        responses=answers(SIGNED_IN, 401, 403, *_REFUSED),
    )  # fmt: skip
    def sign_in_by_link(c: str) -> Response:
        """Sign in with the token of a link"""
        read_parameters(request.environ, ())
        given = loaded(_LINK, read_object(request))
        mode, facts = read_mode(request, given), facts_of(request)
        return signed_in(proofs.sign_in_by_link(c, given["token"], facts=facts, device=given.get("device", "")), mode)

    @door.route("/<c>/email-change", methods=("POST",))
    @documented(
        "ask_email_change", for_all=True, requestBody=takes(_NEW_EMAIL),
        responses=answers({204: {"description": "A letter is on its way"}}, 401, 403, *_REFUSED),
    )  # fmt: skip
    def ask_email_change(c: str) -> Response:
        """Ask for another address of your account, which both addresses confirm"""
        asked = this_request()
        read_parameters(asked.environ, ())
        actor = caller_of(asked, backend)
        given = loaded(_NEW_EMAIL, read_object(asked))
        proofs.ask_email_change(c, given["email"], given.get("old_password"), actor=actor, facts=facts_of(asked))
        return empty_response(204)

    @door.route("/<c>/email-change/confirm", methods=("POST",))
    @documented(
        "confirm_email_change", for_all=True, requestBody=takes(_TOKEN), security=[],
        responses=answers({200: answers_with("Whether the address is another now", _CHANGED)}, 401, 409, *_REFUSED),
    )  # fmt: skip
    def confirm_email_change(c: str) -> Response:
        """Confirm another address with the token of a link, at the old address or at the new one"""
        read_parameters(request.environ, ())
        token = loaded(_TOKEN, read_object(request))["token"]
        return answer({"changed": proofs.change_email(c, token, facts=facts_of(request))})

    return door


_TICKET = {"ticket": {"type": "string"}, "expires_in": {"type": "integer", "description": "seconds"}}
_CHANGED = {"changed": {"type": "boolean", "description": "false: the old address agreed, and the new one is asked now"}}
