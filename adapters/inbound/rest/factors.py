"""Second factors over HTTP: setting them up, showing one to end a sign-in, and making a session fresh again."""

from typing import Any

from flask import Request, Response, request
from flask_smorest import Blueprint

from adapters.inbound.web.bodies import read_object
from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.document.fixed import object_of
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.fixed_bodies import BodySchema, an_object, answer, answers_with, loaded, takes, text
from adapters.inbound.web.openapi import DEVICE_TOKEN, GONE, answers, documented, in_query
from adapters.inbound.web.parameters import read_parameters
from adapters.inbound.web.responses import empty_response
from adapters.inbound.web.signing_in import SIGNED_IN, mode_field, read_mode, signed_in
from app.usecases.backend import Backend
from app.usecases.factor_proofs import Given
from domain.accounts.factors import one_proof
from domain.schema.fields.relations import RECORD_ID

_APP_CODE, _RECOVERY_CODE = "Of the authenticator app", "One of the ten; it is used up by that"
_ANSWER = "What `navigator.credentials.get` answered, as its `toJSON()` tells it"


class ConfirmSchema(BodySchema):
    ticket = text(description="What the sign-in answered in place of tokens")
    code = text(required=False, description=_APP_CODE)
    recovery_code = text(required=False, description=_RECOVERY_CODE)
    passkey = an_object(required=False, description=_ANSWER)
    mode = mode_field()


class StepUpSchema(BodySchema):
    password = text(required=False, format="password", description="The present one; where the account has no second factor")
    code = text(required=False, description=_APP_CODE)
    recovery_code = text(required=False, description=_RECOVERY_CODE)
    passkey = an_object(required=False, description=_ANSWER)
    ticket = text(required=False, description="Of the challenge that the passkey answers")


class AppCodeSchema(BodySchema):
    code = text(description=_APP_CODE)


_CONFIRM, _STEP_UP, _APP = ConfirmSchema(), StepUpSchema(), AppCodeSchema()
_ACCOUNT = in_query("account", "Whose factors; for admins, who may name any account. Without it one's own.")
_REFUSED = (400, 401, 403, 404, 429, 503)
_SENT = (*_REFUSED, 413, 415)


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("factors", __name__, url_prefix="/api/v1/auth", description="Second factors of accounts")
    factors, second = backend.factors, backend.second_factors

    @door.route("/<c>/factors/confirm", methods=("POST",))
    @documented(
        "confirm_second_factor", for_all=True, parameters=[DEVICE_TOKEN], requestBody=takes(_CONFIRM), security=[],
        responses=answers(SIGNED_IN, *_SENT),
    )  # fmt: skip
    def confirm_second_factor(c: str) -> Response:
        """End a sign-in with a second factor"""
        read_parameters(request.environ, ())
        given = loaded(_CONFIRM, read_object(request))
        mode = read_mode(request, given)
        return signed_in(second.confirm(c, given["ticket"], _proof(given), facts=facts_of(request)), mode)

    @door.route("/<c>/step-up", methods=("POST",))
    @documented(
        "step_up", for_all=True, requestBody=takes(_STEP_UP), responses=answers({204: {"description": "The session is fresh"}}, *_SENT)
    )
    def step_up(c: str) -> Response:
        """Prove again who you are, before you change what signs you in"""
        asked, actor = _asked(backend)
        given = loaded(_STEP_UP, read_object(asked))
        proof, password = _proof(given, password=given.get("password")), given.get("password")
        second.step_up(c, proof, password, given.get("ticket", ""), actor=actor, facts=facts_of(asked))
        return empty_response(204)

    @door.route("/<c>/factors")
    @documented("list_factors", for_all=True, responses=answers({200: answers_with("What the account has", _LIST)}, *_REFUSED))
    def list_factors(c: str) -> Response:
        """List your second factors"""
        found = factors.list(c, actor=_asked(backend)[1])
        passkeys = [each.as_object() for each in found.passkeys]
        app = {"created": found.totp} if found.totp else None
        return answer({"totp": app, "passkeys": passkeys, "recovery_codes": found.recovery_codes})

    @door.route("/<c>/factors", methods=("DELETE",))
    @documented("reset_factors", for_all=True, parameters=[_ACCOUNT], responses=answers({204: GONE}, 409, *_REFUSED))
    def reset_factors(c: str) -> Response:
        """Remove all second factors, your own or, as an admin, those of an account"""
        asked = this_request()
        account = read_parameters(asked.environ, ("account",)).get("account")
        whose = account if account is None or RECORD_ID.fullmatch(account) else ""
        factors.reset(c, whose, actor=caller_of(asked, backend), facts=facts_of(asked))
        return empty_response(204)

    @door.route("/<c>/factors/totp", methods=("POST",))
    @documented(
        "propose_app", for_all=True, responses=answers({201: answers_with("What the app is told, once", PROPOSAL)}, 409, *_REFUSED)
    )
    def propose_app(c: str) -> Response:
        """Begin to set up an authenticator app"""
        made = factors.propose_totp(c, actor=_asked(backend)[1])
        return answer({"secret": made.secret, "uri": made.uri, "qr": made.qr}, 201)

    @door.route("/<c>/factors/totp/confirm", methods=("POST",))
    @documented(
        "confirm_app", for_all=True, requestBody=takes(_APP), responses=answers({200: answers_with("The app counts now", _CODES)}, *_SENT)
    )
    def confirm_app(c: str) -> Response:
        """Confirm an authenticator app by its first code"""
        asked, actor = _asked(backend)
        code = loaded(_APP, read_object(asked))["code"]
        return answer({"recovery_codes": factors.confirm_totp(c, code, actor=actor, facts=facts_of(asked))})

    @door.route("/<c>/factors/totp", methods=("DELETE",))
    @documented("remove_app", for_all=True, responses=answers({204: GONE}, 409, *_REFUSED))
    def remove_app(c: str) -> Response:
        """Remove your authenticator app"""
        asked, actor = _asked(backend)
        factors.remove_totp(c, actor=actor, facts=facts_of(asked))
        return empty_response(204)

    @door.route("/<c>/factors/recovery-codes", methods=("POST",))
    @documented(
        "renew_recovery_codes", for_all=True, responses=answers({200: answers_with("The new codes, once", _CODES)}, 409, *_REFUSED)
    )
    def renew_recovery_codes(c: str) -> Response:
        """Get ten new recovery codes in place of all there were"""
        asked, actor = _asked(backend)
        return answer({"recovery_codes": factors.renew_recovery(c, actor=actor, facts=facts_of(asked))})

    return door


def _asked(backend: Backend) -> tuple[Request, Any]:
    asked = this_request()
    read_parameters(asked.environ, ())
    return asked, caller_of(asked, backend)


def _proof(given: dict[str, Any], **others: object) -> Given:
    proof = Given(given.get("code"), given.get("recovery_code"), given.get("passkey"))
    one_proof(code=proof.code, recovery_code=proof.recovery_code, passkey=proof.passkey, **others)
    return proof


_TEXT = {"type": "string"}
_INSTANT = {"type": "string", "format": "date-time"}
PASSKEY: dict[str, Any] = {"id": _TEXT, "name": _TEXT, "created": _INSTANT, "used": {"type": ["string", "null"], "format": "date-time"}}
_LIST = {
    "totp": {
        "type": ["object", "null"], "properties": {"created": {"type": "string", "format": "date-time"}}, "required": ["created"],
        "additionalProperties": False, "description": "The authenticator app",
    },
    "passkeys": {"type": "array", "items": object_of(PASSKEY, tuple(PASSKEY))},
    "recovery_codes": {"type": "integer", "minimum": 0, "description": "How many are left"},
}  # fmt: skip
PROPOSAL = {
    "secret": {**_TEXT, "description": "To be typed into an app that has no camera"},
    "uri": {**_TEXT, "format": "uri"},
    "qr": {**_TEXT, "description": "The URI as a QR code, an SVG image"},
}
_CODES = {"recovery_codes": {"type": "array", "items": _TEXT, "description": "Each is good once; they are never shown again"}}
