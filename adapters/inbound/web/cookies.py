"""Tokens of a browser's session in cookies, which its pages cannot read: set, taken away, and asked whether they may be relied on.

Their names begin with `__Host-`: a browser takes such a cookie only over TLS (or from this very machine) and from this very host, so that
no other host under the same domain can plant one.
"""

from collections.abc import Mapping
from datetime import timedelta

from flask import Request, Response, current_app

from domain.accounts.browsers import SAFE, check_csrf_token, check_same_site, csrf_token
from domain.accounts.refresh import RefreshToken, read_refresh_token
from domain.accounts.sessions import IDLE
from domain.errors import Invalid, Problem, Unauthenticated

ACCESS, REFRESH, CSRF = "__Host-stillroom_access", "__Host-stillroom_refresh", "__Host-stillroom_csrf"
CSRF_HEADER = "X-CSRF-Token"
# Where the application keeps its public address, if it has one.
PUBLIC_ORIGIN = "STILLROOM_PUBLIC_ORIGIN"
# Origins of the pages that act with cookies as our own do.
TRUSTED_ORIGINS = "STILLROOM_TRUSTED_ORIGINS"
_MARK = "__Host-stillroom_"


def has_cookies(request: Request) -> bool:
    return _MARK in request.environ.get("HTTP_COOKIE", "")


def access_token(request: Request) -> str:
    """Of a request that may rely on its cookies. Cookies of a session without the access token are those of one that has to be refreshed:
    its bearer is nobody's guest."""
    if "HTTP_AUTHORIZATION" in request.environ:
        raise two_identities()
    cookies = request.cookies
    check_unsafe(request, cookies)
    found = cookies.get(ACCESS)
    if not found:
        raise Unauthenticated("the access token has expired", code="token_expired", hint="refresh the session, or sign in again")
    return found


def refresh_token(request: Request) -> str:
    """For refreshing and signing out, when the access token may be gone."""
    check_unsafe(request, request.cookies)
    return request.cookies.get(REFRESH, "")


def check_unsafe(request: Request, cookies: Mapping[str, str]) -> None:
    if request.method in SAFE:
        return
    check_origin(request)
    check_csrf_token(request.headers.get(CSRF_HEADER), _held(cookies.get(REFRESH, "")))


def check_origin(request: Request) -> None:
    """Also of a sign-in that asks for cookies: another site could sign its visitors in as somebody else."""
    headers, known = request.headers, current_app.config.get(PUBLIC_ORIGIN, "")
    if current_app.config[TRUSTED_ORIGINS].trusts(headers.get("Origin")):
        return
    check_same_site(origin=headers.get("Origin"), fetch_site=headers.get("Sec-Fetch-Site"), host=request.host, known=known)


def set_cookies(response: Response, access: str, expires_in: int, refresh: str) -> str:
    """The CSRF token, which is in a cookie that pages may read."""
    shown = csrf_token(read_refresh_token(refresh))
    _set(response, ACCESS, access, expires_in)
    _set(response, REFRESH, refresh, _seconds(IDLE))
    _set(response, CSRF, shown, _seconds(IDLE), hidden=False)
    return shown


def clear_cookies(response: Response) -> Response:
    for name in (ACCESS, REFRESH, CSRF):
        _set(response, name, "", 0, hidden=name != CSRF)
    return response


def two_identities() -> Problem:
    """Which of them would be meant? A page that was signed in twice must not act as somebody else than it shows."""
    hint = "send the token or the cookies, not both"
    return Invalid("this request has an Authorization header or a token, and cookies of a session", code="two_identities", hint=hint)


def _set(response: Response, name: str, value: str, seconds: int, *, hidden: bool = True) -> None:
    # Lax: other sites' forms and scripts do not send it, a link to the site does.
    response.set_cookie(name, value, max_age=seconds, path="/", secure=True, httponly=hidden, samesite="Lax")


def _held(text: str) -> RefreshToken | None:
    try:
        return read_refresh_token(text)
    except Unauthenticated:
        return None


def _seconds(lifetime: timedelta) -> int:
    return int(lifetime.total_seconds())
