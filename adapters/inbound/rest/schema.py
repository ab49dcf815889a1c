"""The schema as a whole over HTTP, for admins: every definition in one document, as the files of `stillroom schema export` have them."""

import orjson
from flask import Response, request
from flask_smorest import Blueprint

from adapters.inbound.web.callers import caller_of
from adapters.inbound.web.openapi import answers, documented, json_of
from adapters.inbound.web.parameters import read_parameters
from adapters.inbound.web.responses import json_response
from app.usecases.backend import Backend


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("schema", __name__, url_prefix="/api/v1/schema", description="Every collection's definition, for git")

    @door.route("")
    @documented("export_schema", responses=answers({200: json_of("SchemaExport", "Every definition, by name")}, 400, 401, 403))
    def export_schema() -> Response:
        """Export the definitions of all collections"""
        read_parameters(request.environ, ())
        files = backend.schema.export(actor=caller_of(request, backend)).files
        return json_response(orjson.dumps({"collections": {name: orjson.loads(text) for name, text in files.items()}}))

    return door
