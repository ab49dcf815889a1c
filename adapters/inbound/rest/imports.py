"""Imports over HTTP, for admins: the body is a file, read as it comes, and answered with a report.

Its rows are judged while they arrive and wait in a temporary file, so a slow client holds no transaction open and memory stays constant.
"""

import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from flask import Request, Response, current_app
from flask_smorest import Blueprint

from adapters.inbound.rows.formats import Dialect, rows_of
from adapters.inbound.rows.source import Source
from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.idempotency import Hashed, once
from adapters.inbound.web.openapi import IDEMPOTENCY_KEY, answers, documented, in_query, json_of
from adapters.inbound.web.parameters import read_parameters
from adapters.inbound.web.responses import json_response
from app.usecases.backend import Backend
from app.usecases.idempotency import Keep
from app.usecases.imports import BadRows, Judged, Kept, Refused
from domain.actor import Actor
from domain.errors import Fault, Invalid, Unavailable, UnsupportedMedia, invalid
from domain.records.imports import BadRow, Options, Row

PATH = "/api/v1/collections"
LIMITS = "STILLROOM_IMPORTS"
# How many imports a worker reads at a time: each holds a thread as long as its body lasts.
_AT_ONCE = 2

_FORMATS = {"text/csv": "csv", "application/x-ndjson": "jsonl", "application/jsonl": "jsonl", "application/json": "json"}
_LISTS = ("null", "ignore", "clear_missing")
_KNOWN = ("key", "id", "match", *_LISTS, "events", "skip_bad", "dry_run", "delimiter", "encoding")
_PARAMETERS = [
    in_query("key", "A unique field, or `id`: a row whose record is there changes it."),
    in_query("id", "The column that gives the ids of new records."),
    in_query("match", "`RELATION=FIELD`, separated by commas: unique fields by which the rows name records of relations."),
    in_query("null", "Cells that stand for nothing, separated by commas; CSV only."),
    in_query("ignore", "Columns to pass over, separated by commas."),
    in_query("clear_missing", "Relations that are left empty where their record is not there, separated by commas."),
    in_query("events", "Whether each record leaves an event, instead of one for all of them.", enum=["true", "false"], default="false"),
    in_query("skip_bad", "Whether the good rows are kept where others are bad.", enum=["true", "false"], default="false"),
    in_query("dry_run", "Whether rows are judged only, and nothing is written.", enum=["true", "false"], default="false"),
    in_query("delimiter", "Between the cells of CSV; found out without it."),
    in_query("encoding", "Of CSV and JSON Lines.", default="utf-8"),
]
_BODY = {"required": True, "content": {media: {"schema": {"type": "string"}} for media in ("text/csv", "application/x-ndjson")}}
_BODY["content"]["application/json"] = {"schema": {"type": "array", "items": {"type": "object"}}}  # type: ignore[index]


@dataclass(frozen=True, slots=True)
class Limits:
    """Of a body: bytes once unpacked, and seconds."""

    bytes: int
    seconds: int


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("imports", __name__, url_prefix=PATH, description="Records from files")
    places = threading.BoundedSemaphore(_AT_ONCE)

    @door.route("/<c>/import", methods=("POST",))
    @documented(
        "import_records", parameters=[*_PARAMETERS, IDEMPOTENCY_KEY], requestBody=_BODY,
        responses=answers({200: json_of("ImportReport", "What became of the rows")}, 400, 401, 403, 404, 409, 413, 415, 422, 503),
    )  # fmt: skip
    def import_records(c: str) -> Response:
        """Create or change records from CSV, JSON Lines or a JSON array; all rows, or none"""
        request = this_request()
        parameters = read_parameters(request.environ, _KNOWN)
        actor = caller_of(request, backend)
        backend.imports.check(c, actor=actor)  # before a byte of the body is read
        options, dialect = _options(parameters), _dialect(request, parameters)
        if not places.acquire(blocking=False):
            raise Unavailable("other imports are being read", code="busy", retry_after=10)
        try:
            request.max_content_length = current_app.config[LIMITS].bytes
            stream = Hashed(request.stream)
            return once(
                request, backend, actor,
                lambda keep: _imported(stream, actor, c, request, parameters, options, dialect, keep),
                lambda report: json_response(orjson.dumps(report)),
                seen=stream.digest,
            )  # fmt: skip
        finally:
            places.release()

    def _imported(
        stream: Hashed, actor: Actor, c: str, request: Request, parameters: dict[str, str], options: Options, dialect: Dialect, keep: Keep
    ) -> dict[str, Any]:
        imports, limits = backend.imports, current_app.config[LIMITS]
        source = Source(stream, packed=_is_packed(request), most=limits.bytes)
        rows = rows_of(source, dialect)
        with imports.begin(c, rows.header, options, actor=actor) as judged:
            imports.judge(judged, _in_time(rows, limits.seconds))
            dry_run, skip_bad = _flag(parameters, "dry_run"), _flag(parameters, "skip_bad")
            if dry_run:
                return _report(judged, Kept(rejected=judged.bad.count), dry_run=True)
            report: dict[str, Any] = {}

            def keep_report(stores: Any, kept: Any) -> Any:
                report.update(keep(stores, _report(judged, kept, dry_run=False)))
                return kept

            try:
                imports.keep(judged, skip_bad=skip_bad, facts=facts_of(request), keep=keep_report)
                return report
            except Refused as refused:
                raise _refusal(refused.bad) from refused

    return door


def _options(parameters: dict[str, str]) -> Options:
    lists = {name: frozenset(_listed(parameters, name)) for name in _LISTS}
    pairs = [each.partition("=") for each in _listed(parameters, "match")]
    for relation, equals, _ in pairs:
        if not equals:
            told = f"`match` is RELATION=FIELD, not `{relation[:40]}`"
            raise invalid("match", "invalid_parameter", told, hint="for example author=email")
    match = {relation: key for relation, _, key in pairs}
    return Options(
        parameters.get("id"), lists["ignore"], lists["null"], lists["clear_missing"], match, parameters.get("key"),
        _flag(parameters, "events"),
    )  # fmt: skip


def _listed(parameters: dict[str, str], name: str) -> list[str]:
    return [each.strip() for each in parameters.get(name, "").split(",") if each.strip()]


def _flag(parameters: dict[str, str], name: str) -> bool:
    value = parameters.get(name, "false")
    if value not in ("true", "false"):
        raise invalid(name, "invalid_parameter", f"`{name}` is true or false")
    return value == "true"


def _dialect(request: Request, parameters: dict[str, str]) -> Dialect:
    format = _FORMATS.get(request.mimetype)
    if format is None:
        raise UnsupportedMedia("the body is a file of rows", hint=f"send it with a Content-Type of {', '.join(_FORMATS)}")
    if "null" in parameters and format != "csv":
        raise invalid("null", "invalid_parameter", "`null` is for CSV; JSON has null itself")
    _flag(parameters, "dry_run"), _flag(parameters, "skip_bad")
    encoding = parameters.get("encoding") or request.mimetype_params.get("charset", "utf-8")
    return Dialect(format, {"tab": "\t"}.get(parameters.get("delimiter", ""), parameters.get("delimiter")), encoding)


def _is_packed(request: Request) -> bool:
    encoding = request.environ.get("HTTP_CONTENT_ENCODING", "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise UnsupportedMedia("the body is compressed in a way that is not read here", hint="send it as it is, or with gzip")
    return bool(encoding == "gzip")


def _in_time(rows: Iterable[Row | BadRow], seconds: int) -> Iterator[Row | BadRow]:
    end = time.monotonic() + seconds
    for number, row in enumerate(rows):
        if number % 100 == 0 and time.monotonic() > end:
            hint = "import it in parts, or on the command line"
            raise Unavailable(f"the rows did not arrive within {seconds} seconds", code="import_timeout", hint=hint)
        yield row


def _report(judged: Judged, kept: Kept, *, dry_run: bool) -> dict[str, Any]:
    first = sorted([*judged.bad.first, *judged.refused.first], key=lambda row: row.line)[:20]
    return {
        "rows": judged.rows, "created": kept.created, "changed": kept.changed, "unchanged": kept.unchanged, "rejected": kept.rejected,
        "cleared": judged.cleared, "rejects": [{"line": row.line, "errors": [_told(each) for each in row.faults]} for row in first],
        "dry_run": dry_run,
    }  # fmt: skip


def _told(fault: Fault) -> dict[str, str]:
    return {"pointer": fault.pointer, "code": fault.code, "detail": fault.detail}


def _refusal(bad: BadRows) -> Invalid:
    """`/12/price`: the field `price` of the row that begins in line 12."""
    faults = tuple(Fault(f"/{row.line}{fault.pointer}", fault.code, fault.detail) for row in bad.first for fault in row.faults)
    rows = "1 row is bad" if bad.count == 1 else f"{bad.count} rows are bad"
    hint = "mend them and send all again, or keep the good ones with skip_bad=true"
    return Invalid(f"{rows}; nothing was written", code="rows_refused", hint=hint, faults=faults)
