"""What a browser must show besides its cookies before it may change anything: it sends those also where another site made it ask."""

import base64
import hashlib
import hmac
from urllib.parse import urlsplit

from domain.accounts.refresh import RefreshToken
from domain.errors import Forbidden

# Methods that change nothing (RFC 9110, 9.2.1): nothing here acts on them.
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# What a browser says of a request that the site's own page made, or the person, in the address bar.
_OWN = ("same-origin", "none")


def csrf_token(token: RefreshToken) -> str:
    """Known to whoever holds the session's cookies and to the pages that may read the one that shows it. It follows from the part of the
    refresh token that stays, so it is the same for the life of a session, in all tabs; a digest, so that it tells nothing of that."""
    return base64.urlsafe_b64encode(hashlib.sha256(f"csrf {token.family}".encode()).digest()).decode().rstrip("=")


def check_same_site(*, origin: str | None, fetch_site: str | None, host: str, known: str) -> None:
    """Forbidden where the browser says that another site's page makes it ask. `host` is the one that was asked for, `known` the public
    address, for proxies that do not hand the host on. Whoever says nothing is judged by the token alone."""
    if fetch_site is not None and fetch_site not in _OWN:
        raise _refused("another site's page made this request")
    if origin is not None and origin != known and urlsplit(origin).netloc != host:
        raise _refused("this request comes from a page of another origin")


def check_csrf_token(shown: str | None, token: RefreshToken | None) -> None:
    if shown is None or token is None or not hmac.compare_digest(shown.encode(), csrf_token(token).encode()):
        hint = "send what the cookie `__Host-stillroom_csrf` holds as `X-CSRF-Token`"
        raise _refused("a request with cookies needs the CSRF token of its session", hint)


def _refused(detail: str, hint: str | None = None) -> Forbidden:
    return Forbidden(detail, code="csrf_refused", hint=hint)
