"""Subscribers and what is deferred for them, in tables of their own. Statements are written out: each is one, and needs no plan of ours."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text

from adapters.outbound.sql.moments import DATABASE_NOW
from adapters.outbound.sql.outbox import WRITTEN, told
from adapters.outbound.sql.session import Session
from domain.deliveries import Backlog, Deferred, Ordered, ordered_by
from ports.deliveries import Lease, Outlook, Standing

_EVENT = ", ".join(f"o.{name}" for name in WRITTEN)
_UNHEARD_AT_MOST = 1000
# `{place}` and `{now}` are the engine's. The last place that was given is kept apart from the events, which may all be gone.
_STATEMENTS = {
    "outlook": "SELECT coalesce((SELECT max({place}) FROM _outbox), 0), {unplaced}, "
    "(SELECT min(again) FROM _deferred WHERE dead_since IS NULL)",
    "enter": "INSERT INTO _subscribers (name, position, seen) VALUES (:who, coalesce({last}, 0), {now}) "
    "ON CONFLICT (name) DO UPDATE SET seen = {now}",
    "leave": "DELETE FROM _subscribers WHERE name = :who",
    "forget": "DELETE FROM _deferred WHERE subscriber = :who",
    "standing": "SELECT position, held_until > {now} FROM _subscribers WHERE name = :who",
    "claim": "UPDATE _subscribers SET fence = fence + 1, held_until = {now} + :lease, seen = {now} "
    "WHERE name = :who AND held_until <= {now} RETURNING position, fence",
    "keep": "UPDATE _subscribers SET position = :upto, held_until = {now} + :lease, seen = {now} "
    "WHERE name = :who AND fence = :fence RETURNING position",
    "release": "UPDATE _subscribers SET held_until = 0 WHERE name = :who AND fence = :fence",
    "defer": "INSERT INTO _deferred (event, subscriber, position, collection_id, record, tries, again, reason, dead_since) "
    "VALUES (:event, :who, :position, :collection_id, :record, :tries, :again, :reason, :dead_since) "
    "ON CONFLICT (event, subscriber) DO UPDATE SET tries = excluded.tries, again = excluded.again, reason = excluded.reason, "
    "dead_since = excluded.dead_since",
    "settle": "DELETE FROM _deferred WHERE event = :event AND subscriber = :who RETURNING event",
    "waiting": "SELECT DISTINCT collection_id, record FROM _deferred WHERE subscriber = :who AND dead_since IS NULL",
    "due": "{deferred} WHERE d.subscriber = :who AND d.dead_since IS NULL AND d.again <= :now AND NOT EXISTS (SELECT 1 FROM _deferred AS e "
    "WHERE e.subscriber = d.subscriber AND e.collection_id = d.collection_id AND e.record = d.record AND e.position < d.position "
    "AND e.dead_since IS NULL) ORDER BY d.position LIMIT :at_most",
    "deferred": "{deferred} ORDER BY d.position, d.subscriber LIMIT :at_most",
    "deferred of": "{deferred} WHERE d.subscriber = :who ORDER BY d.position LIMIT :at_most",
    "find": "{deferred} WHERE d.event = :event AND d.subscriber = :who",
    "subscribers": "SELECT s.name, (SELECT count(*) FROM (SELECT 1 FROM _outbox AS o WHERE {unheard} LIMIT :most) AS unheard), "
    "(SELECT o.moment FROM _outbox AS o WHERE {unheard} ORDER BY o.{place} LIMIT 1), "
    "(SELECT count(*) FROM _deferred AS d WHERE d.subscriber = s.name AND d.dead_since IS NULL), "
    "(SELECT count(*) FROM _deferred AS d WHERE d.subscriber = s.name AND d.dead_since IS NOT NULL), {now} - s.seen "
    "FROM _subscribers AS s ORDER BY s.name",
    "drop dead": "DELETE FROM _deferred WHERE (event, subscriber) IN "
    "(SELECT event, subscriber FROM _deferred WHERE dead_since < :before LIMIT :at_most) RETURNING event",
}
# The last place that was given, for good.
LAST = {
    "sqlite": "(SELECT seq FROM sqlite_sequence WHERE name = '_outbox')",
    "postgresql": "(SELECT last_value FROM _outbox_positions WHERE is_called)",
}
_ENGINES = {
    "sqlite": {
        "place": "seq",
        "unheard": "o.seq > s.position",
        "unplaced": "0",
        "last": LAST["sqlite"],
    },
    "postgresql": {
        "place": "position",
        "unheard": "(o.position > s.position OR o.position IS NULL)",
        "unplaced": "EXISTS (SELECT 1 FROM _outbox WHERE position IS NULL)",
        "last": LAST["postgresql"],
    },
}


def _written(dialect: str) -> dict[str, str]:
    parts = _ENGINES[dialect]
    deferred = (
        f"SELECT d.subscriber, d.tries, d.again, d.reason, d.dead_since, o.seq, o.{parts['place']}, {_EVENT} "  # noqa: S608 - our own words
        "FROM _deferred AS d JOIN _outbox AS o ON o.seq = d.event"
    )
    return {key: each.format(**parts, now=DATABASE_NOW[dialect], deferred=deferred) for key, each in _STATEMENTS.items()}


_TEXTS = {dialect: _written(dialect) for dialect in _ENGINES}


class SqlDeliveryStore:
    """Keeps ports.deliveries.DeliveryStore on one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def outlook(self) -> Outlook:
        latest, is_unplaced, again = self._run("outlook", {})[0]
        return Outlook(latest, bool(is_unplaced), again)

    def enter(self, subscriber: str) -> None:
        self._run("enter", {"who": subscriber})

    def leave(self, subscriber: str) -> None:
        self._run("leave", {"who": subscriber})
        self._run("forget", {"who": subscriber})

    # --- handing over

    def standing(self, subscriber: str) -> Standing | None:
        found = self._run("standing", {"who": subscriber})
        return Standing(found[0][0], bool(found[0][1])) if found else None

    def claim(self, subscriber: str, lease: int) -> Lease | None:
        found = self._run("claim", {"who": subscriber, "lease": lease})
        return Lease(*found[0]) if found else None

    def keep(self, subscriber: str, lease: Lease, more: int) -> bool:
        return bool(self._run("keep", {"who": subscriber, "upto": lease.position, "fence": lease.fence, "lease": more}))

    def release(self, subscriber: str, lease: Lease) -> None:
        self._run("release", {"who": subscriber, "fence": lease.fence})

    # --- what could not be handled

    def defer(self, subscriber: str, deferred: Deferred) -> None:
        event = deferred.event
        collection_id, record = ordered_by(event)
        row = {
            "event": event.id, "who": subscriber, "position": event.position, "collection_id": collection_id, "record": record,
            "tries": deferred.tries, "again": deferred.again, "reason": deferred.reason, "dead_since": deferred.dead_since,
        }  # fmt: skip
        self._run("defer", row)

    def settle(self, subscriber: str, event: int) -> bool:
        return bool(self._run("settle", {"event": event, "who": subscriber}))

    def waiting(self, subscriber: str) -> frozenset[Ordered]:
        return frozenset((row[0], row[1]) for row in self._run("waiting", {"who": subscriber}))

    def due(self, subscriber: str, now: str, limit: int) -> Sequence[Deferred]:
        return [_deferred(row) for row in self._run("due", {"who": subscriber, "now": now, "at_most": limit})]

    def deferred(self, subscriber: str | None, *, limit: int) -> Sequence[tuple[str, Deferred]]:
        asked: dict[str, Any] = {"at_most": limit}
        rows = self._run("deferred", asked) if subscriber is None else self._run("deferred of", asked | {"who": subscriber})
        return [(row[0], _deferred(row)) for row in rows]

    def find(self, subscriber: str, event: int) -> Deferred | None:
        found = self._run("find", {"event": event, "who": subscriber})
        return _deferred(found[0]) if found else None

    def subscribers(self) -> Sequence[Backlog]:
        return [Backlog(*row) for row in self._run("subscribers", {"most": _UNHEARD_AT_MOST})]

    def drop_dead(self, before: str, limit: int) -> int:
        return len(self._run("drop dead", {"before": before, "at_most": limit}))

    def _run(self, key: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        prepared = self._session.prepared(("deliveries", key), lambda: text(_TEXTS[self._session.dialect][key]))
        return self._session.execute(prepared, values)


def _deferred(row: Sequence[Any]) -> Deferred:
    tries, again, reason, dead_since = row[1:5]
    return Deferred(told(row[5:]), tries, again, reason, dead_since)
