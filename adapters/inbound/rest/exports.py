"""Exports over HTTP: a collection's records as a file.

The file is made whole before its first byte is sent: what is refused has its status, its length is known (so a client sees when it was cut
off), and a slow client holds no transaction open.
"""

import tempfile
from functools import partial
from typing import IO

from flask import Response
from flask_smorest import Blueprint

from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.downloads import download
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.openapi import answers, documented, in_query
from adapters.inbound.web.parameters import EXPORTING, export_form, read_parameters
from adapters.inbound.web.tables import FileTable
from app.usecases.backend import Backend
from domain.records.exports import FORMATS, MEDIA_TYPES, ExportForm, ExportQuery

PATH = "/api/v1/collections"

_PARAMETERS = [
    in_query("format", "What the file holds.", enum=list(FORMATS), default="csv"),
    in_query("filter", "Which records: a condition such as `views > 10 && author.name ~ 'ann'`."),
    in_query("sort", "Names of fields, separated by commas; `-views` sorts from the greatest."),
    in_query("fields", "Names of fields, separated by commas; the file holds only these."),
    in_query("gzip", "Whether the file itself is compressed.", enum=["true", "false"], default="false"),
    in_query("bom", "Whether CSV begins with a byte order mark.", enum=["true", "false"], default="false"),
]
_FILE = {"description": "The file", "content": {media.partition(";")[0]: {"schema": {"type": "string"}} for media in MEDIA_TYPES.values()}}


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("exports", __name__, url_prefix=PATH, description="Records as files")

    @door.route("/<c>/export")
    @documented("export_records", parameters=_PARAMETERS, responses=answers({200: _FILE}, 400, 401, 403, 404))
    def export_records(c: str) -> Response:
        """Download the records that the list rule lets you see"""
        request = this_request()
        parameters = read_parameters(request.environ, EXPORTING, partial(backend.records.query_names, c))
        form = export_form(parameters)
        actor, facts = caller_of(request, backend), facts_of(request, parameters)
        query = ExportQuery(*(parameters.get(name, "") for name in ("filter", "sort", "fields")))
        packed = not form.gzip and request.accept_encodings.quality("gzip") > 0
        file = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed when it was sent
        try:
            sent = ExportForm(form.format, gzip=form.gzip or packed, bom=form.bom)
            backend.exports.write(c, query, FileTable(file, sent), actor=actor, facts=facts)
            return _download(file, form, c, packed=packed)
        except BaseException:
            file.close()
            raise

    return door


def _download(file: IO[bytes], form: ExportForm, name: str, *, packed: bool) -> Response:
    more = [("Vary", "Accept-Encoding"), *([("Content-Encoding", "gzip")] if packed else [])]
    return download(file, form.file_name(name), "application/gzip" if form.gzip else MEDIA_TYPES[form.format], more)
