"""The trash over HTTP, for admins: what is in it, bringing records back, and emptying it."""

from urllib.parse import urlencode

import orjson
from flask import Response
from flask_smorest import Blueprint

from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.errors import request_id
from adapters.inbound.web.idempotency import once
from adapters.inbound.web.openapi import GONE, IDEMPOTENCY_KEY, answers, documented, in_query, json_of
from adapters.inbound.web.parameters import limit_of, read_parameters
from adapters.inbound.web.responses import empty_response, json_response
from app.usecases.backend import Backend
from domain.records.page import MAX_LIMIT
from domain.schema.fields.relations import RECORD_ID

PATH = "/api/v1/collections"

_IN_LIST = [
    in_query("limit", "How many at most.", type="integer", minimum=1, maximum=MAX_LIMIT, default=30),
    in_query("cursor", "Where to go on: `next` of the page before."),
]
_CLEAR = in_query("clear", "Relations, separated by commas, that may stay empty where what they point at is gone.")


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("trash", __name__, url_prefix=PATH, description="Deleted records that are still kept")
    trash = backend.trash

    @door.route("/<c>/trash")
    @documented(
        "list_trash", parameters=_IN_LIST,
        responses=answers({200: json_of("TrashPage", "Deleted records, the latest first", headers=("Link",))}, 400, 401, 403, 404),
    )  # fmt: skip
    def list_trash(c: str) -> Response:
        """List the deleted records of a collection that are still kept"""
        request = this_request()
        query = read_parameters(request.environ, ("limit", "cursor"))
        page = trash.list(c, limit=limit_of(query), cursor=query.get("cursor"), actor=caller_of(request, backend))
        return json_response(orjson.dumps(page.as_object()), 200, _link(c, query, page.next))

    @door.route("/<c>/trash/<id>/restore", methods=("POST",))
    @documented(
        "restore_record", parameters=[_CLEAR, IDEMPOTENCY_KEY],
        responses=answers({200: json_of("Restoration", "The record is back, with what went with it")}, 400, 401, 403, 404, 409, 422),
    )  # fmt: skip
    def restore_record(c: str, id: str) -> Response:
        """Bring a deleted record back, with everything that was deleted because of it"""
        request = this_request()
        query = read_parameters(request.environ, ("clear",))
        clear = [name.strip() for name in query.get("clear", "").split(",") if name.strip()]
        actor = caller_of(request, backend)
        return once(
            request, backend, actor,
            lambda keep: trash.restore(c, _checked(id), clear=clear, actor=actor, request=request_id(), keep=keep),
            lambda restored: json_response(orjson.dumps(restored.as_object())),
        )  # fmt: skip

    @door.route("/<c>/trash/<id>", methods=("DELETE",))
    @documented("erase_record", parameters=[IDEMPOTENCY_KEY], responses=answers({204: GONE}, 400, 401, 403, 404, 422))
    def erase_record(c: str, id: str) -> Response:
        """Remove a deleted record for good, with everything that was deleted because of it"""
        request = this_request()
        read_parameters(request.environ, ())
        actor = caller_of(request, backend)
        return once(
            request, backend, actor,
            lambda keep: trash.remove(c, _checked(id), actor=actor, keep=keep),
            lambda _: empty_response(204),
        )  # fmt: skip

    @door.route("/<c>/trash", methods=("DELETE",))
    @documented(
        "empty_trash", parameters=[IDEMPOTENCY_KEY],
        responses=answers({200: json_of("Emptied", "How many records were removed")}, 400, 401, 403, 404, 422),
    )  # fmt: skip
    def empty_trash(c: str) -> Response:
        """Remove every deleted record of a collection for good"""
        request = this_request()
        read_parameters(request.environ, ())
        actor = caller_of(request, backend)
        return once(
            request, backend, actor,
            lambda keep: trash.empty(c, actor=actor, keep=keep),
            lambda removed: json_response(orjson.dumps({"removed": removed})),
        )  # fmt: skip

    return door


def _checked(id: str) -> str:
    """What cannot be an id names nothing. It goes on as one that nothing has, so that only admins are told so."""
    return id if RECORD_ID.fullmatch(id) else ""


def _link(c: str, query: dict[str, str], following: str | None) -> list[tuple[str, str]]:
    """The same list from the next cursor on (RFC 8288)."""
    if following is None:
        return []
    return [("Link", f'<{PATH}/{c}/trash?{urlencode({**query, "cursor": following})}>; rel="next"')]
