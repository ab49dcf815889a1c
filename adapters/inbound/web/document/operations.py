"""The paths of a collection's records: what may be asked there, and everything that may be answered."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from adapters.inbound.web.document import refusals
from adapters.inbound.web.document.fixed import ENTITY_TAGS, ONCE, ONCE_PATTERN, ref
from adapters.inbound.web.document.records import Names
from domain.idempotency import HEADER
from domain.records.aggregates import DEFAULT_GROUPS, MAX_GROUPS
from domain.records.bulk import MAX_BULK
from domain.records.exports import FORMATS, MEDIA_TYPES
from domain.records.outline import Outline
from domain.records.page import DEFAULT_LIMIT, MAX_LIMIT
from domain.schema.fields import FileField
from domain.schema.shapes import form_part

# The id of an operation, from its verb and its collection.
Ids = Callable[[str, str], str]
Operation = dict[str, Any]
# A body that a create would take, where one can be told.
Example = Mapping[str, Any] | None

MEDIA_TYPE = "application/json"
FORM = "multipart/form-data"
MAX_PAGE = 1_000_000
# Which rule lets somebody do what a verb says.
_RULES = {"list": "list", "aggregate": "list", "export": "list", "create": "create", "get": "view", "update": "update", "delete": "delete",
          "bulk_change": "update", "bulk_delete": "delete"}  # fmt: skip
_METHODS = {"list": "get", "aggregate": "get", "export": "get", "create": "post", "get": "get", "update": "patch", "delete": "delete",
            "bulk_change": "patch", "bulk_delete": "delete"}  # fmt: skip
_SUMMARIES = {
    "list": "List {}",
    "aggregate": "Count and measure {}",
    "export": "Download {} as a file",
    "create": "Create one of {}",
    "get": "Get one of {}",
    "update": "Change the fields of one of {} that the body names",
    "delete": "Delete one of {}",
    "bulk_change": "Change all of {} that the filter chooses",
    "bulk_delete": "Delete all of {} that the filter chooses",
}


def _parameter(place: str, name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"in": place, "name": name, "description": description, "schema": {"type": "string", **schema}}


# Those that are the same for every collection, by the name under which operations refer to them.
SHARED: dict[str, dict[str, Any]] = {
    "id": {**_parameter("path", "id", "Of the record.", pattern="^[A-Za-z0-9_-]{1,64}$"), "required": True},
    "filter": _parameter("query", "filter", "Which records: a condition such as `views > 10 && author.name ~ 'ann'`."),
    "if": _parameter("query", "if", "A condition such as `stock > 0`; done only if the record fulfils it, else 412.", pattern=r"\S"),
    "chosen": {**_parameter("query", "filter", "Which records: a condition, as in a list.", pattern=r"\S"), "required": True},
    "expect": {
        **_parameter("query", "expect", "How many they are, else 412.", type="integer", minimum=1, maximum=MAX_BULK), "required": True,
    },
    "dry_run": _parameter(
        "query", "dry_run", "All is checked and answered as it would be; nothing is kept.", enum=["true", "false"], default="false"
    ),
    "limit": _parameter("query", "limit", "How many at most.", type="integer", minimum=1, maximum=MAX_LIMIT, default=DEFAULT_LIMIT),
    "cursor": _parameter("query", "cursor", "Where to go on: `next` of the page before."),
    "page": _parameter("query", "page", "Which page, instead of a cursor.", type="integer", minimum=1, maximum=MAX_PAGE),
    "count": _parameter("query", "count", "Whether the answer tells the total.", enum=["none", "exact"], default="none"),
    "search": _parameter("query", "search", "Words that the record holds in its searchable fields.", maxLength=500),
    "groups": _parameter("query", "limit", "How many groups.", type="integer", minimum=1, maximum=MAX_GROUPS, default=DEFAULT_GROUPS),
    "group": _parameter("query", "group", "What to group by, separated by commas: `status,author.team`; dates also `due:month`."),
    "measures": _parameter("query", "measures", "What to tell of each group, separated by commas: `count,sum:views`.", default="count"),
    "order": _parameter("query", "sort", "Names out of `group` and `measures`, separated by commas; `-count` sorts from the greatest."),
    "format": _parameter("query", "format", "What the file holds.", enum=list(FORMATS), default=FORMATS[0]),
    "gzip": _parameter("query", "gzip", "Whether the file itself is compressed.", enum=["true", "false"], default="false"),
    "bom": _parameter("query", "bom", "Whether CSV begins with a byte order mark.", enum=["true", "false"], default="false"),
    "If-Match": _parameter("header", "If-Match", "Entity tags; done only if the record is at one of them, else 412.", pattern=ENTITY_TAGS),
    HEADER: _parameter("header", HEADER, ONCE, pattern=ONCE_PATTERN),
    "If-None-Match": _parameter("header", "If-None-Match", "Entity tags; 304 if the answer is still one of these.", pattern=ENTITY_TAGS),
}


# What writes may be told besides, by their verbs.
_WRITES = {
    "create": ("dry_run", HEADER),
    "update": ("If-Match", "if", "dry_run", HEADER),
    "delete": ("If-Match", "if", "dry_run", HEADER),
    "bulk_change": ("chosen", "expect", "dry_run", HEADER),
    "bulk_delete": ("chosen", "expect", "dry_run", HEADER),
}


def paths(outline: Outline, address: str, named: Names, ids: Ids, example: Example) -> dict[str, dict[str, Operation]]:
    """`address` is the collection's. An operation that no rule opens to the actor is not told."""
    places = {
        f"{address}/records": ("list", "create", "bulk_change", "bulk_delete"),
        f"{address}/records/aggregate": ("aggregate",),
        f"{address}/records/{{id}}": ("get", "update", "delete"),
        f"{address}/export": ("export",),
    }
    open_ = {place: [verb for verb in verbs if _RULES[verb] in outline.actions] for place, verbs in places.items()}
    return {
        place: {_METHODS[verb]: _operation(verb, outline, named, ids, example) for verb in verbs} for place, verbs in open_.items() if verbs
    }


def _operation(verb: str, outline: Outline, named: Names, ids: Ids, example: Example) -> Operation:
    collection = outline.collection
    parameters = list(_parameters(verb, outline))
    told: Operation = {
        "operationId": ids(verb, collection.name),
        "tags": [collection.name],
        "summary": _SUMMARIES[verb].format(collection.name),
        **({"parameters": parameters} if parameters else {}),
        "responses": _responses(verb, outline, named(collection.name)),
    }
    if verb in ("create", "update", "bulk_change"):
        schema = ref(f"{named(collection.name)}{'Create' if verb == 'create' else 'Update'}")
        shown = example if verb == "create" else _change(outline, example)
        told["requestBody"] = {"required": True, "content": {MEDIA_TYPE: {"schema": schema, **({"example": shown} if shown else {})}}}
        if verb != "bulk_change" and (parts := _parts(verb, outline)):
            told["requestBody"]["content"][FORM] = {"schema": parts}
    return told


def _parts(verb: str, outline: Outline) -> dict[str, Any] | None:
    """The form in which files are sent; None where there are none to send."""
    named = outline.creatable if verb == "create" else outline.changeable
    files = [each for each in named if isinstance(each, FileField)]
    more = {f"{each.name}+": form_part(each) for each in files if each.many and verb == "update"}
    if not files:
        return None
    told = "Files, and beside them values by field: texts as they are, all others as JSON. A part `@json` may hold an object of values."
    parts = {each.name: form_part(each) for each in files}
    return {"type": "object", "description": told, "properties": {**parts, **more}, "additionalProperties": True}


def _change(outline: Outline, example: Example) -> Example:
    """Of one field; not of one that needs a present password."""
    free = (each.name for each in outline.changeable if not (outline.collection.is_accounts and each.name == "email"))
    return next(({name: example[name]} for name in free if name in example), None) if example else None


def _parameters(verb: str, outline: Outline) -> Iterator[dict[str, Any]]:
    if verb in ("get", "update", "delete"):
        yield _shared("id")
    if verb in ("list", "export"):
        yield _shared("filter")
        yield _parameter("query", "sort", f"Names, separated by commas; `-` sorts from the greatest: {_sortable(outline)}.")
    if verb == "list":
        yield from map(_shared, ("limit", "cursor", "page", "count"))
    if verb in ("list", "get") and outline.related:
        listed = ", ".join(f"`{each.name}`" for each in outline.related)
        yield _parameter("query", "expand", f"Relations to follow, separated by commas, deeper with a dot: {listed}.")
    if verb in ("list", "get", "export"):
        yield _parameter("query", "fields", f"The answer holds only these, separated by commas: {_names(outline)}.")
    if verb == "export":
        yield from map(_shared, ("format", "gzip", "bom"))
    if verb == "list" and outline.searchable:
        yield _shared("search")
    if verb == "aggregate":
        yield from map(_shared, ("group", "measures", "filter", "order", "groups", "page"))
    yield from map(_shared, _WRITES.get(verb, ()))
    if verb == "get" and not outline.collection.is_view:
        yield _shared("If-None-Match")


def _names(outline: Outline) -> str:
    return ", ".join(f"`{each.name}`" for each in outline.shown)


def _sortable(outline: Outline) -> str:
    """Also through relations, which are too many to be listed."""
    return ", ".join(f"`{each.name}`" for each in outline.shown if each.name in outline.sortable)


def _shared(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/parameters/{name}"}


def _responses(verb: str, outline: Outline, name: str) -> dict[str, Any]:
    kind = refusal_kind(verb, accounts=outline.collection.is_accounts)
    known = refusals.of_records(verb, accounts=outline.collection.is_accounts)
    refused = {str(status): {"$ref": f"#/components/responses/{kind}_{status}"} for status in sorted(known)}
    return {**_answers(verb, outline, name), **refused, "default": {"$ref": "#/components/responses/DEFAULT_ERROR"}}


def refusal_kind(verb: str, *, accounts: bool) -> str:
    return f"{verb}_account" if accounts and verb in refusals.OF_ACCOUNTS else verb


def _answers(verb: str, outline: Outline, name: str) -> dict[str, Any]:
    tagged = () if outline.collection.is_view else ("ETag",)
    if verb == "list":
        return {"200": _answer("A page of records", f"{name}Page", "Link")}
    if verb == "aggregate":
        return {"200": _answer("A page of groups", "GroupPage")}
    if verb == "export":
        return {"200": _file(name)}
    if verb == "create":
        return {
            "201": _answer("The new record, as you may see it", name, *tagged, "Location"),
            "200": _answer("In a dry run: the record as it would be", name),
        }
    if verb == "update":
        return {"200": _answer("The record as it is now, as you may see it", name, *tagged)}
    if verb == "bulk_change":
        return {"200": _answer("How many were changed", "Changed")}
    if verb == "bulk_delete":
        return {"200": _answer("How many were deleted", "Deleted")}
    if verb == "delete":
        return {"204": {"description": "It is gone"}}
    unchanged = {} if outline.collection.is_view else {"304": {"description": "What you have is what there is"}}
    return {"200": _answer("The record", name, *tagged), **unchanged}


def _file(name: str) -> dict[str, Any]:
    """JSON is a list of records; whatever else is read line by line."""
    content: dict[str, Any] = {media.partition(";")[0]: {"schema": {"type": "string"}} for media in MEDIA_TYPES.values()}
    content[MEDIA_TYPE] = {"schema": {"type": "array", "items": ref(name)}}
    return {"description": "The file", "content": {**content, "application/gzip": {"schema": {"type": "string"}}}}


def _answer(description: str, schema: str, *headers: str) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": description, "content": {MEDIA_TYPE: {"schema": ref(schema)}}}
    return {**answer, **({"headers": {each: {"$ref": f"#/components/headers/{each}"} for each in headers}} if headers else {})}
