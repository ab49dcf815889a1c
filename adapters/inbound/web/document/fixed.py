"""The schemas and headers of the document that are the same for every database."""

from typing import Any

from domain.records.batches import ALLOWED, MAX_OPERATIONS, NEEDED
from domain.schema.account_keys import MOST as MOST_KEYS
from domain.schema.fields.files import LARGEST


def ref(schema: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{schema}"}


def object_of(properties: dict[str, Any], required: tuple[str, ...], *, more: Any = False) -> dict[str, Any]:
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "properties": properties, **needed, "additionalProperties": more}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "type": ["object", "null"]}


_TEXT: dict[str, Any] = {"type": "string"}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_INSTANT = {"type": "string", "format": "date-time"}
_COUNT = {"type": "integer", "minimum": 1}
_RULE = {"type": ["string", "null"], "description": '`""` lets everyone, null lets admins only'}
_RULES = {"type": "object", "additionalProperties": _RULE}
_TAG = r'(W/)?"[!#-~]*"'
# `*`, or entity tags with commas between them (RFC 9110, 8.8.3).
ENTITY_TAGS = rf"^(\*|{_TAG}( *, *{_TAG})*)$"
# Every key that is in this form is taken, also from guests.
ONCE_PATTERN = r"^[!#-+\--:<-\[\]-~]{20,255}$"
ONCE = "New for each new request, such as a UUID. A request sent again with the same key is answered again, and has no second effect."
HEADERS = {
    "ETag": {"description": "The version of the record, for If-Match and If-None-Match.", "schema": _TEXT},
    "Location": {"description": "Where the new one is.", "schema": {"type": "string", "format": "uri-reference"}},
    "Link": {"description": 'The next page as `rel="next"` (RFC 8288), where there is one.', "schema": _TEXT},
}
_DEFINITION = {
    "name": {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,49}$"},
    "type": {"type": "string", "enum": ["base", "accounts", "view"], "default": "base"},
    "fields": {"type": "array", "maxItems": 200, "items": object_of({"name": _TEXT, "type": _TEXT}, ("name", "type"), more=True)},
    "indexes": {
        "type": "array",
        "items": object_of(
            {
                "fields": {"type": "array", "items": _TEXT, "minItems": 1},
                "unique": {"type": "boolean"}, "where": _TEXT,
            },
            ("fields",),
        ),
    },
    "rules": _RULES,
    "checks": {"type": "array", "items": object_of({"name": _TEXT, "rule": _TEXT, "message": _TEXT}, ("name", "rule"))},
    "trash": _or_null(object_of({"days": {"type": "integer", "minimum": 1, "maximum": 3650}}, ("days",))),
    "aliases": {
        "type": "array",
        "description": "names from before, of fields or (without `of`) of the collection, that are understood until a date",
        "items": object_of({"name": _TEXT, "of": _TEXT, "until": _TEXT}, ("name", "until")),
    },
    "expires": _or_null(object_of({"field": _TEXT}, ("field",))),
    "limits": _or_null(object_of(dict.fromkeys(("list", "view", "create", "update", "delete"), _TEXT), ())),
}
_COLUMN = {"name": _TEXT, "path": _TEXT, "measure": _TEXT, "hidden": {"type": "boolean"}}
# Of views alone.
_QUERY = {
    "query": object_of(
        {
            "source": _TEXT,
            "columns": {"type": "array", "minItems": 1, "maxItems": 100, "items": object_of(_COLUMN, ("name",))},
            "filter": _TEXT,
            "group_by": {"type": "array", "items": _TEXT},
        },
        ("source", "columns"),
    )
}
_ID_OR_REFERENCE = {
    "oneOf": [
        {"type": "string", "minLength": 1},
        object_of({"$ref": {"type": "string", "pattern": r"^[a-z][a-z0-9_]{0,49}\.id$"}}, ("$ref",)),
    ]
}
_OF_OPERATIONS = {
    "collection": {"type": "string", "minLength": 1},
    "values": {
        "type": "object",
        "description": 'values by field; `{"$ref": "d.id"}` stands for the id of what an operation before, known as `d`, made or changed',
        "additionalProperties": True,
    },
    "id": _ID_OR_REFERENCE,
    "by": {"description": "the name of a unique field, or the fields of a unique index", "oneOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1, "maxItems": 16, "uniqueItems": True},
    ]},
    "if_version": _COUNT,
    "if": {"type": "string", "minLength": 1, "description": "a condition that the record must fulfil, else 412"},
    "as": {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,49}$", "description": "by what name later operations refer to its record"},
}  # fmt: skip
_OPERATIONS = [
    object_of(
        {"method": {"const": method}, **{name: _OF_OPERATIONS[name] for name in ("collection", *allowed)}},
        ("method", "collection", *NEEDED[method]),
    )
    for method, allowed in ALLOWED.items()
]
# Told where there is one, and of accounts alone but for the first.
_MAIL = {
    "file_quota": _or_null(object_of({name: {"type": "integer", "minimum": 0, "maximum": LARGEST} for name in ("total", "account")}, ())),
    "api_keys": _or_null(object_of({"max": {"type": "integer", "minimum": 1, "maximum": MOST_KEYS}}, ("max",))),
    "identity": {
        "type": ["array", "null"], "minItems": 1, "maxItems": 2, "uniqueItems": True, "items": _TEXT,
        "description": "what accounts sign in by, `email`, a unique text field, or both",
    },
    "anonymous": _or_null(object_of({"days": {"type": "integer", "minimum": 1, "maximum": 3650}}, ("days",))),
    "mail": _or_null(
        object_of(
            {
                "app": _TEXT,
                "pages": {"type": "object", "additionalProperties": _TEXT},
                "templates": {"type": "object", "additionalProperties": {"type": "object"}},
            },
            (),
        )
    )
}
_STAMPS = {"id": _TEXT, "version": _COUNT, "created": _INSTANT, "updated": _INSTANT}
SCHEMAS: dict[str, dict[str, Any]] = {
    "Record": object_of({**_STAMPS, "expand": {"type": "object"}}, (), more=True),
    "RecordPage": object_of(
        {"items": {"type": "array", "items": ref("Record")}, "next": {"type": ["string", "null"]}, "total": {"type": "integer"}},
        ("items", "next"),
    ),
    "GroupPage": object_of(
        {
            "items": {"type": "array", "items": {"type": "object", "additionalProperties": True}},
            "next": {"type": ["integer", "null"], "description": "the number of the page that follows"},
        },
        ("items", "next"),
    ),
    "RecordValues": {
        "type": "object",
        "description": "Values by field. A change may also add to numbers: `n+` and `n-`.",
        "additionalProperties": True,
    },
    "Changed": object_of({"changed": {"type": "integer"}}, ("changed",)),
    "Deleted": object_of({"deleted": {"type": "integer"}}, ("deleted",)),
    "Batch": object_of(
        {"operations": {"type": "array", "minItems": 1, "maxItems": MAX_OPERATIONS, "items": {"oneOf": _OPERATIONS}}}, ("operations",)
    ),
    "BatchResults": object_of(
        {
            "results": {
                "type": "array",
                "description": "one for each operation, in their order",
                "items": object_of({"status": {"type": "integer", "enum": [200, 201, 204]}, "record": ref("Record")}, ("status",)),
            }
        },
        ("results",),
    ),
    "CollectionDefinition": object_of({**_DEFINITION, **_QUERY, **_MAIL}, ("name",)),
    "CollectionChange": object_of({**_DEFINITION, **_QUERY, **_MAIL, **_STAMPS, "drop": {"type": "array", "items": _TEXT}}, ()),
    "SchemaPlan": object_of(
        {
            "steps": {"type": "array", "items": {"type": "object"}},
            "would_lose": {"type": "object"},
            "possible": {"type": "boolean"},
            "breaking": {"type": "array", "description": "what would break clients, and what to do instead", "items": {"type": "object"}},
        },
        ("steps", "would_lose", "possible", "breaking"),
    ),
    "SchemaExport": object_of(
        {"collections": {"type": "object", "additionalProperties": ref("CollectionDefinition")}}, ("collections",)
    ),
    "SchemaChangePage": object_of(
        {"items": {"type": "array", "items": {"type": "object"}}, "next": {"type": ["string", "null"]}}, ("items", "next")
    ),
    "Collection": object_of({**_DEFINITION, **_QUERY, **_MAIL, **_STAMPS}, (*_STAMPS, *_DEFINITION)),
    "CollectionList": object_of({"items": {"type": "array", "items": ref("Collection")}}, ("items",)),
    "TrashPage": object_of(
        {"items": {"type": "array", "items": ref("TrashEntry")}, "next": {"type": ["string", "null"]}}, ("items", "next")
    ),
    "TrashEntry": object_of(
        {
            "id": _TEXT,
            "deletion": {"type": "string", "description": "the same for everything that one deletion took"},
            "deleted": _INSTANT,
            "deleted_by": object_of({"kind": _TEXT, "collection": _TEXT_OR_NULL, "id": _TEXT_OR_NULL}, ("kind", "collection", "id")),
            "went_with": {
                "type": "array",
                "description": "the records whose deletion took this one along",
                "items": object_of({"collection": _TEXT_OR_NULL, "id": _TEXT}, ("collection", "id")),
            },
            "kept_until": _INSTANT,
            "record": ref("Record"),
        },
        ("id", "deletion", "deleted", "deleted_by", "went_with", "kept_until", "record"),
    ),
    "Restoration": object_of(
        {
            "record": ref("Record"),
            "restored": {"type": "object", "description": "how many records, by collection", "additionalProperties": _COUNT},
            "relations": {"type": "integer", "description": "how many records point at them again"},
            "lost": {"type": "array", "description": "fields that are gone, and their values with them", "items": _TEXT},
        },
        ("record", "restored", "relations", "lost"),
    ),
    "Question": object_of(
        {
            "action": {"type": "string", "enum": ["list", "view", "create", "update", "delete"]},
            "as": {"type": "string", "description": "`guest`, or an account as `users/ID`; without it, you"},
            "id": {"type": "string", "description": "of the record; not of a create"},
            "values": {"type": "object", "description": "the body of a create or update"},
            "filter": {"type": "string", "description": "a client's, of a list"},
            "query": {"type": "object", "additionalProperties": _TEXT},
            "headers": {"type": "object", "additionalProperties": _TEXT},
            "method": _TEXT,
        },
        ("action",),
    ),
    "Answer": object_of(
        {
            "action": _TEXT,
            "as": {"type": "object"},
            "allowed": {"type": "boolean"},
            "reason": _TEXT,
            "detail": _TEXT,
            "judged": {"type": "array", "items": {"type": "object"}, "description": "every rule that was asked, part by part"},
        },
        ("action", "as", "allowed", "reason", "detail", "judged"),
    ),
    "Explanation": object_of(
        {
            "as": {"type": "object"},
            "conditions": {"type": "array", "items": {"type": "object"}},
            "chooses": {"type": "string", "enum": ["every record", "no record", "by these conditions"]},
            "statement": object_of({"sql": _TEXT, "parameters": {"type": "object"}}, ("sql", "parameters")),
            "plan": {"type": "array", "items": _TEXT, "description": "in the database's own words"},
            "indexes": {"type": "array", "items": {"type": "object"}},
            "scans": {"type": "array", "items": _TEXT, "description": "collections that are read from end to end"},
            "sorts": {"type": "boolean"},
            "suggestions": {"type": "array", "items": {"type": "object"}, "description": "indexes that would help"},
        },
        ("as", "conditions", "chooses", "statement", "plan", "indexes", "scans", "sorts", "suggestions"),
    ),
    "ImportReport": object_of({
        "rows": {"type": "integer", "minimum": 0, "description": "that were good"},
        **{name: {"type": "integer", "minimum": 0} for name in ("created", "changed", "unchanged", "rejected")},
        "cleared": {"type": "object", "additionalProperties": {"type": "integer"}, "description": "rows that lost a relation"},
        "rejects": {"type": "array", "description": "the first of them", "items": object_of(
            {"line": {"type": "integer"}, "errors": {"type": "array", "items": ref("Fault")}}, ("line", "errors"))},
        "dry_run": {"type": "boolean"},
    }, ("rows", "created", "changed", "unchanged", "rejected", "cleared", "rejects", "dry_run")),
    "Emptied": object_of({"removed": {"type": "integer", "minimum": 0}}, ("removed",)),
    "Status": object_of({"status": _TEXT, "schema_version": {"type": "integer"}, "files": _TEXT}, ("status",)),
    "Capabilities": {"type": "object", "additionalProperties": True},
}
