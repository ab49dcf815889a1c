"""A person's data over HTTP: everything about an account as one archive, and its erasure."""

import tempfile

from flask import Request, Response
from flask_smorest import Blueprint

from adapters.inbound.web.archives import ZipArchive
from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.cookies import clear_cookies, has_cookies
from adapters.inbound.web.downloads import download
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.fixed_bodies import answer, answers_with
from adapters.inbound.web.openapi import answers, documented, in_query
from adapters.inbound.web.parameters import read_parameters
from app.usecases.backend import Backend
from domain.schema.fields.relations import RECORD_ID

_ACCOUNT = in_query("account", "Whose data; for owners, who may name any account. Without it one's own.")
_COUNT = {"type": "integer", "minimum": 0}
_ERASED = {
    "tombstone": {"type": "string", "description": "What stands in the place of the account where it is noted that somebody did something"},
    "records": {"type": "object", "additionalProperties": _COUNT, "description": "How many records went, by collection"},
    "trash": {**_COUNT, "description": "Copies of records that had been deleted before"},
    "answers": {**_COUNT, "description": "Answers that were kept for requests sent again"},
    "letters": {**_COUNT, "description": "Letters that were still to go out"},
}
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
        whose, actor, facts = _account(request), caller_of(request, backend), facts_of(request)
        file = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed when it was sent
        try:
            with ZipArchive(file) as archive:
                id = backend.personal_exports.write(c, whose, archive, actor=actor, facts=facts)
            return download(file, f"{c}-{id}.zip", "application/zip")
        except BaseException:
            file.close()
            raise

    @door.route("/<c>/personal-data", methods=("DELETE",))
    @documented(
        "erase_personal_data", for_all=True, parameters=[_ACCOUNT],
        responses=answers({200: answers_with("What was erased", _ERASED)}, 400, 401, 403, 404, 409, 429, 503),
    )  # fmt: skip
    def erase_personal_data(c: str) -> Response:
        """Erase an account and everything that was kept of it"""
        request = this_request()
        whose, actor = _account(request), caller_of(request, backend)
        erased = answer(backend.erasure.erase(c, whose, actor=actor, facts=facts_of(request)).as_object())
        is_own = whose in (None, actor.id) and has_cookies(request)
        return clear_cookies(erased) if is_own else erased

    return door


def _account(request: Request) -> str | None:
    """What cannot be an id names nothing."""
    account = read_parameters(request.environ, ("account",)).get("account")
    return account if account is None or RECORD_ID.fullmatch(account) else ""
