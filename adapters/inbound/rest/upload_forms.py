"""Forms for files that go straight to the store, over HTTP; see app.usecases.upload_forms."""

import orjson
from flask import Response
from flask_smorest import Blueprint

from adapters.inbound.rest.uploads import UPLOAD, told
from adapters.inbound.web.bodies import read_object
from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.fixed_bodies import (
    NEVER_KEPT,
    BodySchema,
    answer,
    answers_with,
    loaded,
    takes,
    text,
    whole_number,
)
from adapters.inbound.web.openapi import answers, documented
from adapters.inbound.web.parameters import read_parameters
from adapters.inbound.web.responses import json_response
from app.usecases.backend import Backend
from domain.schema.fields.times import write_instant


class FormSchema(BodySchema):
    collection = text()
    field = text(description="A file field of it")
    record = text(required=False, description="The id of the record, where it is there already")
    filename = text()
    size = whole_number(description="How many bytes the file has; no other number is taken")
    type = text(description="What it is, `image/png`; it is looked at when it came")


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("upload_forms", __name__, url_prefix="/api/v1", description="Files that go straight to the store")
    forms = backend.upload_forms

    @door.route("/upload-forms", methods=("POST",))
    @documented(
        "begin_upload_form", for_all=True, requestBody=takes(FormSchema()),
        responses=answers({201: answers_with("Send the file by this form", _FORM)}, 400, 401, 403, 404, 409, 413, 415),
    )  # fmt: skip
    def begin_upload_form() -> Response:
        """Get a form that sends one file straight to the store"""
        request = this_request()
        read_parameters(request.environ, ())
        actor = caller_of(request, backend)
        begun = forms.begin(loaded(FormSchema(), read_object(request)), actor=actor, facts=facts_of(request))
        shown = {
            "id": begun.pending.id, "url": begun.form.url, "fields": dict(begun.form.fields), "seconds": begun.seconds,
            "expires": write_instant(begun.pending.upload.expires),
        }  # fmt: skip
        return json_response(orjson.dumps(shown), 201, NEVER_KEPT)

    @door.route("/uploads/<id>/complete", methods=("POST",))
    @documented(
        "complete_upload", for_all=True, responses=answers({200: answers_with("It is whole", UPLOAD)}, 400, 401, 404, 409, 413, 503)
    )
    def complete_upload(id: str) -> Response:
        """Say that a file was sent by its form, so that a record may hold it"""
        request = this_request()
        read_parameters(request.environ, ())
        return answer(told(forms.complete(id, actor=caller_of(request, backend), facts=facts_of(request))))

    return door


_TEXT = {"type": "string"}
_FORM = {
    "id": {**_TEXT, "description": "Of the upload"},
    "url": {**_TEXT, "format": "uri", "description": "Where multipart/form-data with these fields, and behind them a part `file`, is sent"},
    "fields": {"type": "object", "additionalProperties": _TEXT},
    "seconds": {"type": "integer", "minimum": 1, "description": "How long the form is good"},
    "expires": {**_TEXT, "format": "date-time", "description": "When the upload is over, unless it is complete by then"},
}
