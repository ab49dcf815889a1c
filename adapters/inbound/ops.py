"""Endpoints for those who operate the backend or adapt to it: liveness, readiness, capabilities."""

from dataclasses import asdict

import orjson
from flask import Response, request
from flask_smorest import Blueprint

from adapters.inbound.web.bodies import MAX_DEPTH
from adapters.inbound.web.openapi import answers, documented, json_of
from adapters.inbound.web.parameters import read_parameters
from adapters.inbound.web.responses import json_response
from app.usecases.backend import Backend

_ALIVE = orjson.dumps({"status": "alive"})


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("operations", __name__, description="For those who operate it")

    @door.route("/livez")
    @documented("livez", for_all=True, responses=answers({200: json_of("Status", "The process answers")}))
    def livez() -> Response:
        """Tell whether the process answers; asks nothing else"""
        return json_response(_ALIVE)

    @door.route("/readyz")
    @documented("readyz", for_all=True, responses=answers({200: json_of("Status", "Requests can be served")}, 503))
    def readyz() -> Response:
        """Tell whether requests can be served; asks the database, and the store of files"""
        return json_response(orjson.dumps({"status": "ready", **asdict(backend.operations.ready())}))

    @door.route("/api/v1/capabilities")
    @documented("capabilities", for_all=True, responses=answers({200: json_of("Capabilities", "What this backend can do")}))
    def capabilities() -> Response:
        """Tell what this backend can do, and its limits"""
        read_parameters(request.environ, ())
        able = asdict(backend.operations.capabilities())
        lists = {"list": able.pop("max_limit"), "list_default": able.pop("default_limit")}
        limits = {"body_bytes": request.max_content_length, "json_depth": MAX_DEPTH, **lists}
        return json_response(orjson.dumps({"api": "v1", **able, "limits": limits}))

    return door
