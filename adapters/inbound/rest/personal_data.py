"""A person's data over HTTP: everything about an account as one archive."""

import tempfile

from flask import Response
from flask_smorest import Blueprint

from adapters.inbound.web.archives import ZipArchive
from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.downloads import download
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.openapi import answers, documented, in_query
from adapters.inbound.web.parameters import read_parameters
from app.usecases.backend import Backend
from domain.schema.fields.relations import RECORD_ID

_ACCOUNT = in_query("account", "Whose data; for owners, who may name any account. Without it one's own.")
_ZIP = {"description": "The archive", "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("personal_data", __name__, url_prefix="/api/v1/auth", description="What is kept about an account")

    @door.route("/<c>/personal-data")
    @documented(
        "export_personal_data", for_all=True, parameters=[_ACCOUNT], responses=answers({200: _ZIP}, 400, 401, 403, 404, 429, 503, 507)
    )
    def export_personal_data(c: str) -> Response:
        """Download everything about an account as one archive"""
        request = this_request()
        account = read_parameters(request.environ, ("account",)).get("account")
        whose = account if account is None or RECORD_ID.fullmatch(account) else ""
        actor, facts = caller_of(request, backend), facts_of(request)
        file = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed when it was sent
        try:
            with ZipArchive(file) as archive:
                id = backend.personal_exports.write(c, whose, archive, actor=actor, facts=facts)
            return download(file, f"{c}-{id}.zip", "application/zip")
        except BaseException:
            file.close()
            raise

    return door
