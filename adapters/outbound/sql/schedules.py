"""Schedules in a table of their own; a tick is whose statement has moved the schedule on."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from adapters.outbound.sql.moments import DATABASE_NOW
from adapters.outbound.sql.session import Session
from domain.jobs.schedules import Rounds, Schedule, Timing

_ROW = "name, job, arguments, every, cron, zone, missed, declared, paused, next, last"
_STATEMENTS = {
    "now": "SELECT {now}",
    "all": "SELECT {row} FROM _schedules ORDER BY name",
    "hold": "SELECT {row} FROM _schedules WHERE name = :name {hold}",
    "due": "SELECT {row} FROM _schedules WHERE paused = 0 AND next IS NOT NULL AND next <= {now} ORDER BY next, name LIMIT :at_most",
    "move": "UPDATE _schedules SET next = :next, last = :last WHERE name = :name AND next = :present AND paused = 0 RETURNING name",
    "put": "INSERT INTO _schedules ({row}) VALUES "
    "(:name, :job, :arguments, :every, :cron, :zone, :missed, :declared, :paused, :next, :last) "
    "ON CONFLICT (name) DO UPDATE SET job = excluded.job, arguments = excluded.arguments, every = excluded.every, cron = excluded.cron, "
    "zone = excluded.zone, missed = excluded.missed, declared = excluded.declared, paused = excluded.paused, next = excluded.next, "
    "last = excluded.last",
    "rounds": "SELECT count(*) - coalesce(sum(paused), 0), coalesce(sum(paused), 0), coalesce({now} - min(next), 0) FROM _schedules",
    "remove": "DELETE FROM _schedules WHERE name = :name RETURNING name",
}
# Writers of SQLite take turns.
_HOLD = {"sqlite": "", "postgresql": "FOR UPDATE"}


class SqlScheduleStore:
    """Keeps ports.schedules.ScheduleStore on one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def now(self) -> int:
        return int(self._run("now", {})[0][0])

    def all(self) -> Sequence[Schedule]:
        return [_read(row) for row in self._run("all", {})]

    def hold(self, name: str) -> Schedule | None:
        rows = self._run("hold", {"name": name})
        return _read(rows[0]) if rows else None

    def due(self, limit: int) -> Sequence[Schedule]:
        return [_read(row) for row in self._run("due", {"at_most": limit})]

    def move(self, schedule: Schedule, next: int | None, last: int) -> bool:
        values = {"name": schedule.name, "present": schedule.next, "next": next, "last": last}
        return bool(self._run("move", values))

    def put(self, schedule: Schedule) -> None:
        every = schedule.timing.every
        self._run("put", {
            "name": schedule.name, "job": schedule.job, "arguments": json.dumps(schedule.arguments),
            "every": None if every is None else round(every.total_seconds() * 1000), "cron": schedule.timing.cron,
            "zone": schedule.timing.zone, "missed": schedule.missed, "declared": int(schedule.is_declared),
            "paused": int(schedule.is_paused), "next": schedule.next, "last": schedule.last,
        })  # fmt: skip

    def rounds(self) -> Rounds:
        going, paused, late = self._run("rounds", {})[0]
        return Rounds(int(going), int(paused), max(0, int(late)))

    def remove(self, name: str) -> bool:
        return bool(self._run("remove", {"name": name}))

    def _run(self, name: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        parts = {"now": DATABASE_NOW[self._session.dialect], "hold": _HOLD[self._session.dialect], "row": _ROW}
        build = lambda: text(_STATEMENTS[name].format(**parts))
        return self._session.execute(self._session.prepared(("schedules", name), build), values)


def _read(row: tuple[Any, ...]) -> Schedule:
    name, job, arguments, every, cron, zone, missed, declared, paused, next, last = row
    timing = Timing(None if every is None else timedelta(milliseconds=every), cron, zone)
    return Schedule(name, job, timing, json.loads(arguments), missed, bool(declared), bool(paused), next, last)
