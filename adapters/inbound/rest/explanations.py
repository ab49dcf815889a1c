"""Explanations over HTTP, for admins: how a list would run, and why a request is refused."""

from functools import partial
from typing import Any

import orjson
from flask import Response
from flask_smorest import Blueprint

from adapters.inbound.rest.records import IN_LIST
from adapters.inbound.web.bodies import read_object
from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.openapi import answers, documented, in_query, json_of, takes
from adapters.inbound.web.parameters import LISTING, list_query, read_parameters
from adapters.inbound.web.responses import json_response
from app.usecases.backend import Backend
from domain.records.questions import read_actor, read_question

PATH = "/api/v1/collections"
_AS = in_query("as", "For whom: `guest`, or an account as `users/ID`; without it, for you.")


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("explanations", __name__, url_prefix=PATH, description="Why, for admins")
    explanations = backend.explanations

    @door.route("/<c>/explain")
    @documented(
        "explain_list", parameters=[*IN_LIST, _AS],
        responses=answers({200: json_of("Explanation", "How the list would run")}, 400, 401, 403, 404),
    )  # fmt: skip
    def explain_list(c: str) -> Response:
        """See how a list would run: its conditions, its statement, the database's plan, and which index is missing"""
        request = this_request()
        query = read_parameters(request.environ, (*LISTING, "as"), partial(backend.records.query_names, c))
        who = read_actor(query.pop("as"), "as") if "as" in query else None
        actor = caller_of(request, backend)
        explained = explanations.explain(c, list_query(query), who=who, actor=actor, facts=facts_of(request, query))
        return _never_kept(explained.as_object())

    @door.route("/<c>/why", methods=("POST",))
    @documented(
        "why_refused", requestBody=takes("Question"),
        responses=answers({200: json_of("Answer", "What stands against the request, or that nothing does")}, 400, 401, 403, 404, 413, 415),
    )  # fmt: skip
    def why_refused(c: str) -> Response:
        """See which part of which rule refuses a request; nothing is changed"""
        request = this_request()
        read_parameters(request.environ, ())
        actor = caller_of(request, backend)
        return _never_kept(explanations.why(c, read_question(read_object(request)), actor=actor).as_object())

    return door


def _never_kept(told: dict[str, Any]) -> Response:
    """It repeats values of records and of the request."""
    return json_response(orjson.dumps(told, default=str), 200, [("Cache-Control", "no-store")])
