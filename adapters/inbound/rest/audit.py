"""The audit trail over HTTP, for owners: it is read, and nothing else."""

from typing import Any

from flask import Response
from flask_smorest import Blueprint

from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.document.fixed import object_of
from adapters.inbound.web.fixed_bodies import answer, answers_with
from adapters.inbound.web.openapi import answers, documented, in_query
from adapters.inbound.web.parameters import read_parameters
from app.usecases.backend import Backend

_PAGE = 100


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("audit", __name__, url_prefix="/api/v1/audit", description="Who did what")

    @door.route("")
    @documented(
        "list_audit", parameters=[in_query("action", "Of this kind alone"), in_query("cursor", "`next` of the page before")],
        responses=answers({200: answers_with("A hundred at most, the newest first", _ENTRIES)}, 400, 401, 403),
    )  # fmt: skip
    def list_audit() -> Response:
        """List what was done to admins and keys, newest first"""
        request = this_request()
        asked = read_parameters(request.environ, ("action", "cursor"))
        actor = caller_of(request, backend)
        found = backend.audit.list(limit=_PAGE + 1, cursor=asked.get("cursor"), action=asked.get("action"), actor=actor)
        page, more = found[:_PAGE], len(found) > _PAGE
        return answer({"items": [each.as_object() for each in page], "next": page[-1].id if more else None})

    return door


_TEXT, _TEXT_OR_NULL = {"type": "string"}, {"type": ["string", "null"]}
_BY = object_of({"kind": _TEXT, "collection": _TEXT_OR_NULL, "id": _TEXT_OR_NULL}, ("kind", "collection", "id"))
_ENTRY: dict[str, Any] = {
    "id": _TEXT, "moment": {"type": "string", "format": "date-time"}, "action": _TEXT, "by": _BY, "target": _TEXT,
    "address": _TEXT_OR_NULL, "request": _TEXT_OR_NULL, "detail": _TEXT,
}  # fmt: skip
_ENTRIES = {"items": {"type": "array", "items": object_of(_ENTRY, tuple(_ENTRY))}, "next": _TEXT_OR_NULL}
