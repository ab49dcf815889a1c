"""Signing in over HTTP, the first admin, and the keys that verify our tokens. Sign-up is a create in the accounts collection."""

from typing import Any

import marshmallow as ma
import orjson
from flask import Response, request
from flask_smorest import Blueprint

from adapters.inbound.web.bodies import MEDIA_TYPE, read_object
from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.document.fixed import ref
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.openapi import answers, documented, json_of
from adapters.inbound.web.parameters import read_parameters
from app.usecases.backend import Backend
from domain.errors import Fault, Invalid

# What answers here is for the asker alone and is kept by nobody, their own browser included.
NEVER_KEPT = [("Cache-Control", "no-store")]
PUBLIC_KEYS_KEPT = [("Cache-Control", "public, max-age=300")]

_DETAILS = {"missing": "`{}` is required", "wrong_type": "`{}` is text", "unknown_field": "there is no `{}` here"}


def _text(**metadata: Any) -> ma.fields.String:
    """The codes of our faults stand in for marshmallow's sentences."""
    codes: dict[str, Any] = {"required": "missing", "null": "wrong_type", "invalid": "wrong_type", "invalid_utf8": "wrong_type"}
    return ma.fields.String(required=True, error_messages=codes, metadata=metadata)


class _BodySchema(ma.Schema):
    error_messages = {"unknown": "unknown_field"}

    class Meta:
        unknown = ma.RAISE


class CredentialsSchema(_BodySchema):
    identity = _text(description="The e-mail address of the account")
    password = _text(format="password")


class FirstAdminSchema(_BodySchema):
    token = _text(description="The one-time token that the backend printed when it started")
    email = _text(format="email")
    password = _text(format="password")


# Instances, made once: from a class, marshmallow would build one for each request.
_CREDENTIALS, _FIRST_ADMIN = CredentialsSchema(), FirstAdminSchema()


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("accounts", __name__, description="Signing in")
    accounts = backend.accounts

    @door.route("/api/v1/auth/<c>/sign-in", methods=("POST",))
    @documented(
        "sign_in", for_all=True, requestBody=_takes(_CREDENTIALS), security=[],
        responses=answers({200: _answers_with("A token and its account", _SIGNED_IN)}, 400, 401, 403, 404, 413, 415, 429, 503),
    )  # fmt: skip
    def sign_in(c: str) -> Response:
        """Sign in with an e-mail address and a password"""
        read_parameters(request.environ, ())
        given = _loaded(_CREDENTIALS, read_object(request))
        signed = accounts.sign_in(c, given["identity"], given["password"], facts=facts_of(request))
        return _answer({
            "access_token": signed.access_token, "token_type": "Bearer", "expires_in": signed.expires_in,
            "refresh_token": signed.refresh_token, "account": signed.account.as_object(),
        })  # fmt: skip

    @door.route("/api/v1/auth/<c>/me")
    @documented("get_own_account", for_all=True, responses=answers({200: json_of("Record", "The account of the token")}, 400, 401, 403))
    def get_own_account(c: str) -> Response:
        """See the account that you are signed in with"""
        request = this_request()
        read_parameters(request.environ, ())
        return _answer(accounts.me(c, actor=caller_of(request, backend), facts=facts_of(request)).as_object())

    @door.route("/api/v1/setup", methods=("POST",))
    @documented(
        "create_first_admin", for_all=True, requestBody=_takes(_FIRST_ADMIN), security=[],
        responses=answers({201: json_of("Record", "The first admin")}, 400, 403, 413, 415, 503),
    )  # fmt: skip
    def create_first_admin() -> Response:
        """Make the first admin, with the token that the backend printed when it started"""
        read_parameters(request.environ, ())
        given = _loaded(_FIRST_ADMIN, read_object(request))
        return _answer(accounts.create_first_admin(given["token"], given["email"], given["password"]).as_object(), 201)

    @door.route("/.well-known/jwks.json")
    @documented("get_public_keys", for_all=True, security=[], responses=answers({200: _answers_with("A JWK set (RFC 7517)", _KEY_SET)}))
    def get_public_keys() -> Response:
        """Get the keys with which others verify our tokens"""
        read_parameters(request.environ, ())
        return _answer({"keys": list(accounts.public_keys())}, headers=PUBLIC_KEYS_KEPT)

    return door


def _loaded(schema: ma.Schema, body: dict[str, Any]) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = schema.load(body)
    except ma.ValidationError as wrong:
        raise _told(wrong.normalized_messages()) from None
    return loaded


def _told(found: dict[str, list[str]]) -> Invalid:
    faults = tuple(Fault(_pointer(name), codes[0], _DETAILS[codes[0]].format(name[:80])) for name, codes in found.items())
    return Invalid(faults[0].detail, code=faults[0].code if len(faults) == 1 else None, faults=faults)


def _pointer(name: str) -> str:
    return "/" + name[:80].replace("~", "~0").replace("/", "~1")


def _answer(value: Any, status: int = 200, headers: list[tuple[str, str]] = NEVER_KEPT) -> Response:
    return Response(orjson.dumps(value), status, headers, content_type=MEDIA_TYPE)


def _takes(schema: ma.Schema) -> dict[str, Any]:
    return {"required": True, "content": {MEDIA_TYPE: {"schema": schema}}}


def _answers_with(description: str, properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}


_SIGNED_IN: dict[str, Any] = {
    "access_token": {"type": "string"},
    "token_type": {"type": "string", "const": "Bearer"},
    "expires_in": {"type": "integer", "description": "seconds"},
    "refresh_token": {"type": "string", "description": "Good once, for a new pair of tokens"},
    "account": ref("Record"),
}
_KEY_SET: dict[str, Any] = {"keys": {"type": "array", "items": {"type": "object", "additionalProperties": True}}}
