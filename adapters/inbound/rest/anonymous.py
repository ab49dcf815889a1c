"""Signing in without a name, over HTTP. Taking one later is a change of the account."""

from flask import Response, request
from flask_smorest import Blueprint

from adapters.inbound.web.bodies import read_object
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.fixed_bodies import BodySchema, an_object, loaded, takes, text
from adapters.inbound.web.openapi import answers, documented
from adapters.inbound.web.parameters import read_parameters
from adapters.inbound.web.signing_in import SIGNED_IN, mode_field, read_mode, signed_in
from app.usecases.backend import Backend


class NobodySchema(BodySchema):
    values = an_object(required=False, description="Fields of the account, as in a sign-up")
    device = text(required=False, description="What the account calls this device, for its list of sessions")
    mode = mode_field()


_NOBODY = NobodySchema()


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("anonymous", __name__, url_prefix="/api/v1/auth", description="Signing in without a name")

    @door.route("/<c>/anonymous", methods=("POST",))
    @documented(
        "sign_in_anonymously", for_all=True, requestBody=takes(_NOBODY), security=[],
        responses=answers(SIGNED_IN, 400, 403, 404, 409, 413, 415, 429, 503),
    )  # fmt: skip
    def sign_in_anonymously(c: str) -> Response:
        """Make an account without a name, and sign in to it"""
        read_parameters(request.environ, ())
        given = loaded(_NOBODY, read_object(request))
        mode, facts = read_mode(request, given), facts_of(request)
        signed = backend.anonymous.sign_in(c, given.get("values", {}), facts=facts, device=given.get("device", ""))
        return signed_in(signed, mode)

    return door
