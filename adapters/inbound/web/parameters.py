"""Query parameters, read strictly: each one known, once, and readable in one way only."""

import re
from collections.abc import Callable, Collection, Iterator
from typing import Any
from urllib.parse import unquote_to_bytes

from domain.errors import Invalid, did_you_mean, invalid
from domain.records.aggregates import DEFAULT_GROUPS, MAX_GROUPS, AggregateQuery
from domain.records.bulk import MAX_BULK
from domain.records.exports import FORMATS, ExportForm
from domain.records.page import DEFAULT_LIMIT, MAX_LIMIT, ListQuery

MAX_QUERY = 65_536
MAX_PARAMETERS = 50
MAX_PAGE = 1_000_000

LISTING = ("filter", "sort", "limit", "cursor", "page", "count", "expand", "fields", "search")
SHOWING = ("expand", "fields")
CREATING = ("dry_run",)
WRITING = ("if", "dry_run")
CHOOSING = ("filter", "expect", "dry_run")
EXPORTING = ("format", "filter", "sort", "fields", "gzip", "bom")
HISTORY = ("limit", "cursor")
AGGREGATING = ("group", "measures", "filter", "sort", "limit", "page")

_WHOLE_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


Also = Callable[[], Collection[str]]


def read_parameters(environ: dict[str, Any], known: tuple[str, ...], also: Also = tuple) -> dict[str, str]:
    """`also` tells what may be there besides `known`; it is asked only where something else is."""
    query = environ.get("QUERY_STRING", "")
    if not query:
        return {}
    if len(query) > MAX_QUERY or query.count("&") >= MAX_PARAMETERS:
        raise Invalid(f"the query has more than {MAX_PARAMETERS} parameters or {MAX_QUERY} bytes", code="query_too_long")
    parameters: dict[str, str] = {}
    for name, value in _pairs(query):
        if name not in known and name not in also():
            raise _unknown(name, known, split="&&" in query or "& " in query)
        if name in parameters:
            raise invalid(name, "repeated_parameter", f"the query parameter `{name}` is there twice")
        parameters[name] = value
    return parameters


def list_query(parameters: dict[str, str]) -> ListQuery:
    if not parameters:
        return _PLAIN_LIST
    if "cursor" in parameters and "page" in parameters:
        raise invalid("page", "contradiction", "a list goes on by `cursor` or by `page`, not by both")
    return ListQuery(
        filter=parameters.get("filter", ""),
        sort=parameters.get("sort", ""),
        limit=limit_of(parameters),
        cursor=parameters.get("cursor"),
        page=_number(parameters, "page", MAX_PAGE),
        count=_count(parameters),
        expand=parameters.get("expand", ""),
        fields=parameters.get("fields", ""),
        search=parameters.get("search", ""),
    )


_PLAIN_LIST = ListQuery()


def aggregate_query(parameters: dict[str, str]) -> AggregateQuery:
    texts = {name: parameters[name] for name in ("group", "measures", "filter", "sort") if parameters.get(name)}
    limit = _number(parameters, "limit", MAX_GROUPS) or DEFAULT_GROUPS
    return AggregateQuery(**texts, limit=limit, page=_number(parameters, "page", MAX_PAGE) or 1)


def export_form(parameters: dict[str, str]) -> ExportForm:
    format = parameters.get("format", FORMATS[0])
    if format not in FORMATS:
        hint = did_you_mean(format[:80], list(FORMATS))
        raise invalid("format", "invalid_parameter", "`format` is csv, jsonl or json", hint=hint)
    form = ExportForm(format, gzip=_yes(parameters, "gzip"), bom=_yes(parameters, "bom"))
    if form.bom and format != "csv":
        raise invalid("bom", "contradiction", "`bom` is for CSV; JSON has no byte order mark")
    return form


def history_query(parameters: dict[str, str]) -> tuple[int, int | None]:
    """How many changes of collections at most, and before which one."""
    return _number(parameters, "limit", 200) or 30, _number(parameters, "cursor", 999_999_999)


def only_if(parameters: dict[str, str]) -> str:
    """The condition on a write. An empty one was meant to say something: a write without it would be another one."""
    text = parameters.get("if", "")
    if not text.strip() and "if" in parameters:
        raise invalid("if", "invalid_parameter", "`if` is empty", hint="write a condition, such as `stock > 0`, or leave it out")
    return text


def chosen(parameters: dict[str, str]) -> tuple[str, int]:
    """Which records are meant, and how many. Both have to be said: without them a slip would reach all records."""
    for name in ("filter", "expect"):
        if not parameters.get(name, "").strip():
            hint = "say which records, and how many they are: `filter=status = 'old'` and `expect=12`"
            raise invalid(name, "missing_parameter", f"the query parameter `{name}` is missing", hint=hint)
    return parameters["filter"], _number(parameters, "expect", MAX_BULK) or 1


def _pairs(query: str) -> Iterator[tuple[str, str]]:
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            yield _text(name, ""), _text(value, name)


def _text(quoted: str, name: str) -> str:
    """The server hands the query over as latin-1, byte for byte (PEP 3333)."""
    try:
        text = unquote_to_bytes(quoted.replace("+", " ").encode("latin-1")).decode("utf-8")
    except UnicodeError:
        raise invalid(name[:80], "invalid_utf8", "the query is not UTF-8") from None
    if "\0" in text:
        raise invalid(name[:80], "invalid_text", "the query holds NUL")
    return text


# What PocketBase calls a parameter that is here under another name.
_ELSEWHERE = {"perPage": "limit", "skipTotal": "count"}


def _unknown(name: str, known: tuple[str, ...], *, split: bool) -> Invalid:
    hint = did_you_mean(_ELSEWHERE.get(name, name[:80]), list(known))
    if split and not hint:
        hint = "inside a filter, && must be sent as %26%26"
    listed = f"known are {', '.join(known)}" if known else "this takes none"
    return invalid(name[:80], "unknown_parameter", f"there is no query parameter `{name[:80]}`", hint=hint or listed)


def limit_of(parameters: dict[str, str]) -> int:
    return _number(parameters, "limit", MAX_LIMIT) or DEFAULT_LIMIT


def _number(parameters: dict[str, str], name: str, most: int) -> int | None:
    text = parameters.get(name)
    if text is None:
        return None
    if not _WHOLE_NUMBER.fullmatch(text) or int(text) > most:
        raise invalid(name, "invalid_parameter", f"`{name}` is a whole number from 1 to {most}")
    return int(text)


def is_dry_run(parameters: dict[str, str]) -> bool:
    return _yes(parameters, "dry_run")


def _yes(parameters: dict[str, str], name: str) -> bool:
    text = parameters.get(name, "false")
    if text not in ("true", "false"):
        raise invalid(name, "invalid_parameter", f"`{name}` is true or false")
    return text == "true"


def _count(parameters: dict[str, str]) -> bool:
    count = parameters.get("count", "none")
    if count not in ("none", "exact"):
        raise invalid("count", "invalid_parameter", "`count` is none or exact")
    return count == "exact"
