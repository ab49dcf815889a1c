"""Keeps what was changed in collections, by the schema version that each change led to."""

import json
from typing import Any

from sqlalchemy import bindparam, insert, select
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table

from adapters.outbound.sql.session import Session
from adapters.outbound.sql.statements import prepare
from domain.actor import SYSTEM, Actor, account
from domain.schema.history import Change

_COLUMNS = ("version", "at", "by", "action", "before", "after", "renamed", "loss")
_CHANGES = sql_table("_schema_changes", *(sql_column(name) for name in _COLUMNS))


def keep(session: Session, change: Change) -> None:
    write = insert(_CHANGES).values({name: bindparam(f"new_{name}") for name in _COLUMNS})
    values = {f"new_{name}": _written(getattr(change, name)) for name in _COLUMNS}
    session.execute(prepare(write, session.dialect), values)


def newest(session: Session, limit: int, before: int | None) -> list[Change]:
    """At most `limit` changes, newest first; with `before` those that led to earlier versions."""
    wanted = select(*_CHANGES.c).order_by(_CHANGES.c.version.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(_CHANGES.c.version < bindparam("before_version"))
    rows = session.execute(prepare(wanted, session.dialect), {"before_version": before})
    return [_read(dict(zip(_COLUMNS, row, strict=True))) for row in rows]


def _written(value: Any) -> Any:
    if isinstance(value, Actor):
        return f"{value.collection}/{value.id}" if value.id else ""
    return json.dumps(dict(value), ensure_ascii=False) if hasattr(value, "keys") else value


def _read(row: dict[str, Any]) -> Change:
    documents = {name: None if row[name] is None else json.loads(row[name]) for name in ("before", "after", "renamed")}
    return Change(**{**row, **documents, "by": _actor(row["by"])})


def _actor(by: str) -> Actor:
    """Admins have an account, the system has none."""
    collection, _, id = by.partition("/")
    return account(id, collection) if id else SYSTEM
