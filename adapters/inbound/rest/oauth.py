"""Signing in with a provider over HTTP: the browser is sent there and comes back here, and the app exchanges what it was handed.

The browser is known by a cookie that holds nothing but a random secret: an answer that another browser brings is nobody's.
"""

import secrets
from typing import Any

from flask import Request, Response
from flask_smorest import Blueprint

from adapters.inbound.web.bodies import read_object
from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.document.fixed import object_of
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.fixed_bodies import BodySchema, an_object, answer, answers_with, loaded, takes, text
from adapters.inbound.web.limits import admit
from adapters.inbound.web.openapi import GONE, answers, documented, in_query
from adapters.inbound.web.parameters import read_parameters
from adapters.inbound.web.responses import empty_response
from adapters.inbound.web.signing_in import SIGNED_IN, mode_field, read_mode, signed_in
from app.usecases.backend import Backend
from domain.actor import GUEST
from domain.errors import UnsupportedMedia, invalid
from domain.schema.fields.relations import RECORD_ID

# Not of our session's cookies: who has this one is signed in to nothing.
BROWSER = "__Host-oauth"
_MINUTES = 10
_SECRET = 43  # characters of 32 random bytes
_MOST_FIELDS, _LONGEST_FIELD = 30, 5_000
_FORM = "application/x-www-form-urlencoded"


class ExchangeSchema(BodySchema):
    code = text(description="The one that the app was handed")
    verifier = text(description="That of the challenge that the way there began with")
    values = an_object(required=False, description="Of the new account, where there is none yet")
    device = text(required=False, description="What the account calls this device, for its list of sessions")
    mode = mode_field()


class IdentityLinkSchema(BodySchema):
    return_to = text(description="Where people come back to, one of the provider's list")
    challenge = text(description="base64url(sha256(verifier))", pattern="^[A-Za-z0-9_-]{43}$")


_EXCHANGE, _LINK = ExchangeSchema(), IdentityLinkSchema()
_ANSWER_FORM: dict[str, Any] = {
    "required": True, "content": {_FORM: {"schema": {"type": "object", "additionalProperties": {"type": "string"}}}},
}  # fmt: skip


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("oauth", __name__, url_prefix="/api/v1/auth", description="Signing in with a provider")
    oauth = backend.oauth

    @door.route("/<c>/oauth/<provider:name>")
    @documented(
        "go_to_provider", for_all=True, security=[],
        parameters=[
            in_query("return_to", "Where people come back to, one of the provider's list"),
            in_query("challenge", "base64url(sha256(verifier))"), in_query("ticket", "Of a link that was asked for, in place of both"),
        ],
        responses=answers({303: _THERE}, 400, 401, 404, 429, 503),
    )  # fmt: skip
    def go_to_provider(c: str, name: str) -> Response:
        """Send a browser to the provider; for people to open, not for programs to fetch"""
        request = this_request()
        asked = read_parameters(request.environ, ("return_to", "challenge", "ticket"))
        admit(request, backend, GUEST)
        browser = _browser(request)
        if "ticket" in asked:
            address = oauth.go_linking(c, name, asked["ticket"], browser)
        else:
            address = oauth.go(c, name, asked.get("return_to", ""), asked.get("challenge", ""), browser, facts=facts_of(request))
        return _sent_to(address, browser)

    @door.route("/<c>/oauth/<name>/callback")
    @documented("come_back", for_all=True, security=[], responses=answers({303: _BACK}, 400, 404))
    def come_back(c: str, name: str) -> Response:
        """Come back from the provider, with its answer in the address"""
        return back(c, name, this_request())

    @door.route("/<c>/oauth/<name>/callback", methods=("POST",))
    @documented("come_back_by_form", for_all=True, requestBody=_ANSWER_FORM, security=[], responses=answers({303: _BACK}, 400, 404, 415))
    def come_back_by_form(c: str, name: str) -> Response:
        """Come back from a provider that answers by a form"""
        return back(c, name, this_request())

    def back(c: str, name: str, request: Request) -> Response:
        admit(request, backend, GUEST)
        return _sent_to(oauth.come_back(c, name, _brought(request), request.cookies.get(BROWSER, "")))

    @door.route("/<c>/oauth/exchange", methods=("POST",))
    @documented(
        "sign_in_by_provider", for_all=True, requestBody=takes(_EXCHANGE),
        responses=answers({**SIGNED_IN, 204: _LINKED}, 400, 401, 403, 404, 409, 413, 415, 429, 503),
    )  # fmt: skip
    def sign_in_by_provider(c: str) -> Response:
        """Exchange the code that the app was handed for a session, or link the identity to the account that asked for it"""
        request = this_request()
        read_parameters(request.environ, ())
        given = loaded(_EXCHANGE, read_object(request))
        mode = read_mode(request, given)
        signed = oauth.exchange(
            c, given["code"], given["verifier"], given.get("values", {}), actor=caller_of(request, backend), facts=facts_of(request),
            device=given.get("device", ""),
        )  # fmt: skip
        return empty_response(204) if signed is None else signed_in(signed, mode)

    @door.route("/<c>/oauth/<name>/link", methods=("POST",))
    @documented(
        "ask_identity_link", for_all=True, requestBody=takes(_LINK),
        responses=answers({200: answers_with("What the person's browser is to open", _OPEN)}, 400, 401, 403, 404, 413, 415, 503),
    )  # fmt: skip
    def ask_identity_link(c: str, name: str) -> Response:
        """Ask for an address that links an identity of the provider to one's account"""
        request = this_request()
        read_parameters(request.environ, ())
        given = loaded(_LINK, read_object(request))
        url = oauth.want_link(c, name, given["return_to"], given["challenge"], actor=caller_of(request, backend))
        return answer({"url": url, "expires_in": 120})

    @door.route("/<c>/identities")
    @documented(
        "list_identities", for_all=True, responses=answers({200: answers_with("The oldest first", _IDENTITIES)}, 400, 401, 403, 404)
    )
    def list_identities(c: str) -> Response:
        """List the identities that are linked to one's account"""
        request = this_request()
        read_parameters(request.environ, ())
        found = oauth.identities(c, actor=caller_of(request, backend))
        told = ("id", "issuer", "subject", "provider", "created", "used")
        return answer({"items": [{**{key: getattr(each, key) for key in told}, "email": each.email or None} for each in found]})

    @door.route("/<c>/identities/<id>", methods=("DELETE",))
    @documented("unlink_identity", for_all=True, responses=answers({204: GONE}, 400, 401, 403, 404, 409))
    def unlink_identity(c: str, id: str) -> Response:
        """Unlink an identity from one's account"""
        request = this_request()
        read_parameters(request.environ, ())
        oauth.unlink(c, id if RECORD_ID.fullmatch(id) else "", actor=caller_of(request, backend), facts=facts_of(request))
        return empty_response(204)

    return door


def _browser(request: Request) -> str:
    """One secret for all sign-ins that a browser has under way: several tabs may be at it."""
    held = request.cookies.get(BROWSER, "")
    return held if len(held) == _SECRET and held.isascii() else secrets.token_urlsafe(32)


def _brought(request: Request) -> dict[str, str]:
    """Whatever the provider sends along, each once; it may be more than anybody knows of."""
    if request.method == "POST" and request.mimetype != _FORM:
        raise UnsupportedMedia(f"providers answer by {_FORM}")
    sent = (request.form if request.method == "POST" else request.args).to_dict(flat=False)
    if len(sent) > _MOST_FIELDS or any(len(values) != 1 or len(values[0]) > _LONGEST_FIELD for values in sent.values()):
        raise invalid("", "invalid", "this is no answer of a provider")
    return {name: values[0] for name, values in sent.items()}


def _sent_to(address: str, browser: str = "") -> Response:
    """Kept by nobody, and telling nobody where it came from: there is a code in one address, and a state in the other."""
    response = Response(status=303)
    response.headers["Location"] = address
    response.headers["Cache-Control"] = "no-store"
    # A page that opened this one cannot watch where it goes.
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if browser:
        # None: some providers answer by a form of theirs, and no other kind of cookie comes along with that. It lets nobody in.
        response.set_cookie(BROWSER, browser, max_age=_MINUTES * 60, path="/", secure=True, httponly=True, samesite="None")
    return response


_TEXT: dict[str, Any] = {"type": "string"}
_INSTANT = {"type": "string", "format": "date-time"}
_LOCATION = {"Location": {"schema": {"type": "string", "format": "uri"}}}
_THERE = {"description": "To the provider", "headers": _LOCATION}
_BACK = {"description": "To the app, with `code` or `error`, and `provider`", "headers": _LOCATION}
_LINKED = {"description": "The identity is linked to the account that asked for it"}
_OPEN = {"url": {"type": "string", "format": "uri"}, "expires_in": {"type": "integer", "description": "Seconds"}}
_IDENTITY: dict[str, Any] = {
    "id": _TEXT, "issuer": _TEXT, "subject": {**_TEXT, "description": "What the issuer calls the person"},
    "provider": {**_TEXT, "description": "By which it was linked"}, "email": {"type": ["string", "null"]}, "created": _INSTANT,
    "used": {**_INSTANT, "description": "When somebody last signed in by it"},
}  # fmt: skip
_IDENTITIES = {"items": {"type": "array", "items": object_of(_IDENTITY, tuple(_IDENTITY))}}
