"""Jobs as they are asked for and looked after: registered under a name, enqueued in the caller's transaction, seen and mended by admins.
Running them is `job_runs`."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from threading import local
from typing import Any

from app.usecases.idempotency import Keep, unkept
from domain.accounts.roles import EDIT, LOOK, require
from domain.actor import Actor
from domain.errors import Conflict, Invalid, NotFound, did_you_mean
from domain.jobs.crowd import Crowd
from domain.jobs.job import (
    DEAD_KEPT,
    STATES,
    Claim,
    Depth,
    Job,
    check_cancel,
    check_drop,
    check_key,
    check_retry,
    milliseconds,
)
from domain.jobs.tasks import PRIORITIES, Task, UnfitTask, task_of, written
from domain.records.reading import guard_of
from ports.clock import Ids
from ports.jobs import Asked
from ports.unit_of_work import Stores, UnitOfWork

# That are shown at once.
MOST = 500
# The job that a key binds to may end between our attempt and our look, and another one be enqueued just then.
_ATTEMPTS = 5
_JOBS = "jobs are"


class JobUseCases:
    def __init__(self, work: UnitOfWork, ids: Ids, crowd: Crowd) -> None:
        self._work, self._ids, self._crowd = work, ids, crowd
        self._tasks: dict[str, Task] = {}
        self._elsewhere: set[str] = set()
        self._running = local()

    @property
    def tasks(self) -> Mapping[str, Task]:
        """By name."""
        return self._tasks

    @property
    def runnable(self) -> Collection[str]:
        """Those that this process runs."""
        return self._tasks.keys() - self._elsewhere

    def leave(self, name: str) -> None:
        """It is asked for here, and run by other processes."""
        self._elsewhere.add(name)

    def register(self, name: str, function: Callable[..., Any], **options: Any) -> None:
        """From now on `function` runs as the job `name`, with what was enqueued as its arguments by name; at least once, so it bears being
        run again. What it answers is kept as the result. The options are those of `Task`; UnfitTask where they cannot be."""
        if name in self._tasks:
            raise UnfitTask(f"there is a job `{name}` already")
        self._tasks[name] = task_of(name, function, **options)

    def enqueue(
        self, name: str, /, *, at: datetime | timedelta | None = None, key: str | None = None, priority: int | None = None, **arguments: Any
    ) -> str:
        """The job's id. It is there once the caller's transaction is committed, and only then. `at` is a moment, or a time from now on;
        with a `key`, one that binds still is answered instead of another. Invalid names each argument that the job does not take;
        Unavailable where too many wait."""
        asked = self._asked(self._ids.new(), name, at, key, priority, arguments)
        return self._work.run(lambda stores: self._added(stores, asked))

    def add(
        self, stores: Stores, id: str, name: str, /, *, at: datetime | timedelta | None = None, key: str | None = None,
        priority: int | None = None, however_many: bool = False, **arguments: Any,
    ) -> str:  # fmt: skip
        """As `enqueue`, in a body of the caller's, who knows its id by then: another is answered where the key binds. `however_many` is
        for what is limited elsewhere."""
        return self._added(stores, self._asked(id, name, at, key, priority, arguments), however_many=however_many)

    def check(self, name: str, arguments: Mapping[str, Any]) -> None:
        """Invalid where there is no such job, or it takes other arguments."""
        self._task(name).check(arguments)

    def progress(self, done: float, note: str = "") -> None:
        """Of the job that runs in this thread: how far it is, from 0 to 1."""
        claim: Claim | None = getattr(self._running, "claim", None)
        if claim is None:
            raise RuntimeError("no job runs here")
        told = written([min(max(float(done), 0.0), 1.0), note[:200]], "the progress")
        self._work.run(lambda stores: stores.jobs.progress(claim, told))

    def call(self, claim: Claim) -> Any:
        """Runs the function here, in no transaction."""
        self._running.claim = claim
        try:
            return self._tasks[claim.job.name].function(**claim.job.arguments)
        finally:
            self._running.claim = None

    # --- for admins

    def list(self, wanted: Mapping[str, str], *, before: str | None = None, limit: int = MOST, actor: Actor) -> Sequence[Job]:
        """The latest first; `wanted` is by state, name and queue."""
        require(actor, LOOK, _JOBS)
        if wanted.get("state", STATES[0]) not in STATES:
            raise Invalid(f"a job's state is one of {', '.join(STATES)}", code="invalid_parameter")
        return self._work.read(lambda stores: _sound(stores, actor).jobs.listed(wanted, before=before, limit=min(limit, MOST)))

    def depths(self, *, actor: Actor) -> Sequence[Depth]:
        """How many there are, by queue, name and state."""
        require(actor, LOOK, _JOBS)
        return self._work.read(lambda stores: _sound(stores, actor).jobs.depths())

    def inspect(self, id: str, *, actor: Actor) -> Job:
        require(actor, LOOK, _JOBS)
        return self._work.read(lambda stores: _found(_sound(stores, actor), id))

    def cancel(self, id: str, *, actor: Actor, keep: Keep = unkept) -> None:
        """It does not begin, or whoever runs it is stopped."""
        self._mended(id, actor, check_cancel, lambda stores: stores.jobs.cancel(id, DEAD_KEPT), keep)

    def retry(self, id: str, *, actor: Actor, keep: Keep = unkept) -> None:
        """One that is dead or cancelled begins anew."""
        self._mended(id, actor, check_retry, lambda stores: stores.jobs.retry(id), keep)

    def drop(self, id: str, *, actor: Actor, keep: Keep = unkept) -> None:
        """Nothing is left of it."""
        self._mended(id, actor, check_drop, lambda stores: stores.jobs.drop(id), keep)

    def _mended(self, id: str, actor: Actor, check: Callable[[Job], None], mend: Callable[[Stores], bool], keep: Keep) -> None:
        require(actor, EDIT, _JOBS)

        def body(stores: Stores) -> None:
            check(_found(_sound(stores, actor), id))
            if not mend(stores):
                raise Conflict("the job has changed meanwhile", hint="look at it again")
            keep(stores, None)

        self._work.run(body)

    def _added(self, stores: Stores, asked: Asked, *, however_many: bool = False) -> str:
        for _ in range(_ATTEMPTS):
            if stores.jobs.add(asked):
                if not however_many:
                    self._crowd.join(stores.jobs.waiting)
                return asked.id
            found = stores.jobs.bound(asked.name, asked.key or "")
            if found is not None:
                return found
        raise Conflict("jobs with this key come and go at the moment", hint="try again")

    def _asked(
        self, id: str, name: str, at: datetime | timedelta | None, key: str | None, priority: int | None, arguments: Mapping[str, Any]
    ) -> Asked:
        task = self._task(name)
        return Asked(id, name, task.queue, task.check(arguments), _priority(task, priority), task.once, check_key(key), *_due(at))

    def _task(self, name: str) -> Task:
        task = self._tasks.get(name)
        if task is None:
            raise Invalid(f"there is no job `{name[:60]}`", code="unknown_job", hint=did_you_mean(name, list(self._tasks)))
        return task


def _priority(task: Task, asked: int | None) -> int:
    if asked is not None and not PRIORITIES[0] <= asked <= PRIORITIES[1]:
        raise Invalid(f"a priority is from {PRIORITIES[0]} to {PRIORITIES[1]}", code="invalid_job")
    return task.priority if asked is None else asked


def _due(at: datetime | timedelta | None) -> tuple[int | None, timedelta]:
    if isinstance(at, datetime):
        if at.tzinfo is None:
            raise Invalid("`at` is a moment without a time zone", code="invalid_job", hint="give it one: datetime.now(UTC)")
        return milliseconds(at), timedelta(0)
    return None, at or timedelta(0)


def _found(stores: Stores, id: str) -> Job:
    job = stores.jobs.find(id)
    if job is None:
        raise NotFound("there is no such job", hint="jobs that are over are forgotten after a while")
    return job


def _sound(stores: Stores, actor: Actor) -> Stores:
    """Once it is sure that the actor still stands."""
    stores.records.check_guard(guard_of(actor))
    return stores
