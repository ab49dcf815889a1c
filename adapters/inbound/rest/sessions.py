"""Sessions over HTTP: going on with a refresh token, signing out, seeing where one is signed in, and ending that."""

from flask import Request, Response, after_this_request
from flask_smorest import Blueprint

from adapters.inbound.web.bodies import has_body, read_object
from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.cookies import clear_cookies, has_cookies, refresh_token, two_identities
from adapters.inbound.web.document.fixed import object_of
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.fixed_bodies import (
    BodySchema,
    answer,
    answers_with,
    loaded,
    takes,
    text,
)
from adapters.inbound.web.idempotency import once
from adapters.inbound.web.limits import admit
from adapters.inbound.web.openapi import GONE, IDEMPOTENCY_KEY, answers, documented, in_query
from adapters.inbound.web.parameters import read_parameters
from adapters.inbound.web.responses import empty_response
from adapters.inbound.web.signing_in import COOKIE, SIGNED_IN, signed_in
from app.usecases.backend import Backend
from domain.actor import GUEST
from domain.errors import Unauthenticated
from domain.schema.fields.relations import RECORD_ID


class RefreshSchema(BodySchema):
    refresh_token = text(description="The one that the last answer held; it is good once")


_REFRESH = RefreshSchema()
_ACCOUNT = in_query("account", "Whose sessions; for admins, who may name any account. Without it one's own.")


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("sessions", __name__, url_prefix="/api/v1/auth", description="Where accounts are signed in")
    sessions = backend.sessions

    @door.route("/<c>/refresh", methods=("POST",))
    @documented(
        "refresh_session", for_all=True, requestBody={**takes(_REFRESH), "required": False}, security=[],
        responses=answers(SIGNED_IN, 400, 401, 403, 404, 413, 415, 429, 503),
    )  # fmt: skip
    def refresh_session(c: str) -> Response:
        """Get new tokens for a refresh token, which is spent by that"""
        request = this_request()
        read_parameters(request.environ, ())
        # Nobody is known yet: whoever tries tokens is counted by address, before the database is asked.
        admit(request, backend, GUEST)
        if has_cookies(request):
            return _refreshed_in_cookies(c, request)
        given = loaded(_REFRESH, read_object(request))
        return signed_in(sessions.refresh(c, given["refresh_token"], facts=facts_of(request)))

    @door.route("/<c>/sign-out", methods=("POST",))
    @documented(
        "sign_out", for_all=True, requestBody={**takes(_REFRESH), "required": False},
        responses=answers({204: {"description": "The session has ended"}}, 400, 401, 403, 404, 413, 415),
    )  # fmt: skip
    def sign_out(c: str) -> Response:
        """End the session of the access token, or of a refresh token in the body"""
        request = this_request()
        read_parameters(request.environ, ())
        if has_cookies(request):
            admit(request, backend, GUEST)
            return _signed_out_of_cookies(c, request)
        if has_body(request):
            admit(request, backend, GUEST)
            sessions.sign_out_by(c, loaded(_REFRESH, read_object(request))["refresh_token"], facts=facts_of(request))
        else:
            sessions.sign_out(c, actor=caller_of(request, backend), facts=facts_of(request))
        return empty_response(204)

    @door.route("/<c>/sessions")
    @documented(
        "list_sessions", for_all=True, parameters=[_ACCOUNT],
        responses=answers({200: answers_with("Sessions that stand, the one used last first", _SESSIONS)}, 400, 401, 403, 404),
    )  # fmt: skip
    def list_sessions(c: str) -> Response:
        """List the sessions of an account"""
        request = this_request()
        account = _account(request)
        actor = caller_of(request, backend)
        found = sessions.list(c, account, actor=actor)
        return answer({"items": [each.as_object(current=each.id == actor.session) for each in found]})

    @door.route("/<c>/sessions/<id>", methods=("DELETE",))
    @documented(
        "end_session", for_all=True, parameters=[_ACCOUNT, IDEMPOTENCY_KEY], responses=answers({204: GONE}, 400, 401, 403, 404, 422)
    )
    def end_session(c: str, id: str) -> Response:
        """End one session of an account"""
        request = this_request()
        account, actor = _account(request), caller_of(request, backend)
        return once(
            request, backend, actor,
            lambda keep: sessions.end(c, _known(id), account, actor=actor, facts=facts_of(request), keep=keep),
            lambda _: empty_response(204),
        )  # fmt: skip

    @door.route("/<c>/sessions", methods=("DELETE",))
    @documented(
        "end_other_sessions", for_all=True, parameters=[_ACCOUNT, IDEMPOTENCY_KEY],
        responses=answers({200: answers_with("How many have ended", _ENDED)}, 400, 401, 403, 404, 422),
    )  # fmt: skip
    def end_other_sessions(c: str) -> Response:
        """End all sessions of an account but the one that asks"""
        request = this_request()
        account, actor = _account(request), caller_of(request, backend)
        return once(
            request, backend, actor,
            lambda keep: sessions.end_others(c, account, actor=actor, facts=facts_of(request), keep=keep),
            lambda ended: answer({"ended": ended}),
        )  # fmt: skip

    def _refreshed_in_cookies(c: str, request: Request) -> Response:
        token = _only_cookies(request)
        try:
            return signed_in(sessions.refresh(c, token, facts=facts_of(request)), COOKIE)
        except Unauthenticated:
            after_this_request(clear_cookies)
            raise

    def _signed_out_of_cookies(c: str, request: Request) -> Response:
        """By the refresh token: the access token may have expired."""
        sessions.sign_out_by(c, _only_cookies(request), facts=facts_of(request))
        return clear_cookies(empty_response(204))

    return door


def _only_cookies(request: Request) -> str:
    """The refresh token that they hold. The body is empty or an empty object."""
    if "HTTP_AUTHORIZATION" in request.environ or (has_body(request) and read_object(request)):
        raise two_identities()
    return refresh_token(request)


def _account(request: Request) -> str | None:
    account = read_parameters(request.environ, ("account",)).get("account")
    return None if account is None else _known(account)


def _known(id: str) -> str:
    """What cannot be an id names nothing."""
    return id if RECORD_ID.fullmatch(id) else ""


_INSTANT, _TEXT, _TEXT_OR_NULL = {"type": "string", "format": "date-time"}, {"type": "string"}, {"type": ["string", "null"]}
_SESSION = {
    "id": _TEXT, "created": _INSTANT, "used": {**_INSTANT, "description": "When it was opened or refreshed last"}, "expires": _INSTANT,
    "method": {**_TEXT, "description": "How the account proved itself"}, "device": _TEXT_OR_NULL, "agent": _TEXT_OR_NULL,
    "address": _TEXT_OR_NULL, "current": {"type": "boolean", "description": "It is the one that asks"},
}  # fmt: skip
_SESSIONS = {"items": {"type": "array", "items": object_of(_SESSION, tuple(_SESSION))}}
_ENDED = {"ended": {"type": "integer", "minimum": 0}}
