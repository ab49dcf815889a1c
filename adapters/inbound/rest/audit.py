"""The audit trail over HTTP, for owners: it is read, and nothing else."""

from collections.abc import Sequence
from typing import Any

from flask import Response
from flask_smorest import Blueprint

from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.document.fixed import object_of
from adapters.inbound.web.fixed_bodies import answer, answers_with
from adapters.inbound.web.openapi import answers, documented, in_query
from adapters.inbound.web.parameters import read_parameters
from app.usecases.backend import Backend
from domain.accounts.audit import Entry, read_wanted

_PAGE = 100


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("audit", __name__, url_prefix="/api/v1", description="Who did what")

    @door.route("/audit")
    @documented(
        "list_audit", parameters=[*(in_query(name, told) for name, told in _FILTERS.items()), _CURSOR],
        responses=answers({200: answers_with("A hundred at most, the newest first", _ENTRIES)}, 400, 401, 403),
    )  # fmt: skip
    def list_audit() -> Response:
        """List what was done, and by whom, the newest first"""
        request = this_request()
        asked = read_parameters(request.environ, (*_FILTERS, "cursor"))
        actor = caller_of(request, backend)
        return _page(backend.audit.list(limit=_PAGE + 1, cursor=asked.get("cursor"), wanted=read_wanted(asked), actor=actor))

    @door.route("/auth/<c>/audit")
    @documented(
        "list_own_audit", for_all=True, parameters=[_CURSOR],
        responses=answers({200: answers_with("A hundred at most, the newest first", _ENTRIES)}, 400, 401, 403, 404),
    )  # fmt: skip
    def list_own_audit(c: str) -> Response:
        """List what one's account did, and what was done to it"""
        request = this_request()
        asked = read_parameters(request.environ, ("cursor",))
        return _page(backend.audit.own(c, limit=_PAGE + 1, cursor=asked.get("cursor"), actor=caller_of(request, backend)))

    return door


def _page(found: Sequence[Entry]) -> Response:
    page, more = found[:_PAGE], len(found) > _PAGE
    return answer({"items": [each.as_object() for each in page], "next": page[-1].id if more else None})


_CURSOR = in_query("cursor", "`next` of the page before")
_FILTERS = {
    "action": "Of this kind alone", "by": "Done by the admin or account with this id", "target": "Done to what has this id",
    "address": "From this address", "since": "From this moment on", "until": "Before this moment",
}  # fmt: skip


_TEXT, _TEXT_OR_NULL = {"type": "string"}, {"type": ["string", "null"]}
_BY = object_of({"kind": _TEXT, "collection": _TEXT_OR_NULL, "id": _TEXT_OR_NULL}, ("kind", "collection", "id"))
_ENTRY: dict[str, Any] = {
    "id": _TEXT, "moment": {"type": "string", "format": "date-time"}, "action": _TEXT, "by": _BY, "target": _TEXT,
    "address": _TEXT_OR_NULL, "request": _TEXT_OR_NULL, "detail": _TEXT,
}  # fmt: skip
_ENTRIES = {"items": {"type": "array", "items": object_of(_ENTRY, tuple(_ENTRY))}, "next": _TEXT_OR_NULL}
