"""Uploads that go on where they broke off, over HTTP by tus 1.0.0 (https://tus.io/protocols/resumable-upload): what clients of it send and
are told. What an upload is, and what may happen to it, is the business of domain.files.resumable and domain.files.pending."""

from collections.abc import Iterator
from email.utils import format_datetime
from typing import Any

import orjson
from flask import Request, Response
from flask_smorest import Blueprint
from werkzeug.exceptions import ClientDisconnected

from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.document.fixed import object_of
from adapters.inbound.web.errors import answer_problem
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.fixed_bodies import answers_with
from adapters.inbound.web.openapi import GONE, answers, documented, in_header
from adapters.inbound.web.parameters import read_parameters
from adapters.inbound.web.responses import empty_response, json_response
from app.usecases.backend import Backend
from app.usecases.resumable import Sent
from domain.errors import Invalid, Problem
from domain.files.pending import Pending
from domain.files.resumable import (
    ALGORITHMS,
    CONTENT_TYPE,
    EXTENSIONS,
    VERSION,
    check_content_type,
    check_version,
)
from domain.schema.fields.files import LARGEST
from domain.schema.fields.times import write_instant

PATH = "/api/v1/uploads"
_CHUNK = 65_536
# Of the protocol, and not registered with the IANA.
_CHECKSUM_MISMATCH = 460
_WRONG_VERSION = 412
_SPOKEN = ("Tus-Resumable", VERSION)
_CAN = [
    _SPOKEN, ("Tus-Version", VERSION), ("Tus-Extension", ",".join(EXTENSIONS)), ("Tus-Max-Size", str(LARGEST)),
    ("Tus-Checksum-Algorithm", ",".join(ALGORITHMS)),
]  # fmt: skip
_UNKEPT = ("Cache-Control", "no-store")


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("uploads", __name__, url_prefix=PATH, description="Files that come piece by piece, before their record")
    uploads = backend.resumable

    # Beside the document, which tells of no OPTIONS.
    door.record_once(lambda state: state.app.add_url_rule(PATH, view_func=describe_uploads, methods=("OPTIONS",)))

    door.after_request(_said)

    @door.route("", methods=("POST",), provide_automatic_options=False)
    @documented(
        "begin_upload", for_all=True, parameters=[_RESUMABLE, _LENGTH, _METADATA],
        responses=answers({201: _BEGUN}, 400, 401, 403, 404, 409, 412, 413, 415),
    )  # fmt: skip
    def begin_upload() -> Response:
        """Begin an upload for a file field that you may write"""
        request = _spoken()
        actor = caller_of(request, backend)
        said = request.headers
        begun = uploads.begin(
            length=said.get("Upload-Length"), deferred=said.get("Upload-Defer-Length"), metadata=said.get("Upload-Metadata"),
            actor=actor, facts=facts_of(request),
        )  # fmt: skip
        return empty_response(201, [("Location", f"{PATH}/{begun.id}"), *_marks(begun)])

    @door.route("", methods=("GET",), provide_automatic_options=False)
    @documented("list_uploads", for_all=True, responses=answers({200: answers_with("What is under way", _OWN)}, 400, 401))
    def list_uploads() -> Response:
        """List your own uploads that are under way, and how much room your files take"""
        request = this_request()
        read_parameters(request.environ, ())
        own = uploads.own(actor=caller_of(request, backend), facts=facts_of(request))
        used = own.used and {"bytes": own.used.bytes, "files": own.used.files, "most": own.most}
        return json_response(orjson.dumps({"items": [told(each) for each in own.items], "used": used}), 200, [_UNKEPT])

    @door.route("/<id>", methods=("GET",))
    @documented(
        "get_upload", for_all=True, responses=answers({200: answers_with("The upload", UPLOAD)}, 400, 401, 404, 412)
    )  # fmt: skip
    def get_upload(id: str) -> Response:
        """Tell how much of an upload is here"""
        request = this_request()
        if request.method == "HEAD":
            request = _spoken()
        read_parameters(request.environ, ())
        found = uploads.find(id, actor=caller_of(request, backend), facts=facts_of(request))
        headers = [_UNKEPT, ("Upload-Length", str(found.upload.length)), *_marks(found)]
        return json_response(orjson.dumps(told(found)), 200, headers)

    @door.route("/<id>", methods=("PATCH",))
    @documented(
        "continue_upload", for_all=True, parameters=[_RESUMABLE, _OFFSET, _CHECKSUM],
        requestBody={"required": True, "content": {CONTENT_TYPE: {"schema": {"type": "string", "format": "binary"}}}},
        responses=answers({204: _GROWN}, 400, 401, 404, 409, 412, 413, 415),
    )  # fmt: skip
    def continue_upload(id: str) -> Response:
        """Send bytes of an upload, from where it is"""
        request = _spoken()
        check_content_type(request.environ.get("CONTENT_TYPE"))
        # As many as the upload has room for, which it says itself.
        request.max_content_length = LARGEST
        sent = Sent(
            request.headers.get("Upload-Offset"), request.headers.get("Upload-Checksum"), request.content_length, _chunks(request)
        )
        try:
            grown = uploads.receive(id, sent, actor=caller_of(request, backend), facts=facts_of(request))
        except Problem as refused:
            return _refused(refused)
        return empty_response(204, _marks(grown))

    @door.route("/<id>", methods=("DELETE",))
    @documented("end_upload", for_all=True, parameters=[_RESUMABLE], responses=answers({204: GONE}, 400, 401, 404, 412))
    def end_upload(id: str) -> Response:
        """End an upload, and forget what came of it"""
        request = _spoken()
        uploads.end(id, actor=caller_of(request, backend), facts=facts_of(request))
        return empty_response(204)

    return door


def describe_uploads() -> Response:
    """What is understood here, of whatever version the client is."""
    read_parameters(this_request().environ, ())
    return empty_response(204, _CAN)


def _said(response: Response) -> Response:
    """Of every answer, refusals too; whoever speaks another version is told which there is."""
    response.headers.extend([_SPOKEN, *([("Tus-Version", VERSION)] if response.status_code == _WRONG_VERSION else [])])
    return response


def _spoken() -> Request:
    request = this_request()
    check_version(request.headers.get("Tus-Resumable"))
    read_parameters(request.environ, ())
    return request


def _refused(refused: Problem) -> Response:
    """As everywhere, but for the status that tus has for bytes that are not those that were sent."""
    response = answer_problem(refused)
    if isinstance(refused, Invalid) and refused.code == "checksum_differs":
        response.status_code = _CHECKSUM_MISMATCH
    return response


def _chunks(request: Request) -> Iterator[bytes]:
    """Ends where the client went away: what came until then came."""
    try:
        while chunk := request.stream.read(_CHUNK):
            yield chunk
    except (ClientDisconnected, ConnectionError):
        return


def _marks(pending: Pending) -> list[tuple[str, str]]:
    ends = format_datetime(pending.upload.expires, usegmt=True)
    return [("Upload-Offset", str(pending.upload.offset)), ("Upload-Expires", ends)]


def told(pending: Pending) -> dict[str, Any]:
    upload, made = pending.upload, pending.made
    return {
        "id": pending.id, "offset": upload.offset, "length": upload.length, "expires": write_instant(upload.expires),
        "original": pending.original, "type": made.type if made else None, "sha256": made.sha256 if made else None,
    }  # fmt: skip


def _header(description: str, **schema: Any) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string", **schema}}


_RESUMABLE = in_header("Tus-Resumable", "The version of the protocol.", required=True, enum=[VERSION])
_LENGTH = in_header("Upload-Length", "How many bytes the file has.", required=True, pattern=r"^(0|[1-9][0-9]{0,15})$")
_METADATA = in_header(
    "Upload-Metadata", "Pairs of a name and a value in Base64: `collection`, `field`, `filename`; `record`, the id of one that is there.",
    required=True,
)
_OFFSET = in_header("Upload-Offset", "Where these bytes begin: how many are here.", required=True, pattern=r"^(0|[1-9][0-9]{0,15})$")
_CHECKSUM = in_header("Upload-Checksum", f"Of these bytes: {', '.join(ALGORITHMS)}, and the digest in Base64.")
_HERE, _ENDS = _header("How many bytes are here"), _header("When it is over")
_BEGUN = {"description": "Begun", "headers": {"Location": _header("Where its bytes go"), "Upload-Offset": _HERE, "Upload-Expires": _ENDS}}
_GROWN = {"description": "They are here, to stay", "headers": {"Upload-Offset": _HERE, "Upload-Expires": _ENDS}}
_COUNT, _TEXT = {"type": "integer", "minimum": 0}, {"type": "string"}
_TEXT_OR_NULL = {"type": ["string", "null"]}
UPLOAD: dict[str, Any] = {
    "id": {**_TEXT, "description": "What a file field is told: `{\"upload\": id}`"}, "offset": _COUNT, "length": _COUNT,
    "expires": {**_TEXT, "format": "date-time"}, "original": _TEXT,
    "type": {**_TEXT_OR_NULL, "description": "Once all of it is here"}, "sha256": _TEXT_OR_NULL,
}  # fmt: skip
_USED: dict[str, Any] = {"bytes": _COUNT, "files": _COUNT, "most": {"type": ["integer", "null"], "minimum": 0}}
_OWN: dict[str, Any] = {
    "items": {"type": "array", "items": object_of(UPLOAD, tuple(UPLOAD))},
    "used": {**object_of(_USED, tuple(_USED)), "type": ["object", "null"], "description": "By all files that the account sent"},
}
