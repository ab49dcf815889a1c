"""The outbox in a table of its own: events are written when a body ends, and told in the order of their places.

SQLite has one writer, so numbers are given in the order of commits and are the places. On PostgreSQL a number says only that its
transaction held its records by then; see `docs/dev/architecture.md` for why places by number, among those that can be seen, are in order.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Executable, bindparam, delete, exists, insert, select, text, update
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table

from adapters.outbound.sql.id_sets import ids_value, one_of
from adapters.outbound.sql.pending import MOST
from adapters.outbound.sql.session import Session
from adapters.outbound.sql.statements import Prepared
from domain.actor import Actor
from domain.events import Event, Origin, Told

_WRITTEN = (
    "kind", "moment", "collection", "collection_id", "record", "version",
    "actor_kind", "actor_collection", "actor_id", "request", "payload",
)  # fmt: skip
_OUTBOX = sql_table("_outbox", *(sql_column(name) for name in ("seq", "position", *_WRITTEN)))
_SUBSCRIBERS = sql_table("_subscribers", sql_column("name"), sql_column("position"))
_PLACE = {"sqlite": _OUTBOX.c.seq, "postgresql": _OUTBOX.c.position}

# One at a time, or two might give places to what only one of them sees. The next statement sees what was committed before the lock was had.
_ALONE = "SELECT pg_advisory_xact_lock(7306, '_outbox'::regclass::oid::int)"
_ARRANGE = text(
    "WITH waiting AS (SELECT seq FROM _outbox WHERE position IS NULL ORDER BY seq LIMIT :limit), "
    "placed AS (SELECT seq, nextval('_outbox_positions') AS place FROM waiting ORDER BY seq) "
    "UPDATE _outbox SET position = placed.place FROM placed WHERE _outbox.seq = placed.seq RETURNING 1"
)
# The last place that was given. It is kept apart from the events, which may all be gone.
_ENTER = {
    "sqlite": "INSERT INTO _subscribers (name, position) VALUES (:who, "
    "coalesce((SELECT seq FROM sqlite_sequence WHERE name = '_outbox'), 0)) ON CONFLICT (name) DO NOTHING",
    "postgresql": "INSERT INTO _subscribers (name, position) VALUES (:who, "
    "coalesce((SELECT last_value FROM _outbox_positions WHERE is_called), 0)) ON CONFLICT (name) DO NOTHING",
}


class SqlOutboxStore:
    """Keeps ports.outbox.OutboxStore on one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._place = _PLACE[session.dialect]

    def attribute(self, origin: Origin, *, each_record: bool = True) -> None:
        self._session.events.origin, self._session.events.each_record = origin, each_record

    def add(self, event: Event) -> None:
        self._session.events.add(event)

    def relieve(self) -> None:
        if len(self._session.events.events) >= MOST and self._session.is_flat:
            write_pending(self._session)

    def arrange(self, limit: int) -> int:
        if self._session.dialect == "sqlite":
            return 0
        self._session.command(_ALONE)
        return len(self._run("arrange", lambda: _ARRANGE, {"limit": limit}))

    def after(self, position: int, limit: int) -> Sequence[Told]:
        return [_told(row) for row in self._run("after", self._following, {"behind": position, "at_most": limit})]

    def is_unplaced(self) -> bool:
        return self._session.dialect != "sqlite" and bool(self._run("unplaced", _unplaced, {})[0][0])

    def enter(self, subscriber: str) -> None:
        self._run("enter", lambda: text(_ENTER[self._session.dialect]), {"who": subscriber})

    def progress(self, subscriber: str) -> int | None:
        found = self._run("progress", _progress, {"who": subscriber})
        return found[0][0] if found else None

    def keep_progress(self, subscriber: str, position: int) -> None:
        self._run("keep", _keeping, {"who": subscriber, "upto": position})

    def forget(self, position: int | None, before: str, limit: int) -> int:
        """The oldest by number are looked at and no others, so that nothing but the head of the table is read."""
        values = {"before": before, "at_most": limit} | ({} if position is None else {"upto": position})
        return len(self._run(f"forget {position is None}", lambda: self._forgetting(position is None), values))

    def erase(self, collection: str, records: Sequence[str]) -> None:
        """Without an index, which every write would pay for: events are few days old at most, and this is rare."""
        values = {"of_collection": collection, "ids": ids_value(records, self._session.dialect), "nothing": "{}"}
        self._run("erase", self._erasing, values)

    def _erasing(self) -> Executable:
        theirs = (_OUTBOX.c.collection_id == bindparam("of_collection")) & one_of(_OUTBOX.c.record, self._session.dialect)
        return update(_OUTBOX).values(payload=bindparam("nothing")).where(theirs)

    def _following(self) -> Executable:
        wanted = select(_OUTBOX.c.seq, self._place, *(_OUTBOX.c[name] for name in _WRITTEN))
        return wanted.where(self._place > bindparam("behind")).order_by(self._place).limit(bindparam("at_most"))

    def _forgetting(self, any_place: bool) -> Executable:
        oldest = select(_OUTBOX.c.seq, _OUTBOX.c.moment, self._place.label("place")).order_by(_OUTBOX.c.seq).limit(bindparam("at_most"))
        head = oldest.subquery("_head")
        over = select(head.c.seq).where(head.c.moment < bindparam("before"))
        over = over if any_place else over.where(head.c.place <= bindparam("upto"))
        return delete(_OUTBOX).where(_OUTBOX.c.seq.in_(over)).returning(_OUTBOX.c.seq)

    def _run(self, key: str, build: Any, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self._session.execute(self._session.prepared(("outbox", key), build), values)


def write_pending(session: Session) -> bool:
    """Writes what the body has added; whether there was anything."""
    events = session.events.events
    if not events:
        return session.events.were_written
    session.events.were_written = True
    rows = [_row(origin, event) for origin, event in events]
    events.clear()
    if len(rows) == 1:
        session.execute(_adding(session), rows[0])
    else:
        session.execute_many(_adding(session), rows)
    return True


def _adding(session: Session) -> Prepared:
    return session.prepared(("outbox", "add"), lambda: insert(_OUTBOX).values({name: bindparam(name) for name in _WRITTEN}))


def _unplaced() -> Executable:
    return select(exists().where(_OUTBOX.c.position.is_(None)))


def _progress() -> Executable:
    return select(_SUBSCRIBERS.c.position).where(_SUBSCRIBERS.c.name == bindparam("who"))


def _keeping() -> Executable:
    return text(
        "INSERT INTO _subscribers (name, position) VALUES (:who, :upto) "
        "ON CONFLICT (name) DO UPDATE SET position = excluded.position WHERE _subscribers.position < excluded.position"
    )


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


def _told(row: Sequence[Any]) -> Told:
    found = dict(zip(_WRITTEN, row[2:], strict=True))
    origin = Origin(Actor(found["actor_kind"], found["actor_id"], found["actor_collection"]), found["request"])
    event = Event(
        found["kind"], found["moment"], orjson.loads(found["payload"]), found["collection"], found["collection_id"], found["record"],
        found["version"],
    )  # fmt: skip
    return Told(row[0], row[1], origin, event)
