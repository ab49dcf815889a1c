"""Batches over HTTP: several changes in one request and one transaction."""

from typing import Any

import orjson
from flask import Response
from flask_smorest import Blueprint

from adapters.inbound.web.bodies import read_object
from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.idempotency import once
from adapters.inbound.web.openapi import DRY_RUN, IDEMPOTENCY_KEY, answers, documented, json_of, takes
from adapters.inbound.web.parameters import is_dry_run, read_parameters
from adapters.inbound.web.responses import json_response
from app.usecases.backend import Backend
from app.usecases.batch import Result
from domain.records.batches import read_operations

PATH = "/api/v1/batch"
_STATUS = {"create": 201, "update": 200, "delete": 204}


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("batch", __name__, description="Several changes, one outcome")

    @door.route(PATH, methods=("POST",))
    @documented(
        "run_batch", for_all=True, parameters=[DRY_RUN, IDEMPOTENCY_KEY], requestBody=takes("Batch"),
        responses=answers({200: json_of("BatchResults", "What each operation did")}, 400, 401, 403, 404, 409, 412, 413, 415, 422),
    )  # fmt: skip
    def run_batch() -> Response:
        """Create, change and delete records of several collections: all of it, or nothing"""
        request = this_request()
        dry_run = is_dry_run(read_parameters(request.environ, ("dry_run",)))
        actor = caller_of(request, backend)
        return once(
            request, backend, actor,
            lambda keep: backend.records.batch(
                read_operations(read_object(request)), actor=actor, facts=facts_of(request), dry_run=dry_run, keep=keep
            ),
            lambda results: json_response(orjson.dumps({"results": [_told(each) for each in results]})),
        )  # fmt: skip

    return door


def _told(result: Result) -> dict[str, Any]:
    told: dict[str, Any] = {"status": _STATUS[result.method]}
    return told if result.shown is None else {**told, "record": result.shown.as_object()}
