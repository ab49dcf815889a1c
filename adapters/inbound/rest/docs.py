"""The API's own description: the OpenAPI document, and Swagger UI to read it with, served from the package that ships it.

It works without a network, and needs no inline script, so the page's policy allows none.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

import orjson
from flask import Blueprint, Response, request, send_from_directory

from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.conditional import none_match
from adapters.inbound.web.document.whole import whole
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.headers import DOCUMENTATION_POLICY
from adapters.inbound.web.openapi import ProblemApi
from adapters.inbound.web.parameters import read_parameters
from adapters.inbound.web.responses import empty_response, json_response
from app.usecases.backend import Backend
from app.usecases.outlines import Known
from domain.errors import NotFound

# Kept by the asker's own browser and asked about each time: it is for whoever asks.
REVALIDATED = "private, no-cache"
# Bytes of documents that a process keeps; the one that was made last is kept whatever its size.
MOST_KEPT = 32 * 2**20
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
        return _revalidated(documents.of(known, lambda: whole(base(), known)))

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


@dataclass(frozen=True, slots=True)
class Written:
    body: bytes
    etag: str


class Documents:
    """Those that were made last, each for all who may know the same of the same schema. Many who ask at once wait for one that makes it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Written] = OrderedDict()
        self._lock = Lock()

    def of(self, known: Known, make: Callable[[], dict[str, Any]]) -> Written:
        found = self._kept.get(known.key)
        return found or self._made(known, make)

    def _made(self, known: Known, make: Callable[[], dict[str, Any]]) -> Written:
        with self._lock:
            found = self._kept.get(known.key)
            if found is None:
                found = self._kept[known.key] = _written(make())
                while len(self._kept) > 1 and sum(len(each.body) for each in self._kept.values()) > MOST_KEPT:
                    self._kept.popitem(last=False)
        return found


def _written(document: dict[str, Any]) -> Written:
    body = orjson.dumps(document)
    return Written(body, f'"{hashlib.blake2b(body, digest_size=8).hexdigest()}"')


def _revalidated(document: Written) -> Response:
    headers = [("ETag", document.etag), ("Cache-Control", REVALIDATED), ("Vary", "Authorization")]
    if none_match(request.environ.get("HTTP_IF_NONE_MATCH"), document.etag):
        return empty_response(304, headers)
    return json_response(document.body, headers=headers)


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
