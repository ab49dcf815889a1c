"""Records over HTTP. These are the hot paths: answers are JSON bytes made once, and decorators only document.

What a body may hold is the business of domain.records; conditions, limits and forms of a request are read in adapters.inbound.web.
"""

from functools import partial
from typing import Any
from urllib.parse import urlencode

import orjson
from flask import Request, Response
from flask_smorest import Blueprint

from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.conditional import format_etag, none_match, parse_if_match
from adapters.inbound.web.deprecation import deprecation_headers
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.idempotency import check_unused_key, once
from adapters.inbound.web.openapi import (
    DRY_RUN,
    GONE,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    IF_NONE_MATCH,
    UNCHANGED,
    answers,
    documented,
    in_query,
    json_of,
    takes,
)
from adapters.inbound.web.parameters import (
    AGGREGATING,
    CREATING,
    LISTING,
    SHOWING,
    WRITING,
    aggregate_query,
    is_dry_run,
    list_query,
    only_if,
    read_parameters,
)
from adapters.inbound.web.responses import empty_response, json_response
from adapters.inbound.web.sent_records import sent
from app.usecases.backend import Backend
from domain.errors import NotFound
from domain.records.aggregates import DEFAULT_GROUPS, MAX_GROUPS
from domain.records.page import MAX_LIMIT, Page, Shown
from domain.schema.fields.relations import RECORD_ID

PATH = "/api/v1/collections"
# Kept by the asker's own browser and asked about each time; by nobody else's cache. Where the answer depends on who asks, Vary says it.
REVALIDATED = "private, no-cache"
# Proxies refuse long headers; the body has the cursor anyway.
LONGEST_LINK = 2000

_FIELDS = in_query("fields", "Names of fields, separated by commas; the answer holds only these.")
_EXPAND = in_query("expand", "Relations to follow, separated by commas; `author.team` follows two.")
_IF = in_query("if", "A condition such as `stock > 0`, as in a filter; done only if the record fulfils it, else 412.", pattern=r"\S")
# Nobody is to take the answer of a dry run for the real one.
_DRY = ("Dry-Run", "true")
_TRIED = json_of("Record", "In a dry run: the record as it would be")
IN_LIST = [
    in_query("filter", "Which records: a condition such as `views > 10 && author.name ~ 'ann'`."),
    in_query("sort", "Names of fields, separated by commas; `-views` sorts from the greatest."),
    in_query("limit", "How many at most.", type="integer", minimum=1, maximum=MAX_LIMIT, default=30),
    in_query("cursor", "Where to go on: `next` of the page before."),
    in_query("page", "Which page, instead of a cursor.", type="integer", minimum=1),
    in_query("count", "Whether the answer tells the total.", enum=["none", "exact"], default="none"),
    _EXPAND,
    _FIELDS,
    in_query("search", "Words that the record holds in its searchable fields; the best come first if `sort` says nothing else."),
]
_IN_AGGREGATE = [
    in_query("group", "What to group by, separated by commas: names of fields, and dates by `:day`, `:month` or `:year`."),
    in_query("measures", "`count`, `sum:views`, `avg:score`, `min:created`, `max:price`, separated by commas.", default="count"),
    in_query("filter", "Of which records, as in a list."),
    in_query("sort", "Names that were asked for, separated by commas; `-count` sorts from the greatest."),
    in_query("limit", "How many groups at most.", type="integer", minimum=1, maximum=MAX_GROUPS, default=DEFAULT_GROUPS),
    in_query("page", "Which page of groups: `next` of the page before.", type="integer", minimum=1),
]


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("records", __name__, url_prefix=PATH, description="The data itself")
    records = backend.records

    def parameters(request: Request, c: str, known: tuple[str, ...]) -> dict[str, str]:
        return read_parameters(request.environ, known, partial(records.query_names, c))

    @door.route("/<c>/records")
    @documented(
        "list_records", parameters=IN_LIST,
        responses=answers({200: json_of("RecordPage", "A page of records", headers=("Link",))}, 400, 401, 403, 404),
    )  # fmt: skip
    def list_records(c: str) -> Response:
        """List the records that the list rule lets you see"""
        request = this_request()
        query = parameters(request, c, LISTING)
        page = records.list(c, list_query(query), actor=caller_of(request, backend), facts=facts_of(request, query))
        return json_response(orjson.dumps(page.as_object()), 200, [*_link(c, query, page), *deprecation_headers(page.deprecated, c)])

    @door.route("/<c>/records/aggregate")
    @documented(
        "aggregate_records", parameters=_IN_AGGREGATE,
        responses=answers({200: json_of("GroupPage", "A page of groups")}, 400, 401, 403, 404),
    )  # fmt: skip
    def aggregate_records(c: str) -> Response:
        """Count and measure the records that the list rule lets you see"""
        request = this_request()
        query = parameters(request, c, AGGREGATING)
        groups = records.aggregate(c, aggregate_query(query), actor=caller_of(request, backend), facts=facts_of(request, query))
        return json_response(orjson.dumps(groups.as_object()))

    @door.route("/<c>/records", methods=("POST",))
    @documented(
        "create_record", parameters=[DRY_RUN, IDEMPOTENCY_KEY], requestBody=takes("RecordValues"),
        responses=answers(
            {201: json_of("Record", "The new record", headers=("ETag", "Location")), 200: _TRIED}, 400, 401, 403, 404, 409, 413, 415, 422
        ),
    )  # fmt: skip
    def create_record(c: str) -> Response:
        """Create a record under the create rule"""
        request = this_request()
        query = parameters(request, c, CREATING)
        dry_run, actor, facts = is_dry_run(query), caller_of(request, backend), facts_of(request, query)
        given = sent(request, backend, c, None, actor, facts)
        if dry_run:
            check_unused_key(request, actor)
            return _tried(given.written(
                lambda got: records.create(c, got.body, actor=actor, facts=facts, new_id=got.id, dry_run=True), dry_run=True
            ))  # fmt: skip
        return once(
            request, backend, actor,
            lambda keep: given.written(lambda got: records.create(c, got.body, actor=actor, facts=facts, new_id=got.id, keep=keep)),
            lambda shown: json_response(_record(shown), 201, [("Location", f"{PATH}/{c}/records/{shown.id}"), *_marks(shown, c)]),
            seen=given.seen,
        )  # fmt: skip

    @door.route("/<c>/records/<id:id>")
    @documented(
        "get_record", parameters=[_EXPAND, _FIELDS, IF_NONE_MATCH],
        responses=answers({200: json_of("Record", "The record", headers=("ETag",)), 304: UNCHANGED}, 400, 401, 403, 404),
    )  # fmt: skip
    def get_record(c: str, id: str) -> Response:
        """Get one record that the view rule lets you see"""
        request = this_request()
        query = parameters(request, c, SHOWING)
        shown = records.get(
            c, _checked(id), actor=caller_of(request, backend), facts=facts_of(request, query),
            fields=query.get("fields", ""), expand=query.get("expand", ""),
        )  # fmt: skip
        etag = _etag(shown)
        headers = [("Cache-Control", REVALIDATED), ("Vary", "Authorization, Cookie"), *_marks(shown, c)]
        if etag and none_match(request.environ.get("HTTP_IF_NONE_MATCH"), etag):
            return empty_response(304, headers)
        return json_response(_record(shown), 200, headers)

    @door.route("/<c>/records/<id:id>", methods=("PATCH",))
    @documented(
        "update_record", parameters=[IF_MATCH, _IF, DRY_RUN, IDEMPOTENCY_KEY], requestBody=takes("RecordValues"),
        responses=answers(
            {200: json_of("Record", "The record as it is now", headers=("ETag",))}, 400, 401, 403, 404, 409, 412, 413, 415, 422
        ),
    )  # fmt: skip
    def update_record(c: str, id: str) -> Response:
        """Change the fields that the body names, under the update rule"""
        request = this_request()
        query = parameters(request, c, WRITING)
        if_match, condition = parse_if_match(request.environ.get("HTTP_IF_MATCH")), only_if(query)
        dry_run, actor, facts = is_dry_run(query), caller_of(request, backend), facts_of(request, query)
        given = sent(request, backend, c, _checked(id), actor, facts)
        if dry_run:
            check_unused_key(request, actor)
            return _tried(given.written(
                lambda got: records.update(c, id, got.body, actor=actor, facts=facts, if_match=if_match, only_if=condition, dry_run=True),
                dry_run=True,
            ))  # fmt: skip
        return once(
            request, backend, actor,
            lambda keep: given.written(
                lambda got: records.update(c, id, got.body, actor=actor, facts=facts, if_match=if_match, only_if=condition, keep=keep)
            ),
            lambda shown: json_response(_record(shown), 200, _marks(shown, c)),
            seen=given.seen,
        )  # fmt: skip

    @door.route("/<c>/records/<id:id>", methods=("DELETE",))
    @documented(
        "delete_record", parameters=[IF_MATCH, _IF, DRY_RUN, IDEMPOTENCY_KEY],
        responses=answers({204: GONE}, 400, 401, 403, 404, 409, 412, 422)
    )
    def delete_record(c: str, id: str) -> Response:
        """Delete a record under the delete rule, with what its relations say"""
        request = this_request()
        query = parameters(request, c, WRITING)
        if_match, condition = parse_if_match(request.environ.get("HTTP_IF_MATCH")), only_if(query)
        dry_run, actor = is_dry_run(query), caller_of(request, backend)
        if dry_run:
            check_unused_key(request, actor)
            told = records.delete(
                c, _checked(id), actor=actor, facts=facts_of(request, query), if_match=if_match, only_if=condition, dry_run=True
            )
            return empty_response(204, [_DRY, *deprecation_headers(told, c)])
        return once(
            request, backend, actor,
            lambda keep: records.delete(
                c, _checked(id), actor=actor, facts=facts_of(request, query), if_match=if_match, only_if=condition, keep=keep
            ),
            lambda told: empty_response(204, deprecation_headers(told, c)),
        )  # fmt: skip

    return door


def _tried(shown: Shown) -> Response:
    """What a dry run came to: no place and no tag, since there is no such record."""
    return json_response(_record(shown), 200, [_DRY])


def _record(shown: Shown) -> bytes:
    return orjson.dumps(shown.as_object())


def _etag(shown: Shown) -> str | None:
    return format_etag(shown.version, shown.created, shown.etag_extra)


def _marks(shown: Shown, c: str) -> list[tuple[str, str]]:
    """What an answer with one record tells besides it."""
    etag = _etag(shown)
    return [*([("ETag", etag)] if etag else []), *deprecation_headers(shown.deprecated, c)]


def _checked(id: str) -> str:
    """What cannot be an id names nothing; it goes no further."""
    if not RECORD_ID.fullmatch(id):
        raise NotFound("there is no such record, or you may not see it")
    return id


def _link(c: str, query: dict[str, str], page: Page) -> list[tuple[str, str]]:
    """The same list from the next cursor on (RFC 8288)."""
    if page.next is None:
        return []
    following: dict[str, Any] = {name: value for name, value in query.items() if name not in ("cursor", "page")}
    link = f'<{PATH}/{c}/records?{urlencode({**following, "cursor": page.next})}>; rel="next"'
    return [("Link", link)] if len(link) <= LONGEST_LINK else []
