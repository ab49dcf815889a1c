"""The API's own description: the OpenAPI document, and Swagger UI to read it with, served from the package that ships it.

It works without a network, and needs no inline script, so the page's policy allows none.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from flask import Blueprint, Response, send_from_directory

from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.document.whole import whole
from adapters.inbound.web.documents import Documents, revalidated
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.headers import DOCUMENTATION_POLICY
from adapters.inbound.web.openapi import ProblemApi
from adapters.inbound.web.parameters import read_parameters
from app.usecases.backend import Backend
from domain.errors import NotFound

_ASKED_AGAIN = {"Cache-Control": "no-cache"}
# What of the package is served, and nothing else of it.
_FILES = frozenset({"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"})
# Ours, beside this module: the page and what runs in it.
_OURS = {"start.js": "text/javascript", "start.css": "text/css"}


def blueprint(api: ProblemApi, backend: Backend) -> Blueprint:
    door = Blueprint("docs", __name__, url_prefix="/api/v1")
    base, documents = cache(api.document), Documents()

    @door.get("/openapi.json")
    def openapi() -> Response:
        request = this_request()
        read_parameters(request.environ, ())
        known = backend.outlines.known_to(caller_of(request, backend), facts_of(request))
        return revalidated(documents.of(known, lambda: whole(base(), known)))

    @door.get("/docs")
    def page() -> Response:
        return Response(_ours("page.html"), headers={"Content-Security-Policy": DOCUMENTATION_POLICY, **_ASKED_AGAIN}, mimetype="text/html")

    @door.get("/docs/<file>")
    def asset(file: str) -> Response:
        if file in _OURS:
            return Response(_ours(file), headers=_ASKED_AGAIN, mimetype=_OURS[file])
        if file not in _FILES:
            raise NotFound("nothing is served at this path")
        return send_from_directory(_folder(), file, max_age=3600)

    return door


@cache
def _ours(file: str) -> bytes:
    return (Path(__file__).parent / "docs_page" / file).read_bytes()


@cache
def _folder() -> Path:
    """Found without importing the package, of whose code we use nothing."""
    package = find_spec("flask_swagger_ui")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "dist"
