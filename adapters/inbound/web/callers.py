"""The request that is being answered, and who sent it."""

from typing import cast

from flask import Request, request

from adapters.inbound.web.edge import ACTOR
from adapters.inbound.web.identity import identify
from adapters.inbound.web.limits import admit
from app.usecases.backend import Backend
from domain.actor import Actor


def this_request() -> Request:
    """The object itself: each use of Flask's `request` looks it up again, which adds up where every microsecond is looked at."""
    return cast(Request, request._get_current_object())  # type: ignore[attr-defined]


def caller_of(request: Request, backend: Backend) -> Actor:
    """The actor, left where the request log finds it, once the request is counted. TooMany where it is over a limit."""
    actor = identify(request, backend)
    request.environ[ACTOR] = actor
    admit(request, backend, actor)
    return actor
