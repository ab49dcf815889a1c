"""Which names collections, fields and checks may have."""

import re

from domain.errors import invalid

_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")
# What every record answers with, what the query language and the record envelope mean by themselves.
_MEANINGFUL = frozenset({"id", "created", "updated", "version", "expand", "search", "null", "true", "false", "in", "not"})
# Columns that PostgreSQL gives to every table by itself; refused on both engines, so that a schema can move.
_ENGINE_COLUMNS = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})
RESERVED_FIELDS = _MEANINGFUL | _ENGINE_COLUMNS
# SQLite would take a table of this name for the function, wherever that is called.
_ENGINE_TABLES = frozenset({"json_each", "json_tree"})
# `sqlite_` and `pg_` belong to the engines.
_RESERVED_PREFIXES = ("sqlite_", "pg_")
# Paths under `/api/v1/collections/` that are none of a collection.
ADDRESSES = frozenset({"changes", "plan", "undo"})


def check_collection_name(name: object, pointer: str = "/name") -> str:
    text = _well_formed(name, pointer)
    if text.startswith(_RESERVED_PREFIXES):
        raise invalid(pointer, "reserved_name", f"`{text}` begins with a prefix that the database keeps for itself")
    if text in ADDRESSES:
        raise invalid(pointer, "reserved_name", f"`{text}` is an address of its own beside those of collections")
    if text in _ENGINE_TABLES:
        raise invalid(pointer, "reserved_name", f"`{text}` is a name that the database keeps for itself")
    return text


def check_field_name(name: object, pointer: str) -> str:
    text = _well_formed(name, pointer)
    if text in RESERVED_FIELDS:
        raise invalid(
            pointer, "reserved_name", f"`{text}` is a reserved name", hint="choose another name for this field"
        )
    return text


def _well_formed(name: object, pointer: str) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise invalid(
            pointer, "invalid_name", "a name has 1 to 50 characters: a lower-case letter, then a-z, 0-9 and _"
        )
    if "_via_" in name:
        raise invalid(pointer, "reserved_name", "`_via_` names back relations and may not be part of a name")
    return name
