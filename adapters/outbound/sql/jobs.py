"""Jobs in a table of their own. Statements are written out: each decides by itself whether it may, so no two workers can both be right."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from sqlalchemy import ARRAY, Text, bindparam, text

from adapters.outbound.sql.id_sets import ids_value
from adapters.outbound.sql.moments import DATABASE_NOW
from adapters.outbound.sql.session import Session
from domain.jobs.job import Claim, Depth, Job, QueueDepth, Waiting
from domain.jobs.tallies import Tally
from domain.jobs.tasks import PRIORITIES
from ports.jobs import Asked, Prospect

_JOB = "id, name, queue, arguments, state, priority, due, created, key, tries, lost, started, ended, progress, result, reason"
_OPEN = "state = 'waiting' AND due <= {still} AND name IN {names} {queues}"
_MINE = "holder = :holder AND state = 'running'"
# The key binds no longer than its job said.
_OVER = "holder = NULL, held_until = NULL, same = CASE WHEN once = 'kept' THEN same END, ended = {now}, expires = {now} + :kept"
# `{job}`, `{mine}` and `{over}` are the parts above, the others the engine's.
_STATEMENTS = {
    "add": "INSERT INTO _jobs (id, name, queue, arguments, state, once, key, same, priority, due, created) VALUES "
    "(:id, :name, :queue, :arguments, 'waiting', :once, :key, :key, :priority, coalesce(CAST(:due AS bigint), {now} + :after), {now}) "
    "ON CONFLICT (name, same) WHERE same IS NOT NULL DO NOTHING RETURNING id",
    "bound": "SELECT id FROM _jobs WHERE name = :name AND same = :key",
    "waiting": "SELECT count(*) FROM (SELECT 1 FROM _jobs WHERE state = 'waiting' LIMIT :at_most) AS counted",
    "prospect": "SELECT EXISTS ({ready}), "
    "EXISTS (SELECT 1 FROM _jobs WHERE state = 'running' AND held_until <= {now})",
    "claim": "WITH picked AS {picked} "
    "UPDATE _jobs SET state = 'running', holder = :holder, held_until = {now} + :lease, started = {now}, progress = NULL, "
    "same = CASE WHEN once = 'waiting' THEN NULL ELSE same END WHERE id IN (SELECT id FROM picked) RETURNING {job}",
    "keep": "UPDATE _jobs SET held_until = {now} + :lease WHERE id IN {ids} AND {mine} RETURNING id",
    "done": "UPDATE _jobs SET state = 'done', result = :result, reason = :reason, {over} WHERE id = :id AND {mine} RETURNING id",
    "again": "UPDATE _jobs SET state = 'waiting', tries = tries + 1, due = {now} + :wait, reason = :reason, holder = NULL, "
    "held_until = NULL WHERE id = :id AND {mine} RETURNING id",
    "dead": "UPDATE _jobs SET state = 'dead', tries = tries + 1, reason = :reason, {over} WHERE id = :id AND {mine} RETURNING id",
    "give back": "UPDATE _jobs SET state = 'waiting', holder = NULL, held_until = NULL WHERE id IN {ids} AND {mine} RETURNING id, queue",
    "lapse": "UPDATE _jobs SET state = CASE WHEN lost + 1 >= :most THEN 'dead' ELSE 'waiting' END, lost = lost + 1, reason = 'lost', "
    "holder = NULL, held_until = NULL, due = {now}, same = CASE WHEN lost + 1 < :most OR once = 'kept' THEN same END, "
    "ended = CASE WHEN lost + 1 >= :most THEN {now} END, expires = CASE WHEN lost + 1 >= :most THEN {now} + :kept END "
    "WHERE state = 'running' AND held_until <= {now} RETURNING {job}",
    "progress": "UPDATE _jobs SET progress = :told WHERE id = :id AND {mine} RETURNING id",
    "find": "SELECT {job} FROM _jobs WHERE id = :id",
    "held": "SELECT {job} FROM _jobs WHERE id = :id AND {mine}",
    "cancel": "UPDATE _jobs SET state = 'cancelled', {over} WHERE id = :id AND state IN ('waiting', 'running') RETURNING id",
    "retry": "UPDATE _jobs SET state = 'waiting', tries = 0, lost = 0, due = {now}, reason = '', ended = NULL, expires = NULL, "
    "progress = NULL, same = key WHERE id = :id AND state IN ('dead', 'cancelled') RETURNING id, queue",
    "drop": "DELETE FROM _jobs WHERE id = :id AND state <> 'running' RETURNING id",
    "depths": "SELECT queue, name, state, count(*), {now} - min(due) FROM _jobs GROUP BY queue, name, state ORDER BY queue, name, state",
    # Each by an index of its own.
    "queues": "SELECT queue, state, count(*), {now} - min(due) FROM _jobs WHERE state = 'waiting' GROUP BY queue, state UNION ALL "
    "SELECT queue, state, count(*), {now} - min(started) FROM _jobs WHERE state = 'running' GROUP BY queue, state UNION ALL "
    "SELECT queue, state, count(*), {now} - min(ended) FROM _jobs WHERE state = 'dead' GROUP BY queue, state",
    "tally": "INSERT INTO _job_tallies (name, outcome, within, runs, took, waited) "
    "VALUES (:job, :outcome, :within, :runs, :took, :waited) ON CONFLICT (name, outcome, within) DO UPDATE SET "
    "runs = _job_tallies.runs + excluded.runs, took = _job_tallies.took + excluded.took, waited = _job_tallies.waited + excluded.waited",
    "tallies": "SELECT name, outcome, within, runs, took, waited FROM _job_tallies ORDER BY name, outcome, within",
    "forget": "DELETE FROM _jobs WHERE id IN "
    "(SELECT id FROM _jobs WHERE expires IS NOT NULL AND expires <= {now} LIMIT :at_most) RETURNING id",
}
_LIST = "SELECT {job} FROM _jobs WHERE {where} ORDER BY id DESC LIMIT :at_most"
_PRIORITIES = "generate_series({}::bigint, {}) AS each (priority)".format(*PRIORITIES)
_ENGINES = {
    "sqlite": {
        "ids": "(SELECT value FROM json_each(:ids))",
        "names": "(SELECT value FROM json_each(:names))",
        "queues": "AND queue IN (SELECT value FROM json_each(:queues))",
        "still": DATABASE_NOW["sqlite"],
        "ready": "SELECT 1 FROM _jobs WHERE {open}",
        "picked": "(SELECT id FROM _jobs WHERE {open} ORDER BY priority DESC, due, id LIMIT :at_most)",
    },
    "postgresql": {
        "ids": "(SELECT unnest(:ids))",
        "names": "(SELECT unnest(:names))",
        "queues": "AND queue IN (SELECT unnest(:queues))",
        # It looks priority by priority, each time into the part of the index that is due: it would read past all that is due later, and
        # sort a backlog of any length for as long as its statistics know of none. For the index the clock stands still in a statement.
        "still": "CAST(extract(epoch FROM statement_timestamp()) * 1000 AS bigint)",
        "ready": "SELECT 1 FROM {priorities} CROSS JOIN LATERAL "
        "(SELECT id FROM _jobs WHERE _jobs.priority = each.priority AND {open} LIMIT 1) AS found",
        # Materialized, or PostgreSQL might pick anew for each row, and more than `at_most`.
        "picked": "MATERIALIZED (SELECT found.id FROM {priorities} CROSS JOIN LATERAL (SELECT id, priority, due FROM _jobs "
        "WHERE _jobs.priority = each.priority AND {open} ORDER BY due, id LIMIT :at_most FOR UPDATE SKIP LOCKED) AS found "
        "ORDER BY found.priority DESC, found.due, found.id LIMIT :at_most)",
    },
}
_LISTS = ("ids", "names", "queues")


def _written(statement: str, dialect: str, *, queues: bool) -> str:
    engine = {**_ENGINES[dialect], "now": DATABASE_NOW[dialect]} | ({} if queues else {"queues": ""})
    parts = {"open": _OPEN.format(**engine), "over": _OVER.format(**engine), "priorities": _PRIORITIES, "job": _JOB, "mine": _MINE}
    whole = {key: engine[key].format(**parts) for key in ("ready", "picked")}
    return statement.format(**(engine | parts | whole))


class SqlJobStore:
    """Keeps ports.jobs.JobStore on one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, job: Asked) -> bool:
        row = {
            "id": job.id, "name": job.name, "queue": job.queue, "arguments": job.arguments, "once": job.once, "key": job.key,
            "priority": job.priority, "due": job.due, "after": _ms(job.after),
        }  # fmt: skip
        added = bool(self._run("add", row))
        if added and job.due is None and job.after <= timedelta(0):
            self._session.jobs.append(Waiting(job.id, job.queue))
        return added

    def bound(self, name: str, key: str) -> str | None:
        found = self._run("bound", {"name": name, "key": key})
        return found[0][0] if found else None

    def waiting(self, at_most: int) -> int:
        return int(self._run("waiting", {"at_most": at_most})[0][0])

    # --- working

    def prospect(self, names: Collection[str], queues: Collection[str] | None) -> Prospect:
        ready, lapsed = self._run("prospect", self._open(names, queues), queues=queues is not None)[0]
        return Prospect(bool(ready), bool(lapsed))

    def claim(self, holder: str, lease: timedelta, names: Collection[str], queues: Collection[str] | None, limit: int) -> Sequence[Claim]:
        values = {"holder": holder, "lease": _ms(lease), "at_most": limit, **self._open(names, queues)}
        jobs = [_job(row) for row in self._run("claim", values, queues=queues is not None)]
        return [Claim(job, holder) for job in sorted(jobs, key=lambda job: (-job.priority, job.due, job.id))]

    def keep(self, holder: str, lease: timedelta, ids: Sequence[str]) -> frozenset[str]:
        kept = self._run("keep", {"holder": holder, "lease": _ms(lease), "ids": self._many(ids)})
        return frozenset(row[0] for row in kept)

    def done(self, claim: Claim, result: str | None, reason: str, kept: timedelta) -> bool:
        return bool(self._run("done", {**_held(claim), "result": result, "reason": reason, "kept": _ms(kept)}))

    def again(self, claim: Claim, wait: timedelta, reason: str) -> bool:
        return bool(self._run("again", {**_held(claim), "wait": _ms(wait), "reason": reason}))

    def dead(self, claim: Claim, reason: str, kept: timedelta) -> bool:
        return bool(self._run("dead", {**_held(claim), "reason": reason, "kept": _ms(kept)}))

    def give_back(self, holder: str, ids: Sequence[str]) -> int:
        return self._waiting_again(self._run("give back", {"holder": holder, "ids": self._many(ids)}))

    def lapse(self, most_lost: int, kept: timedelta) -> Sequence[Job]:
        return [_job(row) for row in self._run("lapse", {"most": most_lost, "kept": _ms(kept)})]

    def progress(self, claim: Claim, told: str) -> bool:
        return bool(self._run("progress", {**_held(claim), "told": told}))

    # --- for people

    def find(self, id: str) -> Job | None:
        found = self._run("find", {"id": id})
        return _job(found[0]) if found else None

    def held(self, holder: str, id: str) -> Claim | None:
        found = self._run("held", {"id": id, "holder": holder})
        return Claim(_job(found[0]), holder) if found else None

    def listed(self, wanted: Mapping[str, str], *, before: str | None, limit: int) -> Sequence[Job]:
        asked = tuple(sorted(wanted)) + (("before",) if before else ())
        where = " AND ".join("id < :before" if name == "before" else f"{name} = :{name}" for name in asked) or "1 = 1"
        prepared = self._session.prepared(("jobs", "list", asked), lambda: text(_LIST.format(job=_JOB, where=where)))
        values = {**wanted, "at_most": limit} | ({"before": before} if before else {})
        return [_job(row) for row in self._session.execute(prepared, values)]

    def cancel(self, id: str, kept: timedelta) -> bool:
        return bool(self._run("cancel", {"id": id, "kept": _ms(kept)}))

    def retry(self, id: str) -> bool:
        return bool(self._waiting_again(self._run("retry", {"id": id})))

    def drop(self, id: str) -> bool:
        return bool(self._run("drop", {"id": id}))

    def depths(self) -> Sequence[Depth]:
        return [Depth(*row) for row in self._run("depths", {})]

    def queues(self) -> Sequence[QueueDepth]:
        return [QueueDepth(*row) for row in self._run("queues", {})]

    def tally(self, runs: Sequence[Tally]) -> None:
        for each in runs:
            self._run("tally", asdict(each))

    def tallies(self) -> Sequence[Tally]:
        return [Tally(*row) for row in self._run("tallies", {})]

    def forget(self, limit: int) -> int:
        return len(self._run("forget", {"at_most": limit}))

    def _waiting_again(self, rows: Sequence[tuple[Any, ...]]) -> int:
        self._session.jobs += [Waiting(*row) for row in rows]
        return len(rows)

    def _open(self, names: Collection[str], queues: Collection[str] | None) -> dict[str, Any]:
        return {"names": self._many(names)} | ({"queues": self._many(queues)} if queues is not None else {})

    def _many(self, values: Collection[str]) -> Any:
        return ids_value(sorted(values), self._session.dialect)

    def _run(self, key: str, values: Mapping[str, Any], *, queues: bool = False) -> list[tuple[Any, ...]]:
        return self._session.execute(self._session.prepared(("jobs", key, queues), lambda: self._statement(key, queues)), values)

    def _statement(self, key: str, queues: bool) -> Any:
        written = text(_written(_STATEMENTS[key], self._session.dialect, queues=queues))
        if self._session.dialect == "sqlite":
            return written
        return written.bindparams(*(bindparam(name, type_=ARRAY(Text)) for name in _LISTS if name in written._bindparams))


def _held(claim: Claim) -> dict[str, Any]:
    return {"id": claim.job.id, "holder": claim.holder}


def _ms(length: timedelta) -> int:
    return round(length.total_seconds() * 1000)


def _job(row: Sequence[Any]) -> Job:
    id, name, queue, arguments, state, priority, due, created, key, tries, lost, started, ended, progress, result, reason = row
    done, note = json.loads(progress) if progress else (None, "")
    return Job(
        id, name, queue, json.loads(arguments), state, priority, due, created, key, tries, lost, started, ended, done, note,
        json.loads(result) if result else None, reason,
    )  # fmt: skip
