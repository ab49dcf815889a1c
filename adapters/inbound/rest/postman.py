"""The same API for Postman and newman: a collection of requests as the asker may send them, and the environment that goes with it."""

from typing import Any

import orjson
from flask import Blueprint, Response

from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.documents import Documents, revalidated
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.openapi import TITLE
from adapters.inbound.web.parameters import read_parameters
from adapters.inbound.web.postman.whole import collection, environment
from adapters.inbound.web.responses import json_response
from app.usecases.backend import Backend
from app.usecases.outlines import Known


def blueprint(backend: Backend, url: str) -> Blueprint:
    """`url` is where clients reach this backend; what a request says of its host is not believed."""
    door, documents = Blueprint("postman", __name__, url_prefix="/api/v1"), Documents()
    told = orjson.dumps(environment(title=TITLE, url=url))

    @door.get("/postman.json")
    def requests() -> Response:
        request = this_request()
        read_parameters(request.environ, ())
        known = backend.outlines.known_to(caller_of(request, backend), facts_of(request))
        return revalidated(documents.of(known, lambda: _collection(known, url)))

    @door.get("/postman-environment.json")
    def variables() -> Response:
        read_parameters(this_request().environ, ())
        return json_response(told)

    return door


def _collection(known: Known, url: str) -> dict[str, Any]:
    return collection(known.outlines(), known.value, title=TITLE, url=url, for_admins=known.outlook.passes_rules)
