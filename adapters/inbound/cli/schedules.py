"""`stillroom schedules`: which jobs come round by themselves, and when."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import click

from app.usecases.schedules import ScheduleUseCases
from domain.actor import SYSTEM
from domain.jobs.job import instant
from domain.jobs.schedules import Schedule, interval_text

Opened = Callable[[], AbstractContextManager[ScheduleUseCases]]


def list_(schedules: Opened) -> None:
    """Show schedules with their next times."""
    with schedules() as use_cases:
        lines = [_line(each, use_cases.coming(each, 3)) for each in use_cases.list(actor=SYSTEM)]
    for line in lines or ["There are no schedules."]:
        click.echo(line)


@click.argument("name")
def run(schedules: Opened, name: str) -> None:
    """Make a job as the schedule would, now."""
    with schedules() as use_cases:
        click.echo(f"Job {use_cases.run(name, actor=SYSTEM)} is made.")


@click.argument("name")
def pause(schedules: Opened, name: str) -> None:
    """Let no tick be due until it is resumed."""
    with schedules() as use_cases:
        use_cases.pause(name, paused=True, actor=SYSTEM)
    click.echo(f"{name} is paused.")


@click.argument("name")
def resume(schedules: Opened, name: str) -> None:
    """Let a paused schedule go on with its next tick."""
    with schedules() as use_cases:
        resumed = use_cases.pause(name, paused=False, actor=SYSTEM)
    click.echo(f"{name} goes on at {instant(resumed.next) or 'no time any more'}.")


def _line(each: Schedule, coming: tuple[int, ...]) -> str:
    timing = each.timing
    when = f"every {interval_text(timing.every)}" if timing.every else f"{timing.cron} ({timing.zone})"
    told = "paused" if each.is_paused else ", ".join(str(instant(tick)) for tick in coming) or "never again"
    return f"{each.name}: {each.job}, {when}; next {told}"
