"""Jobs that come round by themselves: which there are, and moving them on when their time has come. Any number of processes look; of each
tick one makes a job, in the transaction that moves the schedule on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from app.usecases.happenings import happens
from app.usecases.idempotency import Keep, unkept
from app.usecases.jobs import JobUseCases
from domain.accounts.roles import LOOK, RUN, require
from domain.actor import SYSTEM, Actor
from domain.errors import Conflict, Invalid, NotFound
from domain.hooks.changes import ScheduleChange
from domain.jobs.schedules import After, Schedule, Timing, after_interval, move, read_schedule, read_timing
from domain.records.reading import guard_of
from domain.rules.values import RequestFacts
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.observer import Observation, Observer
from ports.schedules import Calendar
from ports.unit_of_work import Stores, UnitOfWork

# Seconds between two looks: a tick is that late at most.
PACE = 1.0
_AT_ONCE = 1000
_SCHEDULES = "schedules are"


@dataclass(frozen=True, slots=True)
class ScheduleStuck(Observation):
    """Its time has come, and no job could be made; it is tried again. `reason` says why."""

    schedule: str
    reason: str


class ScheduleUseCases:
    def __init__(self, work: UnitOfWork, jobs: JobUseCases, calendar: Calendar, clock: Clock, ids: Ids, observer: Observer) -> None:
        self._work, self._jobs, self._calendar = work, jobs, calendar
        self._clock, self._ids, self._observer = clock, ids, observer
        self._declared: dict[str, Schedule] = {}

    # --- going round

    def tick(self, *, stopped: Callable[[], bool] = lambda: False) -> int:
        """Makes the jobs whose time has come; how many. A schedule that fails keeps no other waiting."""
        made = 0
        for schedule in self._work.read(lambda stores: stores.schedules.due(_AT_ONCE)):
            if stopped():
                break
            try:
                made += self._work.run(partial(self._moved, schedule))
            except Exception as error:  # noqa: BLE001 - told, and tried again with the next look
                self._observer.observe(ScheduleStuck(schedule.name, str(error) if isinstance(error, Invalid) else type(error).__name__))
        return made

    def _moved(self, schedule: Schedule, stores: Stores) -> int:
        decided = move(schedule, stores.schedules.now(), self._after(schedule.timing, schedule.next or 0))
        last = decided.runs[-1] if decided.runs else schedule.next or 0
        if not stores.schedules.move(schedule, decided.next, last):
            return 0
        for tick in decided.runs:
            # The key finds the job of a tick; that there is one alone, the statement above has decided.
            self._jobs.add(stores, self._ids.new(), schedule.job, key=f"{schedule.name} {tick}", **schedule.arguments)
        return len(decided.runs)

    def _after(self, timing: Timing, since: int) -> After:
        if timing.every is not None:
            every = timing.every
            return lambda moment: after_interval(every, moment, since)
        return lambda moment: self._calendar.after(timing.cron, timing.zone, moment)

    # --- those that extensions declare

    def declare(self, name: str, every: str, cron: str, zone: str = "UTC") -> None:
        """Of a job that is registered; Invalid where it could not come round."""
        timing = read_timing({"every": every} if every else {"cron": cron, "zone": zone})
        self._checked(Schedule(name, name, timing, is_declared=True))
        self._declared[name] = Schedule(name, name, timing, is_declared=True)

    def settle(self) -> None:
        """At the start of whatever runs jobs: what is declared now is there, and nothing that was declared before. One that has not changed
        goes on where it was."""
        self._work.run(self._settled)

    def _settled(self, stores: Stores) -> None:
        there = {each.name: each for each in stores.schedules.all()}
        for name, each in there.items():
            if each.is_declared and name not in self._declared:
                stores.schedules.remove(name)
        for name, each in self._declared.items():
            present = stores.schedules.hold(name)
            if present is None or not present.is_declared:
                stores.schedules.put(self._begun(stores, each))
            elif (present.timing, present.job) != (each.timing, each.job):
                stores.schedules.put(self._begun(stores, replace(each, is_paused=present.is_paused)))

    def _begun(self, stores: Stores, schedule: Schedule) -> Schedule:
        if schedule.is_paused:
            return replace(schedule, next=None)
        now = stores.schedules.now()
        return replace(schedule, next=self._after(schedule.timing, now)(now))

    # --- for admins

    def list(self, *, actor: Actor) -> Sequence[Schedule]:
        require(actor, LOOK, _SCHEDULES)
        return self._work.read(lambda stores: _sound(stores, actor).schedules.all())

    def coming(self, schedule: Schedule, count: int = 5) -> tuple[int, ...]:
        """Its next ticks."""
        found: list[int] = []
        tick, after = schedule.next, self._after(schedule.timing, schedule.next or 0)
        while tick is not None and len(found) < count:
            found.append(tick)
            tick = after(tick)
        return tuple(found)

    def put(self, name: str, body: Mapping[str, Any], *, actor: Actor, facts: RequestFacts | None = None, keep: Keep = unkept) -> Schedule:
        """A new one, or another in place of the one with that name. Invalid where there is no such job, or it takes other arguments;
        Conflict where an extension declares it."""
        require(actor, RUN, _SCHEDULES)
        wanted = self._checked(read_schedule(name, body))

        def make(stores: Stores) -> Schedule:
            before = _sound(stores, actor).schedules.hold(name)
            if before is not None and before.is_declared:
                raise Conflict("an extension declares this schedule", hint="change it there, or pause it")
            made = self._begun(stores, replace(wanted, last=before.last if before else None))
            stores.schedules.put(made)
            self._tell(stores, "save", made, actor, facts)
            return keep(stores, made)

        return self._work.run(make)

    def pause(self, name: str, *, paused: bool, actor: Actor, facts: RequestFacts | None = None, keep: Keep = unkept) -> Schedule:
        """While it is paused no tick is due, and none counts as missed."""
        require(actor, RUN, _SCHEDULES)

        def body(stores: Stores) -> Schedule:
            changed = self._begun(stores, replace(_found(_sound(stores, actor), name), is_paused=paused))
            stores.schedules.put(changed)
            self._tell(stores, "save", changed, actor, facts)
            return keep(stores, changed)

        return self._work.run(body)

    def remove(self, name: str, *, actor: Actor, facts: RequestFacts | None = None, keep: Keep = unkept) -> None:
        require(actor, RUN, _SCHEDULES)

        def body(stores: Stores) -> None:
            found = _found(_sound(stores, actor), name)
            if found.is_declared:
                raise Conflict("an extension declares this schedule", hint="take it away there, or pause it")
            stores.schedules.remove(name)
            self._tell(stores, "remove", found, actor, facts)
            keep(stores, None)

        self._work.run(body)

    def run(self, name: str, *, actor: Actor, facts: RequestFacts | None = None, keep: Keep = unkept) -> str:
        """The id of a job as the schedule would make it, made now; its ticks stay where they are."""
        require(actor, RUN, _SCHEDULES)

        def body(stores: Stores) -> str:
            found = _found(_sound(stores, actor), name)
            made = self._jobs.add(stores, self._ids.new(), found.job, **found.arguments)
            self._tell(stores, "run", found, actor, facts)
            return keep(stores, made)

        return self._work.run(body)

    def _checked(self, wanted: Schedule) -> Schedule:
        if wanted.timing.cron:
            self._calendar.check(wanted.timing.cron, wanted.timing.zone)
        self._jobs.check(wanted.job, wanted.arguments)
        return wanted

    def _tell(self, stores: Stores, what: str, schedule: Schedule, actor: Actor, facts: RequestFacts | None) -> None:
        change = ScheduleChange(
            event=f"schedules.{what}", actor=actor, request=facts.request_id if facts else "", name=schedule.name, job=schedule.job
        )
        happens(stores, change, write_instant(self._clock.now()), facts=facts)


def _found(stores: Stores, name: str) -> Schedule:
    schedule = stores.schedules.hold(name)
    if schedule is None:
        raise NotFound("there is no such schedule")
    return schedule


def _sound(stores: Stores, actor: Actor) -> Stores:
    """Once it is sure that the actor still stands."""
    if actor != SYSTEM:
        stores.records.check_guard(guard_of(actor))
    return stores
