"""Routes that extensions declare, served as ours are: who asks, limits, strict bodies and parameters, problems, and the document."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import Request, Response
from flask_smorest import Blueprint

from adapters.inbound.web.bodies import read_object
from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.declared_bodies import Shape, shape_of
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.fixed_bodies import answer, takes
from adapters.inbound.web.openapi import answers, documented, in_query
from adapters.inbound.web.parameters import read_parameters
from adapters.inbound.web.responses import empty_response
from app.usecases.backend import Backend
from domain.accounts.impersonation import check_no_key
from domain.actor import Actor
from domain.hooks.declared import Route
from domain.rules.values import RequestFacts


@dataclass(frozen=True, slots=True)
class Call:
    """A request as a route is handed it. `json` is the object that was sent, `body` the same as the route declared it; `facts` go with
    calls of the backend in the actor's name."""

    backend: Backend
    actor: Actor
    facts: RequestFacts
    query: dict[str, str] = field(default_factory=dict)
    json: dict[str, Any] = field(default_factory=dict)
    body: Any = None


def blueprint(extension: str, routes: Sequence[Route], backend: Backend) -> Blueprint:
    door = Blueprint(f"ext_{extension}", __name__, url_prefix=f"/api/v1/ext/{extension}", description=f"The extension `{extension}`")
    for route in routes:
        door.add_url_rule(route.path, endpoint=route.name, view_func=_view(route, backend), methods=(route.method,))
    return door


def _view(route: Route, backend: Backend) -> Any:
    shape = shape_of(route.body) if route.body is not None else None

    @documented(f"ext_{route.extension}_{route.name}", for_all=route.public, **_documents(route, shape))
    def view(**named: Any) -> Response:
        request = this_request()
        query = read_parameters(request.environ, route.query)
        actor = caller_of(request, backend)
        # What the route asks the backend may ask in nobody's name, and then nothing else would ask whether the actor still stands.
        backend.accounts.check(actor)
        # No scope speaks of what an extension does: it would take the program for its owner.
        check_no_key(actor)
        sent = _sent(request, route)
        call = Call(backend, actor, facts_of(request, query), query, sent, shape.loaded(sent) if shape else None)
        return _answered(route, route.run(call, **named))

    view.__name__, view.__doc__ = route.name, route.run.__doc__ or route.name.replace("_", " ").capitalize()
    return view


def _documents(route: Route, shape: Shape | None) -> dict[str, Any]:
    anything = {"description": "What the extension answers", "content": {"application/json": {"schema": {}}}}
    refused = (400, 401, 403, 404, 409, 413, 415) if route.method in _WITH_BODY else (400, 401, 403, 404, 409)
    told: dict[str, Any] = {"responses": answers({200: anything}, *refused)}
    if route.query:
        told["parameters"] = [in_query(name, "Read by the extension.") for name in route.query]
    if shape is not None:
        told["requestBody"] = takes(shape.schema)
    elif route.method in _WITH_BODY:
        told["requestBody"] = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
    return told


_WITH_BODY = frozenset({"POST", "PATCH"})


def _sent(request: Request, route: Route) -> dict[str, Any]:
    return read_object(request) if route.method in _WITH_BODY else {}


def _answered(route: Route, answered: Any) -> Response:
    value, status = answered if isinstance(answered, tuple) else (answered, None)
    if value is None:
        return empty_response(status or 204)
    return answer(value, status or 200)
