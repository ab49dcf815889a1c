"""The outbox in a table of its own: events are written when a body ends, and told in the order of their places.

SQLite has one writer, so numbers are given in the order of commits and are the places. On PostgreSQL a number says only that its
transaction held its records by then; see `docs/dev/architecture.md` for why places by number, among those that can be seen, are in order.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Executable, bindparam, insert, select, text, update
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table

from adapters.outbound.sql.audit import add_entries
from adapters.outbound.sql.id_sets import ids_value, one_of
from adapters.outbound.sql.moments import DATABASE_NOW
from adapters.outbound.sql.pending import MOST
from adapters.outbound.sql.session import Session
from adapters.outbound.sql.statements import Prepared
from adapters.outbound.system_clock import Uuid7Ids
from domain.accounts.audit import entries_of
from domain.actor import Actor
from domain.events import Event, Origin, Told

WRITTEN = (
    "kind", "moment", "collection", "collection_id", "record", "version",
    "actor_kind", "actor_collection", "actor_id", "request", "payload",
)  # fmt: skip
_OUTBOX = sql_table("_outbox", *(sql_column(name) for name in ("seq", "position", *WRITTEN)))
# What is left of the payload of one that was erased.
_NOTHING = "{}"
# Of entries of the audit trail.
_IDS = Uuid7Ids()
_PLACE = {"sqlite": _OUTBOX.c.seq, "postgresql": _OUTBOX.c.position}

# One at a time, or two might give places to what only one of them sees. The next statement sees what was committed before the lock was had.
_ALONE = "SELECT pg_advisory_xact_lock(7306, '_outbox'::regclass::oid::int)"
_ARRANGE = text(
    "WITH waiting AS (SELECT seq FROM _outbox WHERE position IS NULL ORDER BY seq LIMIT :limit), "
    "placed AS (SELECT seq, nextval('_outbox_positions') AS place FROM waiting ORDER BY seq) "
    "UPDATE _outbox SET position = placed.place FROM placed WHERE _outbox.seq = placed.seq RETURNING 1"
)
_FORGET = (
    "DELETE FROM _outbox WHERE seq IN (SELECT seq FROM (SELECT seq, moment, {place} AS place FROM _outbox AS _old WHERE NOT EXISTS "
    "(SELECT 1 FROM _deferred WHERE event = _old.seq) ORDER BY seq LIMIT :at_most) AS _head WHERE moment < :before AND NOT EXISTS "
    "(SELECT 1 FROM _subscribers WHERE seen > {now} - :lately AND coalesce(place > position, true))) RETURNING seq"
)

_IS_EMPTY = "SELECT payload = :nothing FROM _outbox WHERE seq = :id"
# Whoever erases waits for us, and then sees what we have made of it. Writers of SQLite take turns.
_EMPTIED = {"sqlite": _IS_EMPTY, "postgresql": _IS_EMPTY + " FOR SHARE"}


class SqlOutboxStore:
    """Keeps ports.outbox.OutboxStore on one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._place = _PLACE[session.dialect]

    def attribute(self, origin: Origin, *, each_record: bool = True) -> None:
        self._session.events.origin, self._session.events.each_record = origin, each_record

    def add(self, event: Event) -> None:
        self._session.events.add(event)

    def remark(self, event: Event) -> None:
        self._session.events.remark(event)

    def relieve(self) -> None:
        if len(self._session.events.events) >= MOST and self._session.is_flat:
            write_pending(self._session)

    def arrange(self, limit: int) -> int:
        if self._session.dialect == "sqlite":
            return 0
        self._session.command(_ALONE)
        return len(self._run("arrange", lambda: _ARRANGE, {"limit": limit}))

    def after(self, position: int, limit: int) -> Sequence[Told]:
        return [told(row) for row in self._run("after", self._following, {"behind": position, "at_most": limit})]

    def forget(self, before: str, lately: int, limit: int) -> int:
        return len(self._run("forget", self._forgetting, {"before": before, "lately": lately, "at_most": limit}))

    def erase(self, collection: str, records: Sequence[str]) -> None:
        """Without an index, which every write would pay for: events are few days old at most, and this is rare."""
        values = {"of_collection": collection, "ids": ids_value(records, self._session.dialect), "nothing": _NOTHING}
        self._run("erase", self._erasing, values)

    def stands(self, id: int) -> bool:
        values = {"id": id, "nothing": _NOTHING}
        # One that is old enough to be forgotten by now was not erased.
        return self._run("stands", lambda: text(_EMPTIED[self._session.dialect]), values) != [(True,)]

    def _erasing(self) -> Executable:
        theirs = (_OUTBOX.c.collection_id == bindparam("of_collection")) & one_of(_OUTBOX.c.record, self._session.dialect)
        return update(_OUTBOX).values(payload=bindparam("nothing")).where(theirs)

    def _following(self) -> Executable:
        wanted = select(_OUTBOX.c.seq, self._place, *(_OUTBOX.c[name] for name in WRITTEN))
        return wanted.where(self._place > bindparam("behind")).order_by(self._place).limit(bindparam("at_most"))

    def _forgetting(self) -> Executable:
        """The oldest by number are looked at and no others, so that nothing but the head of the table is read. A place that is missing is
        as good as any here: without a subscriber nobody gives them."""
        return text(_FORGET.format(place=self._place.name, now=DATABASE_NOW[self._session.dialect]))

    def _run(self, key: str, build: Any, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self._session.execute(self._session.prepared(("outbox", key), build), values)


def write_pending(session: Session) -> bool:
    """Writes what the body has added; whether there was anything."""
    pending = session.events
    events, remarks = pending.events, pending.remarks
    if not events and not remarks:
        return pending.were_written
    pending.were_written = True
    # Here, where whatever happens comes by: no way of doing something can forget it.
    add_entries(session, [entry for told in (events, remarks) for each in told for entry in entries_of(_IDS.new, *each)])
    remarks.clear()
    rows = [_row(origin, event) for origin, event in events]
    events.clear()
    if len(rows) == 1:
        session.execute(_adding(session), rows[0])
    elif rows:
        session.execute_many(_adding(session), rows)
    return True


def _adding(session: Session) -> Prepared:
    return session.prepared(("outbox", "add"), lambda: insert(_OUTBOX).values({name: bindparam(name) for name in WRITTEN}))


def _row(origin: Origin, event: Event) -> dict[str, Any]:
    return {
        "kind": event.kind,
        "moment": event.moment,
        "collection": event.collection,
        "collection_id": event.collection_id,
        "record": event.record,
        "version": event.version,
        "actor_kind": origin.actor.kind,
        "actor_collection": origin.actor.collection,
        "actor_id": origin.actor.id,
        "request": origin.request,
        "payload": orjson.dumps(event.payload).decode(),
    }


def told(row: Sequence[Any]) -> Told:
    found = dict(zip(WRITTEN, row[2:], strict=True))
    origin = Origin(Actor(found["actor_kind"], found["actor_id"], found["actor_collection"]), found["request"])
    event = Event(
        found["kind"], found["moment"], orjson.loads(found["payload"]), found["collection"], found["collection_id"], found["record"],
        found["version"],
    )  # fmt: skip
    return Told(row[0], row[1], origin, event)
