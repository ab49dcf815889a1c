"""The API's own description: the OpenAPI document, and Swagger UI to read it with, served from the package that ships it.

It works without a network, and needs no inline script, so the page's policy allows none.
"""

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import orjson
from flask import Blueprint, Response, request, send_from_directory

from adapters.inbound.web.conditional import none_match
from adapters.inbound.web.headers import DOCUMENTATION_POLICY
from adapters.inbound.web.openapi import TITLE, ProblemApi
from adapters.inbound.web.responses import empty_response, json_response
from domain.errors import NotFound

# What of the package is served, and nothing else of it.
_FILES = frozenset({"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"})
_PAGE = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{TITLE} API</title>
<link rel="stylesheet" href="/api/v1/docs/swagger-ui.css">
<link rel="icon" type="image/png" href="/api/v1/docs/favicon-32x32.png">
<div id="swagger-ui"></div>
<script src="/api/v1/docs/swagger-ui-bundle.js"></script>
<script src="/api/v1/docs/start.js"></script>
</html>
"""
# Swagger UI's own validator badge would call a foreign server.
_START = """SwaggerUIBundle({
  url: "/api/v1/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
});
"""


def blueprint(api: ProblemApi) -> Blueprint:
    door = Blueprint("docs", __name__, url_prefix="/api/v1")
    document = cache(lambda: _tagged(orjson.dumps(api.document())))

    @door.get("/openapi.json")
    def openapi() -> Response:
        return _revalidated(*document())

    @door.get("/docs")
    def page() -> Response:
        return Response(_PAGE, headers={"Content-Security-Policy": DOCUMENTATION_POLICY, "Cache-Control": "no-cache"}, mimetype="text/html")

    @door.get("/docs/start.js")
    def start() -> Response:
        return Response(_START, headers={"Cache-Control": "no-cache"}, mimetype="text/javascript")

    @door.get("/docs/<file>")
    def asset(file: str) -> Response:
        if file not in _FILES:
            raise NotFound("nothing is served at this path")
        return send_from_directory(_folder(), file, max_age=3600)

    return door


def _tagged(body: bytes) -> tuple[bytes, str]:
    return body, f'"{hashlib.blake2b(body, digest_size=8).hexdigest()}"'


def _revalidated(body: bytes, etag: str) -> Response:
    headers = [("ETag", etag), ("Cache-Control", "no-cache")]
    if none_match(request.environ.get("HTTP_IF_NONE_MATCH"), etag):
        return empty_response(304, headers)
    return json_response(body, headers=headers)


@cache
def _folder() -> Path:
    """Found without importing the package, of whose code we use nothing."""
    package = find_spec("flask_swagger_ui")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "dist"
