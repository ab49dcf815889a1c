"""`stillroom webhooks`: which servers are told what happens, and what became of the messages."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import click

from app.usecases.webhooks import WebhookUseCases
from domain.actor import SYSTEM
from domain.jobs.job import instant
from domain.webhooks.deliveries import STATES, Delivery

Opened = Callable[[], AbstractContextManager[WebhookUseCases]]


def list_(webhooks: Opened) -> None:
    """Show which servers are told what."""
    with webhooks() as use_cases:
        lines = [_line(each) for each in use_cases.list(actor=SYSTEM)]
    for line in lines or ["There are no webhooks."]:
        click.echo(line)


@click.argument("webhook")
@click.option("--state", type=click.Choice(STATES), help="Those in this state alone.")
def deliveries(webhooks: Opened, webhook: str, state: str | None) -> None:
    """Show the latest messages for a server, and what became of them."""
    with webhooks() as use_cases:
        lines = [_message(each) for each in use_cases.deliveries(webhook, state=state, actor=SYSTEM)]
    for line in lines or ["There are no messages."]:
        click.echo(line)


@click.argument("webhook")
def test(webhooks: Opened, webhook: str) -> None:
    """Send a message that tells of nothing."""
    with webhooks() as use_cases:
        click.echo(f"Message {use_cases.test(webhook, actor=SYSTEM)} is sent by the server.")


@click.argument("webhook")
@click.argument("since")
def replay(webhooks: Opened, webhook: str, since: str) -> None:
    """Send again what was given up since an instant (2026-01-31T08:00:00.000Z)."""
    with webhooks() as use_cases:
        click.echo(f"{use_cases.replay_dead(webhook, {'since': since}, actor=SYSTEM)} are sent again by the server.")


@click.argument("webhook")
def enable(webhooks: Opened, webhook: str) -> None:
    """Tell a server again that was disabled."""
    with webhooks() as use_cases:
        use_cases.change(webhook, {"enabled": True}, actor=SYSTEM)
    click.echo(f"{webhook} is told what happens.")


def _line(each: dict[str, Any]) -> str:
    told = ", ".join(f"{one['collection']} ({' '.join(one['events'])})" for one in each["subscriptions"]) or "nothing"
    state = "enabled" if each["enabled"] else f"disabled ({each['disabled_by']})"
    if each["resting_until"]:
        state = f"failed {each['failures']} times, left alone until {each['resting_until']}"
    return f"{each['id']} {each['name'] or each['url']}: {told} as {each['as']}; {state}"


def _message(each: Delivery) -> str:
    last = f": {each.attempts[-1].told}" if each.attempts and not each.attempts[-1].is_taken else ""
    return f"{each.id} {instant(each.created)} {each.kind}: {each.state} after {each.tries} tries{last}"
