"""What operators watch of the whole backend, whichever process they ask: depths, ages and counts that stand in the database. What a
process counts of itself is its observer's. Labels are names that the owner declared: never an id, and nothing that a client sends."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Literal

from domain.deliveries import Backlog
from domain.jobs.job import QueueDepth
from domain.jobs.schedules import Rounds
from domain.jobs.tallies import BOUNDS, LONGER, UNMEASURED, Tally
from domain.schema.fields.times import read_instant
from domain.webhooks.deliveries import Backlog as Webhooks

Kind = Literal["gauge", "counter", "histogram"]


@dataclass(frozen=True, slots=True)
class Spread:
    """How many were within each bound (in seconds, the last one without end), counted up from below, and what all of them took."""

    within: tuple[tuple[float, int], ...]
    total: float


@dataclass(frozen=True, slots=True)
class Measure:
    """`values` by labels, in the order of `labels`; of a histogram they are spreads."""

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...]
    values: Mapping[tuple[str, ...], float | Spread]


def of_queues(found: Sequence[QueueDepth]) -> Iterable[Measure]:
    by = ("queue", "state")
    yield Measure("stillroom_jobs", "gauge", "Jobs that wait, run or are dead; letters are those of the queue `mail`.", by,
                  {(each.queue, each.state): each.count for each in found})  # fmt: skip
    yield Measure("stillroom_jobs_oldest_seconds", "gauge", "Since when the first of them is due, runs or is dead.", by,
                  {(each.queue, each.state): max(0, each.age) / 1000 for each in found})  # fmt: skip


def of_runs(found: Sequence[Tally]) -> Iterable[Measure]:
    by = lambda each: each.job
    ended: dict[tuple[str, ...], float] = {}
    waited: dict[tuple[str, ...], float] = {}
    for each in found:
        ended[each.job, each.outcome] = ended.get((each.job, each.outcome), 0) + each.runs
        waited[each.job,] = waited.get((each.job,), 0) + each.waited / 1000
    spreads: dict[tuple[str, ...], float | Spread] = {
        (job,): _spread(list(those)) for job, those in groupby(sorted(found, key=by), key=by)
    }  # fmt: skip
    yield Measure("stillroom_job_runs", "counter", "Runs of jobs by how they ended.", ("job", "outcome"), ended)
    yield Measure("stillroom_job_run_seconds", "histogram", "What runs took, of those that came to their own end.", ("job",), spreads)
    yield Measure("stillroom_job_wait_seconds", "counter", "How long runs were due before they began.", ("job",), waited)


def of_schedules(found: Rounds) -> Iterable[Measure]:
    yield Measure("stillroom_schedules", "gauge", "Schedules that go round, and those that are paused.", ("state",),
                  {("going",): found.going, ("paused",): found.paused})  # fmt: skip
    yield Measure("stillroom_schedules_late_seconds", "gauge", "For how long the tick that is due longest has been due.", (),
                  {(): found.late / 1000})  # fmt: skip


def of_subscribers(found: Sequence[Backlog], now: datetime) -> Iterable[Measure]:
    told = (
        ("stillroom_events_unheard", "Events that it has not heard yet, counted to 1,000.", lambda each: each.unheard),
        ("stillroom_events_oldest_seconds", "Since when the first of them waits.", lambda each: _age(each.oldest, now)),
        ("stillroom_events_deferred", "Events that are told to it again.", lambda each: each.waiting),
        ("stillroom_events_dead", "Events that were given up for it.", lambda each: each.dead),
    )
    for name, meaning, read in told:
        yield Measure(name, "gauge", meaning, ("subscriber",), {(each.subscriber,): read(each) for each in found})


def of_webhooks(found: Webhooks) -> Iterable[Measure]:
    yield Measure("stillroom_webhooks", "gauge", "Endpoints by state; one that rests has failed and is left alone for a while.", ("state",),
                  {("enabled",): found.enabled, ("resting",): found.resting, ("disabled",): found.disabled})  # fmt: skip
    yield Measure("stillroom_webhook_deliveries", "gauge", "Messages that wait, or were given up.", ("state",),
                  {("waiting",): found.waiting, ("dead",): found.dead})  # fmt: skip
    yield Measure("stillroom_webhook_deliveries_oldest_seconds", "gauge", "Since when the first of them waits.", (),
                  {(): max(0, found.oldest) / 1000})  # fmt: skip


def of_database(*, answers: bool) -> Measure:
    return Measure("stillroom_database_up", "gauge", "Whether the database told all of this.", (), {(): float(answers)})


def _spread(runs: Sequence[Tally]) -> Spread:
    measured = [each for each in runs if each.within != UNMEASURED]
    within, so_far = [], 0
    for bound in (*BOUNDS, LONGER):
        so_far += sum(each.runs for each in measured if each.within == bound)
        within.append((bound / 1000 if bound != LONGER else float("inf"), so_far))
    return Spread(tuple(within), sum(each.took for each in measured) / 1000)


def _age(moment: str | None, now: datetime) -> float:
    began = read_instant(moment) if moment else None
    return 0.0 if began is None else max(0.0, (now - began).total_seconds())
