"""`/metrics`, for a program that watches the backend and knows the token. Without a token in the settings there is no such path, and
nothing is counted."""

import hmac
from collections.abc import Callable

from flask import Flask, Response, request

from adapters.inbound.web.callers import this_request
from adapters.inbound.web.edge import OPERATION
from adapters.inbound.web.limits import operations
from adapters.inbound.web.parameters import read_parameters
from domain.errors import Unauthenticated

# The text format of Prometheus, in the version that every program of its kind reads.
_MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def install(app: Flask, token: str, exposition: Callable[[], bytes]) -> None:
    """Once every other endpoint is there."""
    by_endpoint = operations(app)

    def note_operation() -> None:
        """By what Flask found behind the path: the path itself may be anything."""
        request = this_request()
        request.environ[OPERATION] = by_endpoint.get(request.endpoint or "", "")

    def metrics() -> Response:
        read_parameters(request.environ, ())
        _check(request.headers.get("Authorization", ""), token)
        return Response(exposition(), content_type=_MEDIA_TYPE, headers={"Cache-Control": "no-store"})

    app.before_request(note_operation)
    app.add_url_rule("/metrics", "metrics", metrics)


def _check(given: str, token: str) -> None:
    """Whoever sends the wrong one learns nothing of the right one from how long that takes."""
    if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        raise Unauthenticated("metrics are for those who know their token", hint="send it as `Authorization: Bearer …`")
