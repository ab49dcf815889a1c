"""Keeps what was applied of the schema's files: one row for each collection."""

from collections.abc import Iterable

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table

from adapters.outbound.sql.session import Session
from adapters.outbound.sql.statements import prepare
from domain.schema.sets import Applied

_COLUMNS = ("collection", "name", "digest", "at")
_APPLIED = sql_table("_schema_applied", *(sql_column(name) for name in _COLUMNS))


def note(session: Session, applied: Iterable[Applied]) -> None:
    """In the place of what was noted of the same collections."""
    for each in applied:
        forget(session, [each.collection])
        write = insert(_APPLIED).values({name: bindparam(f"new_{name}") for name in _COLUMNS})
        session.execute(prepare(write, session.dialect), {f"new_{name}": getattr(each, name) for name in _COLUMNS})


def forget(session: Session, collections: Iterable[str]) -> None:
    gone = prepare(delete(_APPLIED).where(_APPLIED.c.collection == bindparam("which")), session.dialect)
    for each in collections:
        session.execute(gone, {"which": each})


def every(session: Session) -> list[Applied]:
    rows = session.execute(prepare(select(*_APPLIED.c).order_by(_APPLIED.c.name), session.dialect), {})
    return [Applied(*row) for row in rows]
