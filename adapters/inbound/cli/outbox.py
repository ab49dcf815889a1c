"""`stillroom outbox`: who is behind with events, and what to do with those that could not be handled."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import click

from app.usecases.deliveries import MOST, DeliveryUseCases
from domain.actor import SYSTEM
from domain.deliveries import Backlog, Deferred

Opened = Callable[[], AbstractContextManager[DeliveryUseCases]]


def status(deliveries: Opened) -> None:
    """Show how far behind each subscriber is, and what could not be handled."""
    with deliveries() as use_cases:
        backlogs, deferred = use_cases.backlogs(actor=SYSTEM), use_cases.deferred(actor=SYSTEM)
    if not backlogs:
        click.echo("Nobody has subscribed to events.")
    for each in backlogs:
        click.echo(_backlog(each))
    for name, waiting in deferred:
        click.echo(_deferred(name, waiting))
    if len(deferred) == MOST:
        click.echo(f"… and perhaps more: the {MOST} oldest are shown.")


@click.argument("subscriber")
@click.argument("event", type=int)
def retry(deliveries: Opened, subscriber: str, event: int) -> None:
    """Tell an event to a subscriber again, as soon as possible."""
    with deliveries() as use_cases:
        use_cases.retry(subscriber, event, actor=SYSTEM)
    click.echo(f"Event {event} is told to {subscriber} again.")


@click.argument("subscriber")
@click.argument("event", type=int)
def drop(deliveries: Opened, subscriber: str, event: int) -> None:
    """Never tell this event to this subscriber."""
    with deliveries() as use_cases:
        use_cases.drop(subscriber, event, actor=SYSTEM)
    click.echo(f"Event {event} is told to {subscriber} no more.")


def _backlog(each: Backlog) -> str:
    unheard = f"{each.unheard} not heard yet, since {each.oldest}" if each.unheard else "has heard everything"
    return f"{each.subscriber}: {unheard}; {each.waiting} to be told again, {each.dead} given up"


def _deferred(name: str, each: Deferred) -> str:
    event = each.event.event
    what = f"  {name} {each.event.id}: {event.kind} of {event.collection} {event.record}"
    if each.dead_since:
        return f"{what}, given up at {each.dead_since} after {each.tries} tries ({each.reason})"
    return f"{what}, {each.tries} tries ({each.reason}), again at {each.again}" if each.tries else f"{what}, waits behind an earlier one"
