"""Acting as an account over HTTP, for owners."""

from flask import Response
from flask_smorest import Blueprint

from adapters.inbound.web.bodies import read_object
from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.fixed_bodies import BodySchema, answer, answers_with, loaded, takes, text
from adapters.inbound.web.openapi import answers, documented
from adapters.inbound.web.parameters import read_parameters
from app.usecases.backend import Backend


class ActingSchema(BodySchema):
    account = text(description="The id of the account")


_ACTING = ActingSchema()


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("impersonation", __name__, url_prefix="/api/v1/auth", description="Acting as an account")

    @door.route("/<c>/impersonate", methods=("POST",))
    @documented(
        "impersonate", requestBody=takes(_ACTING),
        responses=answers({200: answers_with("A token, which no refresh goes on from", _TOKEN)}, 400, 401, 403, 404, 409, 413, 415),
    )  # fmt: skip
    def impersonate(c: str) -> Response:
        """Act as an account, for fifteen minutes"""
        request = this_request()
        read_parameters(request.environ, ())
        actor = caller_of(request, backend)
        given = loaded(_ACTING, read_object(request))
        issued = backend.impersonation.begin(c, given["account"], actor=actor, facts=facts_of(request))
        return answer({"access_token": issued.token, "token_type": "Bearer", "expires_in": issued.expires_in})

    return door


_TOKEN = {
    "access_token": {"type": "string"}, "token_type": {"type": "string", "enum": ["Bearer"]},
    "expires_in": {"type": "integer", "description": "Seconds"},
}  # fmt: skip
