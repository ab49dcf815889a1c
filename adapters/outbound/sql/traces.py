"""Who did something, as it stands in system tables, and how a person is taken out of there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Executable, Text, bindparam, func, update
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table

from adapters.outbound.sql.search_indexes import index_table, words_columns
from adapters.outbound.sql.session import Session
from domain.schema.collection import Collection


@dataclass(frozen=True, slots=True)
class _Trace:
    """A column that holds the id of an account, and one with the name of its collection where ids of others may stand there; `blank` are
    columns that say more about it. A note has id and collection in one."""

    table: str
    id: str
    collection: str = ""
    blank: tuple[str, ...] = ()
    joined: bool = False


_TRACES = (
    _Trace("_outbox", "actor_id", "actor_collection", blank=("request",)),
    _Trace("_trash", "actor_id", "actor_collection"),
    _Trace("_audit", "actor", "collection", blank=("address", "request")),
    _Trace("_audit", "target", blank=("detail",)),
    _Trace("_api_keys", "made_by"),
    _Trace("_invitations", "made_by"),
    _Trace("_schema_changes", "by", joined=True),
)


class SqlTraceStore:
    """Keeps ports.traces.TraceStore on one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def rename(self, collection: Collection, account: str, tombstone: str) -> None:
        for at, trace in enumerate(_TRACES):
            self._run(("rename", at), _renaming(trace), _values(trace, collection, account, tombstone))
        # As whom an admin acted stands among the words.
        self._run(("detail",), _rewording(), {"was": account, "now": tombstone})

    def forget_words(self, collection: Collection) -> None:
        """A deletion only adds a note to FTS5's index that the words are gone; merged into one, it holds neither. PostgreSQL's finds
        nothing that is not there."""
        if self._session.dialect == "sqlite" and words_columns(collection):
            name = index_table(collection)
            self._session.command(f"INSERT INTO \"{name}\" (\"{name}\") VALUES ('optimize')")  # noqa: S608 - a name of our own

    def _run(self, key: tuple[Any, ...], statement: Executable, values: Mapping[str, Any]) -> None:
        self._session.execute(self._session.prepared(("traces", *key), lambda: statement), values)


def _renaming(trace: _Trace) -> Executable:
    table = sql_table(trace.table, *(sql_column(name) for name in {trace.id, trace.collection, *trace.blank} if name))
    those = table.c[trace.id] == bindparam("was")
    if trace.collection:
        those &= table.c[trace.collection] == bindparam("of")
    changed: dict[str, Any] = {trace.id: bindparam("now"), **{name: bindparam("nothing") for name in trace.blank}}
    return update(table).where(those).values(changed)


def _rewording() -> Executable:
    audit = sql_table("_audit", sql_column("detail", Text))
    said = func.replace(audit.c.detail, bindparam("was", type_=Text), bindparam("now", type_=Text))
    return update(audit).where(audit.c.detail.contains(bindparam("was", type_=Text))).values(detail=said)


def _values(trace: _Trace, collection: Collection, account: str, tombstone: str) -> dict[str, Any]:
    whole = (f"{collection.name}/{id}" if trace.joined else id for id in (account, tombstone))
    values: dict[str, Any] = dict(zip(("was", "now"), whole, strict=True))
    if trace.collection:
        values["of"] = collection.name
    return {**values, "nothing": ""} if trace.blank else values
