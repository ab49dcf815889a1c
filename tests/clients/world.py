"""A served backend for the clients of others: accounts, relations of both kinds, a view, and a collection with a field of every type."""

from typing import Any

from tests.e2e.server import Server

OPEN = dict.fromkeys(("list", "view", "create", "update", "delete"), "")
OWN = "author = @request.auth.id"
WRITER = {"name": "Bea", "email": "bea@example.org", "password": "Bea counts the planes"}
DEFINITIONS: tuple[dict[str, Any], ...] = (
    {
        "name": "writers", "type": "accounts",
        "fields": [{"name": "name", "type": "text", "required": True, "max": 80}],
        "rules": {"list": "", "view": "", "create": "", "update": "id = @request.auth.id", "delete": "id = @request.auth.id"},
    },
    {"name": "labels", "fields": [{"name": "name", "type": "text", "required": True, "unique": True, "max": 40}], "rules": OPEN},
    {
        "name": "posts",
        "fields": [
            {"name": "title", "type": "text", "required": True, "max": 200, "searchable": True},
            {"name": "views", "type": "integer", "default": 0, "min": 0},
            {"name": "price", "type": "decimal", "scale": 2},
            {"name": "status", "type": "select", "values": ["draft", "live"], "default": "draft"},
            {"name": "author", "type": "relation", "collection": "writers", "on_delete": "cascade", "default": "@request.auth.id"},
            {"name": "labels", "type": "relation", "collection": "labels", "many": True, "on_delete": "clear"},
            {"name": "notes", "type": "text", "rules": {"view": OWN}},
        ],
        "rules": {
            "list": f"status = 'live' || {OWN}", "view": f"status = 'live' || {OWN}",
            "create": "@request.auth.id != ''", "update": OWN, "delete": OWN,
        },
    },
    {
        "name": "comments",
        "fields": [
            {"name": "post", "type": "relation", "collection": "posts", "required": True, "on_delete": "cascade"},
            {"name": "text", "type": "text", "required": True, "max": 500},
        ],
        "rules": {"list": "", "view": "", "create": "@request.auth.id != ''"},
        "trash": {"days": 7},
    },
    {
        "name": "specimens",
        "fields": [
            {"name": "t", "type": "text", "min": 2, "max": 50},
            {"name": "code", "type": "text", "pattern": "[A-Z]{3}-[0-9]{2}"},
            {"name": "page", "type": "richtext"},
            {"name": "mail", "type": "email"},
            {"name": "link", "type": "url"},
            {"name": "i", "type": "integer", "min": -10, "max": 1000},
            {"name": "n", "type": "number"},
            {"name": "dec", "type": "decimal", "scale": 3, "min": "-5.5", "max": "99.999"},
            {"name": "b", "type": "bool", "default": False},
            {"name": "at", "type": "date", "default": "@now"},
            {"name": "day", "type": "day", "min": "2020-01-01"},
            {"name": "stamp", "type": "autodate", "on_update": True},
            {"name": "s", "type": "select", "values": ["one", "two"], "required": True},
            {"name": "ss", "type": "select", "values": ["red", "green", "blue"], "many": True, "max": 2},
            {"name": "r", "type": "relation", "collection": "labels", "on_delete": "clear"},
            {"name": "rs", "type": "relation", "collection": "labels", "many": True, "max": 5, "on_delete": "clear"},
            {"name": "place", "type": "geo"},
            {"name": "j", "type": "json"},
            {
                "name": "shape", "type": "json",
                "schema": {"type": "object", "properties": {"w": {"type": "integer"}}, "required": ["w"], "additionalProperties": False},
            },
        ],
        "rules": OPEN,
    },
    {
        "name": "by_status", "type": "view",
        "query": {
            "source": "posts",
            "columns": [{"name": "status", "path": "status"}, {"name": "n", "measure": "count"}],
            "group_by": ["status"],
        },
        "rules": {"list": "", "view": ""},
    },
    {"name": "ledger", "fields": [{"name": "line", "type": "text"}]},
)  # fmt: skip


def furnished(server: Server) -> str:
    """The admin's token, once every collection is there."""
    token = server.admin_token()
    for definition in DEFINITIONS:
        made = server.request("POST", "/api/v1/collections", definition, token)
        assert made.status == 201, made
    return token
