"""What answers tell browsers about pages of other origins (CORS): nothing, until `STILLROOM_CORS_ORIGINS` names some.

A part of the edge and not flask-cors, which works in a hook of Flask: answers that are made outside of it would lack their headers, and its
preflights grant whatever headers were asked for.
"""

from collections.abc import Mapping
from typing import Any

from adapters.inbound.web.headers import Headers
from domain.origins import Origins

# What an answer says beside its body; browsers hide from other origins' pages what is not named here.
EXPOSED = (
    "ETag", "Link", "Location", "Retry-After", "RateLimit", "RateLimit-Policy", "Deprecation", "Sunset", "Idempotency-Replayed",
    "WWW-Authenticate", "Content-Disposition", "Accept-Ranges", "Content-Range", "X-Request-Id",
    "Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm", "Upload-Offset", "Upload-Length",
    "Upload-Expires",
)  # fmt: skip
# What requests may carry besides what any form could send. `Authorization` has to be named: a wildcard does not include it.
ACCEPTED = (
    "Authorization", "Content-Type", "Content-Encoding", "If-Match", "If-None-Match", "Range", "If-Range", "Idempotency-Key",
    "X-CSRF-Token", "X-Request-Id", "X-Proof-Of-Work", "X-Device-Token", "Traceparent", "Tracestate",
    "Tus-Resumable", "Upload-Length", "Upload-Defer-Length", "Upload-Metadata", "Upload-Offset", "Upload-Checksum",
)  # fmt: skip
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
# Seconds for which a browser does not ask again. An origin that is taken off the list can send, and not read, for so long.
_KEPT = 600
# One address answers different origins differently: a cache must not hand the answer to one on to another.
_VARY = ("Vary", "Origin")
_GRANT = (
    ("Access-Control-Allow-Methods", ", ".join(_METHODS)),
    ("Access-Control-Allow-Headers", ", ".join(ACCEPTED)),
    ("Access-Control-Max-Age", str(_KEPT)),
    # Access-Control-Allow-Private-Network is not among them: no page of the internet is led into somebody's own network.
)


class CrossOrigin:
    def __init__(self, origins: Origins) -> None:
        self._origins = origins

    def headers(self, environ: Mapping[str, Any]) -> Headers:
        """For every answer, whatever became of the request: a page that cannot read an error cannot tell its user of it."""
        if not self._origins:
            return []
        if self._origins.anyone:
            # Without credentials, so that no cookie of a visitor is ever used by a stranger's page.
            return [("Access-Control-Allow-Origin", "*"), _exposing()]
        origin = environ.get("HTTP_ORIGIN", "")
        if not self._origins.may_read(origin):
            return [_VARY]
        return [("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true"), _exposing(), _VARY]

    def preflight(self, environ: Mapping[str, Any]) -> Headers | None:
        """The grant, where a browser asks for one that it gets. The same for every path, one that is not there included: the page then
        reads of the request itself what is wrong with it, and not of the browser that it may not know."""
        asks = environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
        if not asks or not self._origins.may_read(environ.get("HTTP_ORIGIN", "")):
            return None
        return list(_GRANT)


def joined(headers: Headers, shared: Headers) -> Headers:
    """Both, with one `Vary` for what either says: there are caches that read only the first."""
    if _VARY not in shared:
        return headers + shared
    varied = ", ".join(value for name, value in (*headers, _VARY) if name.lower() == "vary")
    return [each for each in headers + shared if each[0].lower() != "vary"] + [("Vary", varied)]


def _exposing() -> tuple[str, str]:
    return "Access-Control-Expose-Headers", ", ".join(EXPOSED)
