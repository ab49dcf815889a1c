"""`stillroom worker`, which runs jobs, and `stillroom jobs`, which shows and mends them."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import click

from adapters.inbound.cli.terminal import count
from app.usecases.jobs import MOST, JobUseCases
from domain.actor import SYSTEM
from domain.jobs.job import STATES, UNFINISHED, Depth, Job, instant

Opened = Callable[[], AbstractContextManager[JobUseCases]]


@dataclass(frozen=True, slots=True)
class Work:
    """How a worker is asked to work; without `queues` it takes every one. It ends with `parent`, where that is given."""

    processes: int | None
    queues: tuple[str, ...] | None
    burst: bool
    parent: int | None


@click.option("--queues", help="Run the jobs of these alone, separated by commas.")
@click.option("--processes", type=click.IntRange(1, 256), help="How many jobs run at once; else STILLROOM_JOB_WORKERS.")
@click.option("--burst", is_flag=True, help="End once nothing is due.")
@click.option("--parent", type=int, hidden=True)
def worker(work: Callable[[Work], None], queues: str | None, processes: int | None, burst: bool, parent: int | None) -> None:
    """Run jobs until Ctrl-C, beside a server or on a machine of its own."""
    asked = tuple(each.strip() for each in queues.split(",") if each.strip()) if queues else None
    work(Work(processes, asked, burst, parent))


@click.option("--state", type=click.Choice(STATES), help="Those in this state.")
@click.option("--name", help="Those of this name.")
@click.option("--queue", help="Those of this queue.")
def list_(jobs: Opened, **wanted: str | None) -> None:
    """Show jobs, the latest first, and how many there are."""
    asked = {key: value for key, value in wanted.items() if value is not None}
    with jobs() as use_cases:
        depths, found = use_cases.depths(actor=SYSTEM), use_cases.list(asked, actor=SYSTEM)
    for each in depths:
        click.echo(f"{each.queue}: {each.name}, {each.count} {each.state}{_since(each)}")
    for job in found:
        click.echo(_line(job))
    if len(found) == MOST:
        click.echo(f"… and perhaps more: the {MOST} latest are shown.")
    if not depths:
        click.echo("There are no jobs.")


@click.argument("id")
def show(jobs: Opened, id: str) -> None:
    """Show everything about a job."""
    with jobs() as use_cases:
        job = use_cases.inspect(id, actor=SYSTEM)
    click.echo(_line(job))
    for name, value in (
        ("queue", job.queue), ("arguments", json.dumps(job.arguments, ensure_ascii=False)), ("key", job.key), ("priority", job.priority),
        ("asked for", instant(job.created)), ("due", instant(job.due)), ("started", instant(job.started)), ("ended", instant(job.ended)),
        ("tries", job.tries), ("lost", job.lost), ("progress", job.progress), ("note", job.note),
        ("result", None if job.result is None else json.dumps(job.result, ensure_ascii=False)), ("reason", job.reason),
    ):  # fmt: skip
        if value not in (None, "", 0):
            click.echo(f"  {name}: {value}")


@click.argument("ids", nargs=-1, required=True)
def retry(jobs: Opened, ids: tuple[str, ...]) -> None:
    """Let jobs that are dead or cancelled begin anew."""
    _each(jobs, ids, JobUseCases.retry, "to be run again")


@click.argument("ids", nargs=-1, required=True)
def cancel(jobs: Opened, ids: tuple[str, ...]) -> None:
    """Call jobs off that wait or run."""
    _each(jobs, ids, JobUseCases.cancel, "cancelled")


@click.argument("ids", nargs=-1, required=True)
def drop(jobs: Opened, ids: tuple[str, ...]) -> None:
    """Forget jobs that do not run."""
    _each(jobs, ids, JobUseCases.drop, "dropped")


def _each(jobs: Opened, ids: tuple[str, ...], what: Callable[..., None], said: str) -> None:
    with jobs() as use_cases:
        for id in ids:
            what(use_cases, id, actor=SYSTEM)
    click.echo(f"{count(len(ids), 'job')} {said}.")


def _since(depth: Depth) -> str:
    """Of what is still to be done; how long ago others were due tells nothing."""
    return f", the first was due {depth.age // 1000} s ago" if depth.state in UNFINISHED and depth.age > 0 else ""


def _line(job: Job) -> str:
    tries = f", failed {count(job.tries, 'time')}" if job.tries else ""
    return f"{job.id} {job.name}: {job.state}{tries}{f' ({job.reason})' if job.reason else ''}"
