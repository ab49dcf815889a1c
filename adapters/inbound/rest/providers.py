"""Providers of sign-in over HTTP, for owners; and for everybody the ways there are to sign in."""

from typing import Any

from flask import Response
from flask_smorest import Blueprint

from adapters.inbound.web.bodies import read_object
from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.document.fixed import object_of
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.fixed_bodies import answer, answers_with
from adapters.inbound.web.openapi import GONE, answers, documented
from adapters.inbound.web.parameters import read_parameters
from adapters.inbound.web.responses import empty_response
from app.usecases.backend import Backend
from domain.accounts.presets import PRESETS


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("providers", __name__, url_prefix="/api/v1/auth", description="Providers that people sign in with")
    providers = backend.providers

    @door.route("/<c>/methods")
    @documented(
        "list_methods", for_all=True, security=[], responses=answers({200: answers_with("Ways to sign in", _METHODS)}, 400, 404, 503)
    )
    def list_methods(c: str) -> Response:
        """List the ways to sign in to this collection"""
        read_parameters(this_request().environ, ())
        offered = backend.oauth.offered(c)
        mails = backend.mail.sends
        named = [{"name": each.name, "preset": each.preset or None, "sign_up": each.signs_up} for each in offered]
        ways = {"password": True, "identity": backend.oauth.identity(c), "code": mails, "passkey": backend.passkeys.possible}
        return answer({**ways, "providers": named})

    @door.route("/<c>/providers")
    @documented("list_providers", responses=answers({200: answers_with("Every provider, by name", _PROVIDERS)}, 400, 401, 403, 404))
    def list_providers(c: str) -> Response:
        """List the providers that people sign in with, without their secrets"""
        request = this_request()
        read_parameters(request.environ, ())
        return answer({"items": [each.as_object() for each in providers.list(c, actor=caller_of(request, backend))]})

    @door.route("/<c>/providers/<name>", methods=("PUT",))
    @documented(
        "put_provider", requestBody={"required": True, "content": {"application/json": {"schema": _WANTED}}},
        responses=answers({200: answers_with("The provider", _PROVIDER)}, 400, 401, 403, 404, 413, 415, 503),
    )  # fmt: skip
    def put_provider(c: str, name: str) -> Response:
        """Let people sign in with a provider, or change how; a secret that is left out stays"""
        request = this_request()
        read_parameters(request.environ, ())
        actor = caller_of(request, backend)
        return answer(providers.put(c, name, read_object(request), actor=actor, facts=facts_of(request)).as_object())

    @door.route("/<c>/providers/<name>", methods=("DELETE",))
    @documented("remove_provider", responses=answers({204: GONE}, 400, 401, 403, 404))
    def remove_provider(c: str, name: str) -> Response:
        """Let nobody sign in with a provider any more"""
        request = this_request()
        read_parameters(request.environ, ())
        providers.remove(c, name, actor=caller_of(request, backend), facts=facts_of(request))
        return empty_response(204)

    return door


_TEXT: dict[str, Any] = {"type": "string"}
_INSTANT = {"type": "string", "format": "date-time"}
_ADDRESSES = {
    "type": "array", "minItems": 1, "maxItems": 20, "items": _TEXT, "description": "Where people may be sent back to, word by word",
}  # fmt: skip
_SIGN_UP = {"type": "boolean", "description": "Whether who is not known yet gets an account"}
_SCOPES = {"type": "array", "minItems": 1, "maxItems": 30, "items": _TEXT}
_PROVIDER: dict[str, Any] = {
    "name": _TEXT, "preset": {"type": ["string", "null"]}, "issuer": _TEXT, "client_id": _TEXT, "scopes": _SCOPES, "return_to": _ADDRESSES,
    "sign_up": _SIGN_UP, "created": _INSTANT, "updated": _INSTANT,
}  # fmt: skip
_PROVIDERS = {"items": {"type": "array", "items": object_of(_PROVIDER, tuple(_PROVIDER))}}
_WANTED = object_of(
    {
        "preset": {**_TEXT, "enum": [*PRESETS], "description": "A provider that is known; its name is enough where the address says it"},
        "issuer": {**_TEXT, "description": "Any other issuer of OpenID Connect"},
        "client_id": {**_TEXT, "pattern": "^[ -~]{1,500}$"},
        "client_secret": {**_TEXT, "description": "Never told again"}, "scopes": _SCOPES, "return_to": _ADDRESSES,
        "sign_up": _SIGN_UP,
    },
    ("client_id", "return_to"),
)  # fmt: skip
_OFFERED = object_of({"name": _TEXT, "preset": {"type": ["string", "null"]}, "sign_up": _SIGN_UP}, ("name", "preset", "sign_up"))
_FLAG = {"type": "boolean"}
_IDENTITY = {"type": "array", "items": _TEXT, "description": "The fields that `identity` of a sign-in with a password is looked for in"}
_METHODS = {"password": _FLAG, "identity": _IDENTITY, "code": _FLAG, "passkey": _FLAG, "providers": {"type": "array", "items": _OFFERED}}
