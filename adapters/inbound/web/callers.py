"""Who sent this request: the actor, left where the request log finds it."""

from flask import Request

from adapters.inbound.web.edge import ACTOR
from adapters.inbound.web.identity import identify
from app.usecases.backend import Backend
from domain.actor import Actor


def caller_of(request: Request, backend: Backend) -> Actor:
    actor = identify(request, backend)
    request.environ[ACTOR] = actor
    return actor
