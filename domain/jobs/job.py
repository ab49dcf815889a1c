"""A job and the states of its life. Times are milliseconds since 1970 by the database's clock, which all who share it go by."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.errors import Conflict, Fault, Invalid
from domain.schema.fields.times import write_instant

WAITING, RUNNING, DONE, DEAD, CANCELLED = "waiting", "running", "done", "dead", "cancelled"
STATES = (WAITING, RUNNING, DONE, DEAD, CANCELLED)
# What an admin may still call off, and what may begin anew.
UNFINISHED, REVIVABLE = frozenset({WAITING, RUNNING}), frozenset({DEAD, CANCELLED})

DEFAULT_QUEUE = "default"
_QUEUE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LONGEST_KEY = 200

# Whoever sees that something went wrong looks within a month; nobody wants to find the arguments years later.
DEAD_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Job:
    """`tries` counts the runs that failed, `lost` those of which nobody knows how they ended. `progress` is from 0 to 1."""

    id: str
    name: str
    queue: str
    arguments: Mapping[str, Any]
    state: str
    priority: int
    due: int
    created: int
    key: str | None = None
    tries: int = 0
    lost: int = 0
    started: int | None = None
    ended: int | None = None
    progress: float | None = None
    note: str = ""
    result: Any = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Depth:
    """How many jobs of a queue are in a state, and how many milliseconds ago the first of them was due."""

    queue: str
    name: str
    state: str
    count: int
    age: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that is due, as far as is known, for those who run what is in its queue."""

    id: str
    queue: str


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """How many jobs of a queue wait, run or are dead, and for how many milliseconds the first of them has been due, running or dead."""

    queue: str
    state: str
    count: int
    age: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that is ours to run, for as long as the database has it held by `holder`, which is given once."""

    job: Job
    holder: str


def instant(moment: int | None) -> str | None:
    return None if moment is None else write_instant(datetime.fromtimestamp(moment / 1000, UTC))


def milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def check_queue(name: str) -> str:
    if not _QUEUE.fullmatch(name):
        raise Invalid("the name of a queue has 1 to 40 characters of a-z, 0-9 and _, and begins with a letter", code="invalid_job")
    return name


def check_key(key: str | None) -> str | None:
    if key is not None and not (0 < len(key) <= _LONGEST_KEY and key.isprintable()):
        fault = Fault("/key", "invalid_job", f"a key has 1 to {_LONGEST_KEY} printable characters")
        raise Invalid(fault.detail, code="invalid_job", faults=(fault,))
    return key


def check_cancel(job: Job) -> None:
    if job.state not in UNFINISHED:
        raise Conflict(f"the job is {job.state}: there is nothing to cancel", code="job_finished")


def check_retry(job: Job) -> None:
    if job.state not in REVIVABLE:
        raise Conflict(
            f"the job is {job.state}: only one that is dead or cancelled begins anew", code="job_not_finished", hint="enqueue another one"
        )


def check_drop(job: Job) -> None:
    if job.state == RUNNING:
        raise Conflict("the job is running", code="job_not_finished", hint="cancel it first")
