"""Files over HTTP: whole or in part, never run, kept only by those who may."""

from collections.abc import Iterator
from dataclasses import replace

import orjson
from flask import Request, Response
from flask_smorest import Blueprint

from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.conditional import none_match
from adapters.inbound.web.edge import ACTOR
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.limits import admit
from adapters.inbound.web.openapi import UNCHANGED, answers, documented, in_header, in_query
from adapters.inbound.web.parameters import read_parameters
from adapters.inbound.web.responses import empty_response, json_response
from app.usecases.backend import Backend
from app.usecases.files import Found
from domain.actor import Actor
from domain.errors import NotFound, invalid
from domain.files.serving import OWN, Range, content_type, disposition, protecting, wanted_range
from domain.files.ways import ACCEL, REDIRECT, SENDFILE, Elsewhere
from domain.schema.fields.relations import RECORD_ID
from domain.schema.fields.times import write_instant

PATH = "/api/v1/files"
_DOWNLOAD = in_query("download", "To be saved, not shown.", enum=["true", "false"], default="false")
_THUMB = in_query("thumb", "One of the sizes that the field declares, such as `100x100`: a picture in that size.")
_RANGE = in_header("Range", "One part of the file, such as `bytes=0-1023`.")
_BYTES = {"description": "The file", "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}
_PART = {**_BYTES, "description": "The part of it that was asked for"}
_LINK = {"Location": {"description": "Where.", "schema": {"type": "string", "format": "uri"}}}
_LED = {"description": "The store of files hands it out, at a link that is good for a minute", "headers": _LINK}
_TOKEN = in_query("token", "Of a link that was asked for.")
_OF_LINK = {"url": {"type": "string", "format": "uri-reference"}, "expires": {"type": "string", "format": "date-time"}}
_LINKED = {
    "description": "The link",
    "content": {"application/json": {"schema": {"type": "object", "properties": _OF_LINK, "required": ["url", "expires"]}}},
}
_TOLD_PROXIES = {ACCEL: "X-Accel-Redirect", SENDFILE: "X-Sendfile"}
_BY_ASKER, _BY_FORMAT = ("Vary", "Authorization, Cookie"), ("Vary", "Accept, Authorization, Cookie")


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("files", __name__, url_prefix=PATH, description="Files that records hold")
    files = backend.files

    @door.route("/<c>/<id>/<file>")
    @documented(
        "get_file", for_all=True, parameters=[_DOWNLOAD, _THUMB, _TOKEN, _RANGE],
        responses=answers({200: _BYTES, 206: _PART, 302: _LED, 304: UNCHANGED}, 400, 401, 403, 404, 416),
    )  # fmt: skip
    def get_file(c: str, id: str, file: str) -> Response:
        """Get a file of a record that the view rule lets you see"""
        request = this_request()
        query = read_parameters(request.environ, ("download", "thumb", "token"))
        actor = _linked(request, query["token"], c, id, file) if "token" in query else caller_of(request, backend)
        _check_id(id)
        found = files.find(c, id, file, actor=actor, facts=facts_of(request))
        if "token" in query:
            found = replace(found, shared=False)
        vary = _BY_ASKER
        if "thumb" in query:
            found, vary = files.smaller(found, query["thumb"], accept=request.headers.get("Accept", "")), _BY_FORMAT
        etag = f'"{found.tag}"'
        protection = protecting(found.type, shared=found.shared, lasting=found.lasting)
        headers = [("ETag", etag), ("Accept-Ranges", "bytes"), vary, *protection]
        if none_match(request.environ.get("HTTP_IF_NONE_MATCH"), etag):
            return empty_response(304, headers)
        download, head = _is_download(query), request.method == "HEAD"
        headers.append(("Content-Disposition", disposition(found.original, found.type, download=download)))
        elsewhere = None if head else files.elsewhere(found)
        # The store says what was written with the file, and knows no other wish.
        if elsewhere and not (download and elsewhere.way == REDIRECT):
            return _handed_over(elsewhere, found, headers)
        # A range of a file that the client has another copy of would make neither of the two.
        unchanged = request.environ.get("HTTP_IF_RANGE", etag) == etag
        part = wanted_range(request.environ.get("HTTP_RANGE"), found.size) if unchanged and request.method == "GET" else None
        return _sent(backend, found, part, headers, head=head)

    @door.route("/<c>/<id>/<file>/link", methods=("POST",))
    @documented("link_file", for_all=True, responses=answers({200: _LINKED}, 400, 401, 403, 404))
    def link_file(c: str, id: str, file: str) -> Response:
        """Get a link to a file that works for two minutes without a token of its own"""
        request = this_request()
        read_parameters(request.environ, ())
        actor = caller_of(request, backend)
        _check_id(id)
        token, expires = backend.file_links.make(c, id, file, actor=actor, facts=facts_of(request))
        url = f"{PATH}/{c}/{id}/{file}?token={token}"
        return json_response(orjson.dumps({"url": url, "expires": write_instant(expires)}), 200, [("Cache-Control", OWN)])

    def _linked(request: Request, token: str, c: str, id: str, file: str) -> Actor:
        """Counted as a request of whoever asked for the link."""
        actor = backend.file_links.whose(token, c, id, file)
        request.environ[ACTOR] = actor
        admit(request, backend, actor)
        return actor

    return door


def _check_id(id: str) -> None:
    if not RECORD_ID.fullmatch(id):
        raise NotFound("there is no such file, or you may not see it")


def _handed_over(elsewhere: Elsewhere, found: Found, headers: list[tuple[str, str]]) -> Response:
    """The link is for whoever asked, and ends: nobody keeps it. A proxy adds its own mark and answers ranges by it."""
    if elsewhere.way == REDIRECT:
        return empty_response(302, [("Location", elsewhere.target), ("Cache-Control", OWN), _BY_ASKER])
    kept = [each for each in headers if each[0] not in ("ETag", "Accept-Ranges")]
    return Response(None, 200, [*kept, (_TOLD_PROXIES[elsewhere.way], elsewhere.target)], content_type=content_type(found.type))


def _sent(backend: Backend, found: Found, part: Range | None, headers: list[tuple[str, str]], *, head: bool) -> Response:
    start, end = (part.start, part.end) if part else (0, found.size)
    if part:
        headers.append(("Content-Range", f"bytes {start}-{end - 1}/{found.size}"))
    headers.append(("Content-Length", str(end - start)))
    status, type_ = 206 if part else 200, content_type(found.type)
    if head:
        return Response(None, status, headers, content_type=type_)
    opened = backend.files.open(found, start, end)
    response = Response(_chunks(opened.chunks), status, headers, content_type=type_, direct_passthrough=True)
    response.call_on_close(opened.close)
    return response


def _chunks(chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield from chunks


def _is_download(query: dict[str, str]) -> bool:
    told = query.get("download", "false")
    if told not in ("true", "false"):
        raise invalid("download", "invalid_parameter", "`download` is true or false")
    return told == "true"
