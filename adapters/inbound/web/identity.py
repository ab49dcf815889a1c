"""Who asks: the token of a request, in its Authorization header (RFC 6750) or in the cookies of a browser's session, becomes an Actor.
One that is not good is refused, never taken for none."""

import re

from flask import Request

from adapters.inbound.web.cookies import access_token, has_cookies
from adapters.inbound.web.facts import facts_of
from app.usecases.backend import Backend
from domain.accounts import api_keys, own_keys
from domain.actor import GUEST, Actor
from domain.errors import Unauthenticated

LONGEST = 8_192
_BEARER = re.compile(r"bearer +([A-Za-z0-9\-._~+/]+=*)", re.IGNORECASE)


def identify(request: Request, backend: Backend) -> Actor:
    """GUEST only where there is neither an Authorization header nor a cookie of ours. Tokens are read from nowhere else: an address ends
    up in logs."""
    if has_cookies(request):
        return backend.accounts.identify(access_token(request))
    header = request.environ.get("HTTP_AUTHORIZATION")
    if header is None:
        return GUEST
    token = _token(header)
    if token.startswith(own_keys.PREFIX):
        return backend.own_keys.identify(token, facts_of(request))
    if token.startswith(api_keys.PREFIX):
        return backend.api_keys.identify(token, facts_of(request))
    return backend.accounts.identify(token)


def _token(header: str) -> str:
    if len(header) > LONGEST:
        raise Unauthenticated("the Authorization header is too long", code="invalid_token")
    found = _BEARER.fullmatch(header.strip())
    if found is None:
        detail = "the Authorization header is not `Bearer` and one token"
        raise Unauthenticated(detail, code="invalid_token", hint="send `Authorization: Bearer …`")
    return found[1]
