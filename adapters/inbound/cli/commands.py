"""The `stillroom` command: what it asks and says; what it does is handed in by the composition.

Commands of one topic have a module of their own beside this one; here they are listed.
"""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any, cast

import click

from adapters.inbound.cli import (
    admins,
    extensions,
    jobs,
    keys,
    outbox,
    rules,
    schedules,
    schema,
    webhooks,
)
from adapters.inbound.cli.exports import export
from adapters.inbound.cli.files import check as files_check
from adapters.inbound.cli.imports import import_
from adapters.inbound.cli.jobs import Work
from adapters.inbound.cli.openapi import openapi_group
from adapters.inbound.cli.pocketbase import Opened, pocketbase_import
from adapters.inbound.cli.terminal import Failed, count, told
from app.usecases.accounts import AccountUseCases
from app.usecases.deliveries import DeliveryUseCases
from app.usecases.exports import ExportUseCases
from app.usecases.factors import FactorUseCases
from app.usecases.file_checks import FileCheckUseCases
from app.usecases.housekeeping import HousekeepingUseCases
from app.usecases.imports import ImportUseCases
from app.usecases.jobs import JobUseCases
from app.usecases.schedules import ScheduleUseCases
from app.usecases.schema import SchemaUseCases
from app.usecases.webhooks import WebhookUseCases
from domain.accounts.roles import ROLES
from domain.actor import OWNER


@dataclass(frozen=True, slots=True)
class Actions:
    """What the commands do. `serve` takes settings that go before the environment's, by variable; `migrate` and `check` answer
    lines to print; `accounts`, `factors`, `imports`, `exports`, `pocketbase` (of a folder), `housekeeping`, `schema` and
    `deliveries` open the database for as long as they are used;
    `url` says where the API is served, `tried` tries a file of cases on definitions, in memory; `own_commands` are those of extensions, and
    `run_own` runs one of these; `jobs`, `schedules`, `webhooks` and `files` open the database too, and `work` runs them until it ends."""

    serve: Callable[[dict[str, str]], None]
    migrate: Callable[[], list[str]]
    check: Callable[[], list[str]]
    openapi: Callable[[str], str]
    accounts: Callable[[], AbstractContextManager[AccountUseCases]]
    factors: Callable[[], AbstractContextManager[FactorUseCases]]
    imports: Callable[[], AbstractContextManager[ImportUseCases]]
    exports: Callable[[], AbstractContextManager[ExportUseCases]]
    pocketbase: Opened
    housekeeping: Callable[[], AbstractContextManager[HousekeepingUseCases]]
    schema: Callable[[], AbstractContextManager[SchemaUseCases]]
    deliveries: Callable[[], AbstractContextManager[DeliveryUseCases]]
    jobs: Callable[[], AbstractContextManager[JobUseCases]]
    schedules: Callable[[], AbstractContextManager[ScheduleUseCases]]
    webhooks: Callable[[], AbstractContextManager[WebhookUseCases]]
    files: Callable[[], AbstractContextManager[FileCheckUseCases]]
    work: Callable[[Work], None]
    url: Callable[[], str]
    tried: rules.Tried
    own_commands: extensions.Own = tuple
    run_own: extensions.Run = lambda name, options: None


def commands(actions: Actions) -> click.Group:
    """The group of all commands; each one listed here exists."""
    about = "Stillroom: the whole backend of a web or mobile app."
    group = extensions.Commands("stillroom", own=actions.own_commands, run=actions.run_own, help=about)
    admin = click.Group("admin", help="People who run this backend.")
    admin.add_command(_command(_admin_create, actions.accounts, "create"))
    admin.add_command(_command(admins.reset_factors, actions.factors, "reset-factors"))
    group.add_command(admin)
    signing = click.Group("keys", help="The keys that sign tokens.")
    signing.add_command(_command(keys.rotate, actions.accounts, "rotate"))
    group.add_command(signing)
    stored = click.Group("files", help="Files that records hold.")
    stored.add_command(_command(files_check, actions.files, "check"))
    group.add_command(stored)
    events = click.Group("outbox", help="Events that wait to be heard.")
    for name, handling in (("status", outbox.status), ("retry", outbox.retry), ("drop", outbox.drop)):
        events.add_command(_command(handling, actions.deliveries, name))
    group.add_command(events)
    work = click.Group("jobs", help="Work that waits, runs, or was given up.")
    for command in cast("tuple[Callable[..., None], ...]", (jobs.list_, jobs.show, jobs.retry, jobs.cancel, jobs.drop)):
        work.add_command(_command(command, actions.jobs, command.__name__.rstrip("_")))
    group.add_command(work)
    times = click.Group("schedules", help="Jobs that come round by themselves.")
    for command in cast("tuple[Callable[..., None], ...]", (schedules.list_, schedules.run, schedules.pause, schedules.resume)):
        times.add_command(_command(command, actions.schedules, command.__name__.rstrip("_")))
    told = click.Group("webhooks", help="Other servers that are told what happens.")
    sent = (webhooks.list_, webhooks.deliveries, webhooks.test, webhooks.replay, webhooks.enable)
    for command in cast("tuple[Callable[..., None], ...]", sent):
        told.add_command(_command(command, actions.webhooks, command.__name__.rstrip("_")))
    group.add_command(times)
    group.add_command(told)
    files = click.Group("schema", help="The collections as files, for git.")
    for command in (schema.export, schema.plan, schema.apply):
        files.add_command(_command(command, actions.schema, command.__name__))
    group.add_command(files)
    judged = click.Group("rules", help="Who may do what.")
    judged.add_command(_command(rules.test, (actions.tried, actions.schema), "test"))
    group.add_command(judged)
    for name, function, action in (
        ("serve", _serve, actions.serve),
        ("worker", jobs.worker, actions.work),
        ("migrate", _migrate, actions.migrate),
        ("import", import_, (actions.imports, actions.url)),
        ("export", export, actions.exports),
        ("housekeeping", _housekeeping, actions.housekeeping),
        ("check", _check, actions.check),
    ):
        group.add_command(_command(function, action, name))
    pocketbase = click.Group("pocketbase", help="Moving here from PocketBase.")
    pocketbase.add_command(_command(pocketbase_import, actions.pocketbase, "import"))
    group.add_command(pocketbase)
    group.add_command(openapi_group(actions.openapi))
    return group


def _command(function: Callable[..., None], action: Any, name: str) -> click.Command:
    """The click command of a function whose first argument is what it does it with."""

    def run(**options: Any) -> None:
        with told():
            function(action, **options)

    update_wrapper(run, function)
    return click.command(name)(run)


@click.option("--host", help="Address to listen on.")
@click.option("--port", help="Port to listen on.")
@click.option("--workers", help="Worker processes.")
@click.option("--data-dir", help="Folder of the database.")
def _serve(serve: Callable[[dict[str, str]], None], **options: str | None) -> None:
    """Serve the API until Ctrl-C.

    Makes or migrates the database first. Options go before the environment's STILLROOM_HOST, _PORT, _WORKERS and _DATA_DIR.
    """
    serve({f"STILLROOM_{name.upper()}": value for name, value in options.items() if value is not None})


def _migrate(migrate: Callable[[], list[str]]) -> None:
    """Bring the database to this version; `serve` does it too."""
    for line in migrate():
        click.echo(line)


def _check(check: Callable[[], list[str]]) -> None:
    """Tell whether settings and database are sound, changing nothing."""
    for line in check():
        click.echo(line)


def _housekeeping(housekeeping: Callable[[], AbstractContextManager[HousekeepingUseCases]]) -> None:
    """Delete expired records and purge the trash, once. Works beside a running server."""
    with housekeeping() as use_cases:
        done = use_cases.run()
    click.echo(f"{count(done.expired, 'record')} expired, {count(done.purged, 'record')} purged from the trash.")
    if done.held:
        click.echo(f"{count(done.held, 'expired record')} held by others that refer to them.")
    if done.failed:
        raise Failed(f"Not done: {', '.join(done.failed)}; the log says why.")


@click.option("--email", required=True, help="Address that the admin signs in with.")
@click.option("--password", help="Asked for without it; seen by others on this machine when given here.")
@click.option("--role", type=click.Choice(ROLES), default=OWNER, show_default=True, help="What the admin may do.")
def _admin_create(accounts: Callable[[], AbstractContextManager[AccountUseCases]], email: str, password: str | None, role: str) -> None:
    """Make an admin. Works beside a running server."""
    password = _password() if password is None else password
    with accounts() as use_cases:
        use_cases.create_admin(email, password, role)
    click.echo(f"{email} is an admin now, with the role {role}.")


def _password() -> str:
    """Asked twice at a terminal; the first line of standard input otherwise, so that scripts need not show it in their arguments."""
    if sys.stdin.isatty():
        answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return answer
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise Failed("No password: give it with --password, on standard input, or at the prompt of a terminal.")
    return line
