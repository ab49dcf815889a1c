"""What every way to sign in answers with: tokens for an app, or cookies for a browser, whose pages see neither token."""

from typing import Any

import orjson
from flask import Request, Response

from adapters.inbound.web.cookies import check_origin, set_cookies
from adapters.inbound.web.devices import keep_device
from adapters.inbound.web.document.fixed import ref
from adapters.inbound.web.fixed_bodies import answer, answers_with, text
from app.usecases.sessions import SignedIn
from domain.accounts.factors import FactorAsked, SecondFactorRequired, SecondFactorToSetUp
from domain.errors import invalid

BEARER, COOKIE = "bearer", "cookie"


def mode_field() -> Any:
    return text(required=False, description="`bearer` (the default) answers tokens, `cookie` sets cookies", enum=[BEARER, COOKIE])


def read_mode(request: Request, given: dict[str, Any]) -> str:
    """To be called before anybody is signed in."""
    mode: str = given.get("mode", BEARER)
    if mode not in (BEARER, COOKIE):
        raise invalid("/mode", "invalid_mode", "`mode` is `bearer` or `cookie`")
    if mode == COOKIE:
        check_origin(request)
    return mode


def signed_in(signed: SignedIn | FactorAsked, mode: str = BEARER) -> Response:
    """Every way to sign in ends here: whoever has shown one factor of two gets nothing but a ticket."""
    if isinstance(signed, FactorAsked):
        raise SecondFactorToSetUp(signed) if signed.to_set_up else SecondFactorRequired(signed)
    if mode == COOKIE:
        return _in_cookies(signed)
    return answer({
        "access_token": signed.access_token, "token_type": "Bearer", "expires_in": signed.expires_in,
        "refresh_token": signed.refresh_token, "account": signed.account.as_object(), "device_token": signed.device_token,
        **_codes(signed),
    })  # fmt: skip


def _in_cookies(signed: SignedIn) -> Response:
    """201 with another body: an answer that was 200 goes on having the tokens for all who were made for it."""
    response = answer({}, 201)
    shown = set_cookies(response, signed.access_token, signed.expires_in, signed.refresh_token)
    keep_device(response, signed.device_token)
    told = {"expires_in": signed.expires_in, "csrf_token": shown, "account": signed.account.as_object(), **_codes(signed)}
    response.set_data(orjson.dumps(told))
    return response


def _codes(signed: SignedIn) -> dict[str, Any]:
    return {"recovery_codes": signed.recovery_codes} if signed.recovery_codes else {}


_TEXT, _SECONDS = {"type": "string"}, {"type": "integer", "description": "seconds"}
_TOKENS: dict[str, Any] = {
    "access_token": _TEXT,
    "token_type": {**_TEXT, "const": "Bearer"},
    "expires_in": _SECONDS,
    "refresh_token": {**_TEXT, "description": "Good once, for a new pair of tokens"},
    "account": ref("Record"),
    "device_token": {**_TEXT, "description": "For the header X-Device-Token of later sign-ins from this device"},
}
_COOKIES: dict[str, Any] = {
    "expires_in": _SECONDS,
    "csrf_token": {**_TEXT, "description": "For the header X-CSRF-Token of requests that change something"},
    "account": ref("Record"),
}
_BEARER, _COOKIE = "Tokens and their account", "The account, whose tokens are in cookies (`mode: cookie`)"
SIGNED_IN: dict[int, Any] = {200: answers_with(_BEARER, _TOKENS), 201: answers_with(_COOKIE, _COOKIES)}
_CODES: dict[str, Any] = {
    "recovery_codes": {"type": "array", "items": _TEXT, "description": "Each is good once; they are never shown again"},
}
# Of whoever has set up the first second factor on the way.
ENROLLED: dict[int, Any] = {
    200: answers_with(_BEARER, {**_TOKENS, **_CODES}), 201: answers_with(_COOKIE, {**_COOKIES, **_CODES}),
}  # fmt: skip
