"""Collections over HTTP, for admins: read, create, change and delete them while the backend runs."""

import orjson
from flask import Response, request
from flask_smorest import Blueprint

from adapters.inbound.web.bodies import read_json
from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.conditional import format_etag, none_match, parse_if_match
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.headers import Headers
from adapters.inbound.web.idempotency import once
from adapters.inbound.web.openapi import (
    GONE,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    IF_NONE_MATCH,
    UNCHANGED,
    answers,
    documented,
    in_query,
    json_of,
    takes,
)
from adapters.inbound.web.parameters import HISTORY, history_query, read_parameters
from adapters.inbound.web.responses import empty_response, json_response
from app.usecases.backend import Backend
from domain.records.changes import IfMatch
from domain.schema.collection import Collection

PATH = "/api/v1/collections"


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("collections", __name__, url_prefix=PATH, description="What records look like, and who may do what with them")
    collections = backend.collections

    @door.route("")
    @documented("list_collections", responses=answers({200: json_of("CollectionList", "Every collection, by name")}, 400, 401, 403))
    def list_collections() -> Response:
        """List the collections"""
        read_parameters(request.environ, ())
        found = collections.list(actor=caller_of(request, backend))
        return json_response(orjson.dumps({"items": [each.definition() for each in found]}))

    @door.route("", methods=("POST",))
    @documented(
        "create_collection", parameters=[IDEMPOTENCY_KEY], requestBody=takes("CollectionDefinition"),
        responses=answers(
            {201: json_of("Collection", "The new collection", headers=("ETag", "Location"))}, 400, 401, 403, 409, 413, 415, 422
        ),
    )  # fmt: skip
    def create_collection() -> Response:
        """Create a collection with its table and indexes"""
        read_parameters(request.environ, ())
        actor = caller_of(request, backend)
        return once(
            this_request(), backend, actor,
            lambda keep: collections.create(read_json(request), actor=actor, facts=facts_of(request), keep=keep),
            lambda made: _shown(made, 201, [("Location", f"{PATH}/{made.name}")]),
        )  # fmt: skip

    @door.route("/<name:c>")
    @documented(
        "get_collection", parameters=[IF_NONE_MATCH],
        responses=answers({200: json_of("Collection", "The collection", headers=("ETag",)), 304: UNCHANGED}, 400, 401, 403, 404),
    )  # fmt: skip
    def get_collection(c: str) -> Response:
        """Get one collection"""
        read_parameters(request.environ, ())
        found = collections.get(c, actor=caller_of(request, backend))
        headers = [("Cache-Control", "private, no-cache"), ("Vary", "Authorization, Cookie")]
        if none_match(request.environ.get("HTTP_IF_NONE_MATCH"), _etag(found)):
            return empty_response(304, [*headers, ("ETag", _etag(found))])
        return _shown(found, 200, headers)

    @door.route("/<name:c>", methods=("PATCH",))
    @documented(
        "change_collection", parameters=[IF_MATCH, IDEMPOTENCY_KEY], requestBody=takes("CollectionChange"),
        responses=answers({200: json_of("Collection", "As it is now", headers=("ETag",))}, 400, 401, 403, 404, 409, 412, 413, 415, 422),
    )  # fmt: skip
    def change_collection(c: str) -> Response:
        """Replace the parts of a collection that the body names"""
        read_parameters(request.environ, ())
        actor = caller_of(request, backend)
        return once(
            this_request(), backend, actor,
            lambda keep: collections.change(c, read_json(request), actor=actor, if_match=_if_match(), facts=facts_of(request), keep=keep),
            lambda changed: _shown(changed, 200, []),
        )  # fmt: skip

    @door.route("/<name:c>", methods=("DELETE",))
    @documented(
        "delete_collection", parameters=[IF_MATCH, IDEMPOTENCY_KEY], responses=answers({204: GONE}, 400, 401, 403, 404, 409, 412, 422)
    )
    def delete_collection(c: str) -> Response:
        """Delete a collection with all its records"""
        read_parameters(request.environ, ())
        actor = caller_of(request, backend)
        return once(
            this_request(), backend, actor,
            lambda keep: collections.delete(c, actor=actor, if_match=_if_match(), facts=facts_of(request), keep=keep),
            lambda _: empty_response(204),
        )  # fmt: skip

    @door.route("/plan", methods=("POST",))
    @documented(
        "plan_collection", requestBody=takes("CollectionDefinition"),
        responses=answers({200: json_of("SchemaPlan", "What would be done")}, 400, 401, 403, 409, 413, 415),
    )  # fmt: skip
    def plan_collection() -> Response:
        """Tell what creating a collection would do, and do nothing"""
        read_parameters(request.environ, ())
        actor = caller_of(request, backend)
        return json_response(orjson.dumps(collections.plan_creation(read_json(request), actor=actor).definition()))

    @door.route("/<c>/plan", methods=("POST",))
    @documented(
        "plan_collection_change", parameters=[IF_MATCH], requestBody=takes("CollectionChange"),
        responses=answers({200: json_of("SchemaPlan", "What would be done")}, 400, 401, 403, 404, 409, 412, 413, 415),
    )  # fmt: skip
    def plan_collection_change(c: str) -> Response:
        """Tell what a change of a collection would do, and do nothing"""
        read_parameters(request.environ, ())
        actor = caller_of(request, backend)
        planned = collections.plan_change(c, read_json(request), actor=actor, if_match=_if_match())
        return json_response(orjson.dumps(planned.definition()))

    @door.route("/changes")
    @documented(
        "list_schema_changes",
        parameters=[
            in_query("limit", "How many at most.", type="integer", minimum=1, maximum=200, default=30),
            in_query("cursor", "`next` of the page before"),
        ],
        responses=answers({200: json_of("SchemaChangePage", "Changes of collections, newest first")}, 400, 401, 403),
    )  # fmt: skip
    def list_schema_changes() -> Response:
        """List what was changed in collections, newest first"""
        limit, before = history_query(read_parameters(request.environ, HISTORY))
        found = collections.history(actor=caller_of(request, backend), limit=limit + 1, before=before)
        page, more = found[:limit], len(found) > limit
        return json_response(orjson.dumps({"items": [each.definition() for each in page], "next": str(page[-1].version) if more else None}))

    @door.route("/undo", methods=("POST",))
    @documented(
        "undo_schema_change", parameters=[IDEMPOTENCY_KEY],
        responses=answers({200: json_of("Collection", "As it is now", headers=("ETag",)), 204: GONE}, 400, 401, 403, 409, 422),
    )  # fmt: skip
    def undo_schema_change() -> Response:
        """Bring back what was before the last change of a collection"""
        read_parameters(request.environ, ())
        actor = caller_of(request, backend)
        return once(
            this_request(), backend, actor,
            lambda keep: collections.undo(actor=actor, facts=facts_of(request), keep=keep),
            lambda brought_back: empty_response(204) if brought_back is None else _shown(brought_back, 200, []),
        )  # fmt: skip

    return door


def _if_match() -> tuple[IfMatch, ...] | None:
    return parse_if_match(request.environ.get("HTTP_IF_MATCH"))


def _etag(collection: Collection) -> str:
    return format_etag(collection.version, collection.created, collection.id) or ""


def _shown(collection: Collection, status: int, headers: Headers) -> Response:
    return json_response(orjson.dumps(collection.definition()), status, [*headers, ("ETag", _etag(collection))])
