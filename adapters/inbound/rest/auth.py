"""Signing in over HTTP, the first admin, and the keys that verify our tokens. Sign-up is a create in the accounts collection."""

from typing import Any

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
from adapters.inbound.web.openapi import DEVICE_TOKEN, answers, documented, json_of
from adapters.inbound.web.parameters import read_parameters
from adapters.inbound.web.signing_in import SIGNED_IN, mode_field, read_mode, signed_in
from app.usecases.backend import Backend

PUBLIC_KEYS_KEPT = [("Cache-Control", "public, max-age=300")]


class CredentialsSchema(BodySchema):
    identity = text(description="The e-mail address of the account")
    password = text(format="password")
    device = text(required=False, description="What the account calls this device, for its list of sessions")
    mode = mode_field()


class FirstAdminSchema(BodySchema):
    token = text(description="The one-time token that the backend printed when it started")
    email = text(format="email")
    password = text(format="password")


# Instances, made once: from a class, marshmallow would build one for each request.
_CREDENTIALS, _FIRST_ADMIN = CredentialsSchema(), FirstAdminSchema()


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("accounts", __name__, description="Signing in")
    accounts = backend.accounts

    @door.route("/api/v1/auth/<c>/sign-in", methods=("POST",))
    @documented(
        "sign_in", for_all=True, parameters=[DEVICE_TOKEN], requestBody=takes(_CREDENTIALS), security=[],
        responses=answers(SIGNED_IN, 400, 401, 403, 404, 413, 415, 429, 503),
    )  # fmt: skip
    def sign_in(c: str) -> Response:
        """Sign in with an e-mail address and a password"""
        read_parameters(request.environ, ())
        given = loaded(_CREDENTIALS, read_object(request))
        mode = read_mode(request, given)
        signed = accounts.sign_in(c, given["identity"], given["password"], facts=facts_of(request), device=given.get("device", ""))
        return signed_in(signed, mode)

    @door.route("/api/v1/auth/<c>/me")
    @documented("get_own_account", for_all=True, responses=answers({200: json_of("Record", "The account of the token")}, 400, 401, 403))
    def get_own_account(c: str) -> Response:
        """See the account that you are signed in with"""
        request = this_request()
        read_parameters(request.environ, ())
        return answer(accounts.me(c, actor=caller_of(request, backend), facts=facts_of(request)).as_object())

    @door.route("/api/v1/setup", methods=("POST",))
    @documented(
        "create_first_admin", for_all=True, requestBody=takes(_FIRST_ADMIN), security=[],
        responses=answers({201: json_of("Record", "The first admin")}, 400, 403, 413, 415, 503),
    )  # fmt: skip
    def create_first_admin() -> Response:
        """Make the first admin, with the token that the backend printed when it started"""
        read_parameters(request.environ, ())
        given = loaded(_FIRST_ADMIN, read_object(request))
        return answer(accounts.create_first_admin(given["token"], given["email"], given["password"]).as_object(), 201)

    @door.route("/.well-known/jwks.json")
    @documented("get_public_keys", for_all=True, security=[], responses=answers({200: answers_with("A JWK set (RFC 7517)", _KEY_SET)}))
    def get_public_keys() -> Response:
        """Get the keys with which others verify our tokens"""
        read_parameters(request.environ, ())
        return answer({"keys": list(accounts.public_keys())}, headers=PUBLIC_KEYS_KEPT)

    return door


_KEY_SET: dict[str, Any] = {"keys": {"type": "array", "items": {"type": "object", "additionalProperties": True}}}
