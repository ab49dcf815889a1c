"""Changes and deletions over HTTP of all records that a filter chooses."""

from collections.abc import Callable
from functools import partial

import orjson
from flask import Request, Response
from flask_smorest import Blueprint

from adapters.inbound.web.bodies import read_object
from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.deprecation import deprecation_headers
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.idempotency import check_unused_key, once
from adapters.inbound.web.openapi import (
    DRY_RUN,
    IDEMPOTENCY_KEY,
    answers,
    documented,
    in_query,
    json_of,
    takes,
)
from adapters.inbound.web.parameters import CHOOSING, chosen, is_dry_run, read_parameters
from adapters.inbound.web.responses import json_response
from app.usecases.backend import Backend
from app.usecases.bulk import Chosen, Done
from app.usecases.idempotency import Keep, unkept
from domain.actor import Actor
from domain.records.bulk import MAX_BULK

PATH = "/api/v1/collections"

_PARAMETERS = [
    {**in_query("filter", "Which records: a condition, as in a list.", pattern=r"\S"), "required": True},
    {**in_query("expect", "How many they are, else 412.", type="integer", minimum=1, maximum=MAX_BULK), "required": True},
    DRY_RUN,
    IDEMPOTENCY_KEY,
]


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("bulk", __name__, url_prefix=PATH, description="Many records by a filter")
    records = backend.records

    @door.route("/<c>/records", methods=("PATCH",))
    @documented(
        "bulk_change_records", parameters=_PARAMETERS, requestBody=takes("RecordValues"),
        responses=answers({200: json_of("Changed", "How many were changed")}, 400, 401, 403, 404, 409, 412, 413, 415, 422),
    )  # fmt: skip
    def change_records(c: str) -> Response:
        """Change all records that the filter chooses, or none"""
        request = this_request()
        query = read_parameters(request.environ, CHOOSING, partial(records.query_names, c))
        those, actor, dry_run = Chosen(*chosen(query)), caller_of(request, backend), is_dry_run(query)

        def change(keep: Keep) -> Done:
            body = read_object(request)
            return records.update_all(c, those, body, actor=actor, facts=facts_of(request, query), keep=keep, dry_run=dry_run)

        return settle("changed", request, actor, change, c, dry_run=dry_run)

    @door.route("/<c>/records", methods=("DELETE",))
    @documented(
        "bulk_delete_records", parameters=_PARAMETERS,
        responses=answers({200: json_of("Deleted", "How many were deleted")}, 400, 401, 403, 404, 409, 412, 422),
    )  # fmt: skip
    def delete_records(c: str) -> Response:
        """Delete all records that the filter chooses, or none"""
        request = this_request()
        query = read_parameters(request.environ, CHOOSING, partial(records.query_names, c))
        those, actor, dry_run = Chosen(*chosen(query)), caller_of(request, backend), is_dry_run(query)

        def delete(keep: Keep) -> Done:
            return records.delete_all(c, those, actor=actor, facts=facts_of(request, query), keep=keep, dry_run=dry_run)

        return settle("deleted", request, actor, delete, c, dry_run=dry_run)

    def settle(word: str, request: Request, actor: Actor, do: Callable[[Keep], Done], c: str, *, dry_run: bool) -> Response:
        def told(done: Done) -> Response:
            marks = [*([("Dry-Run", "true")] if dry_run else []), *deprecation_headers(done.deprecated, c)]
            return json_response(orjson.dumps({word: done.count}), 200, marks)

        # A dry run uses up no key.
        if dry_run:
            check_unused_key(request, actor)
            return told(do(unkept))
        return once(request, backend, actor, do, told)

    return door
