"""Where a request carries its device token: a header of apps, a cookie of browsers, which no page can read."""

import re
from collections.abc import Mapping
from typing import Any

from flask import Response

# Not named as cookies of a session are: it identifies nobody, outlives sign-out, and stands beside an Authorization header.
COOKIE = "__Host-stillroom-device"
_IN_COOKIES = re.compile(COOKIE + r"=([A-Za-z0-9_.-]+)")
_KEPT = 365 * 86_400


def shown_device(environ: Mapping[str, Any]) -> str:
    header: str = environ.get("HTTP_X_DEVICE_TOKEN", "")
    if header or "HTTP_COOKIE" not in environ:
        return header
    found = _IN_COOKIES.search(environ["HTTP_COOKIE"])
    return found[1] if found else ""


def keep_device(response: Response, token: str) -> None:
    # Lax: a page of another site has no way to use up the attempts of its visitor's device.
    response.set_cookie(COOKIE, token, max_age=_KEPT, path="/", secure=True, httponly=True, samesite="Lax")
