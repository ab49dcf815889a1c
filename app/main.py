"""The `stillroom` command: composes what each command needs and hands it to the command line."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from shlex import quote
from shutil import which
from typing import TYPE_CHECKING, Any, TypeVar

import click

from adapters.inbound.cli.commands import Actions, commands
from adapters.inbound.cli.jobs import Work
from adapters.inbound.cli.openapi import GENERIC
from adapters.inbound.cli.openapi import GUEST as FOR_GUESTS
from adapters.inbound.cli.terminal import Failed
from app import certificates
from app.premises import StartRefused, asked_apart, check_port, make_data_dir, only_server, warnings
from app.settings import Settings, SettingsError
from app.usecases.schedules import PACE
from domain.actor import GUEST, SYSTEM
from domain.limits.policies import DEFAULTS
from domain.mail import SEND

if TYPE_CHECKING:
    from app.serving import Watch
    from app.usecases.accounts import AccountUseCases
    from app.usecases.deliveries import DeliveryUseCases
    from app.usecases.exports import ExportUseCases
    from app.usecases.factors import FactorUseCases
    from app.usecases.file_checks import FileCheckUseCases
    from app.usecases.housekeeping import HousekeepingUseCases
    from app.usecases.imports import ImportUseCases
    from app.usecases.jobs import JobUseCases
    from app.usecases.pocketbase import PocketBaseUseCases
    from app.usecases.schedules import ScheduleUseCases
    from app.usecases.schema import SchemaUseCases
    from app.usecases.webhooks import WebhookUseCases
    from app.wiring import Composed
    from domain.hooks.declared import Command
    from domain.jobs.tasks import Task
    from domain.records.rule_cases import Outcome

T = TypeVar("T")
# Seconds between two looks at what letters are to go out; somebody sits before an empty mailbox.
_POST = 0.25


def main() -> None:
    # What we make (database, secret) is for this user alone.
    os.umask(0o077)
    actions = Actions(
        serve=_serve, migrate=_migrate, check=_check, openapi=_openapi, accounts=_accounts, factors=_factors,
        imports=_imports,
        exports=_exports, pocketbase=_pocketbase, housekeeping=_housekeeping, schema=_schema, deliveries=_deliveries,
        own_commands=_own_commands, run_own=_run_own, jobs=_jobs,
        schedules=_schedules, webhooks=_webhooks, files=_files, work=_work, tried=_tried, url=lambda: _settings({}).url,
    )  # fmt: skip
    commands(actions)(prog_name="stillroom")


def _serve(overrides: Mapping[str, str]) -> None:
    settings = _settings(overrides)
    from app import wiring

    with _refusals():
        check_port(settings)
        certificates.check_certificate(settings)
        wiring.check(settings)
        make_data_dir(settings)
        _check_routes(settings)
        with only_server(settings):
            has_jobs = _prepare(settings, overrides)
            _run(settings, overrides, has_jobs=has_jobs)


def _warnings(settings: Settings) -> list[str]:
    return [*warnings(settings), *certificates.warnings(settings)]


def _check_routes(settings: Settings) -> None:
    """Only the application knows its routes, and each worker makes its own: a mistake is told before, not by each of them."""
    if settings.limits.routes.keys() <= DEFAULTS.keys():
        return
    from app.factory import create_app
    from app.testing import backend

    with backend() as inside:
        try:
            create_app(settings, inside, inside.observer)
        except SettingsError as error:
            raise Failed(*error.mistakes) from error


def _prepare(settings: Settings, overrides: Mapping[str, str]) -> bool:
    """The database at this version, and what a person should know before requests come. Whether there are jobs to be run."""
    from app import discover, wiring

    wiring.migrate(settings)
    with wiring.open_backend(settings) as composed:
        for line in wiring.describe(settings):
            click.echo(line)
        for line in (*_warnings(settings), *asked_apart(partial(wiring.trouble_with_files, settings))):
            click.echo(f"Warning: {line}.", err=True)
        composed.backend.schedules.settle()
        for line in _schema_applied(settings, composed):
            click.echo(line)
        for line in discover.check_names(composed.extensions, composed.backend.collections.list(actor=SYSTEM)):
            click.echo(f"Warning: {line}.", err=True)
        for line in _first_admin(settings, composed, overrides.get("STILLROOM_DATA_DIR")):
            click.echo(line)
        # Letters go out from the server itself: for those alone there need be no further process.
        return bool(composed.backend.jobs.tasks.keys() - {SEND})


def _schema_applied(settings: Settings, composed: "Composed") -> list[str]:
    from adapters.inbound.cli.schema import applied_at_start

    return applied_at_start(composed.backend.schema, settings.schema) if settings.schema else []


def _first_admin(settings: Settings, composed: "Composed", data_dir: str | None) -> list[str]:
    """How the first admin is made; nothing where there is one. The token is good once, and only whoever reads this terminal has it."""
    token = composed.backend.accounts.setup_token()
    if token is None:
        return []
    body = f'{{"token": "{token}", "email": "you@example.org", "password": "…"}}'
    return [
        "",
        "There is no admin yet. Make the first one here:",
        f"  {_command(data_dir)} admin create --email you@example.org",
        "or from elsewhere, once, within the hour:",
        f"  curl -X POST {settings.url}/api/v1/setup -H 'Content-Type: application/json' -d '{body}'",
        "",
    ]


def _command(data_dir: str | None) -> str:
    """How this command is called from here: installed, from the environment of a checkout, or as a module."""
    beside = Path(sys.executable).with_name("stillroom")
    found = "stillroom" if which("stillroom") else f"{sys.executable} -m app.main"
    if not which("stillroom") and beside.exists():
        found = os.path.relpath(beside)
    return f"STILLROOM_DATA_DIR={quote(data_dir)} {found}" if data_dir else found


def _run(settings: Settings, overrides: Mapping[str, str], *, has_jobs: bool) -> None:
    import app.factory  # noqa: F401 - before workers are forked, so that they share it
    from app import serving
    from app.working import RunnerBeside

    if settings.metrics_token:
        # On PostgreSQL several servers may have one data folder, but no port.
        _share_counters(settings.data_dir / "metrics" / str(settings.port))
    click.echo(f"Serving on {settings.url} (Ctrl-C ends it)")
    with RunnerBeside(settings, overrides, partial(click.echo, err=True)) if has_jobs else nullcontext():
        serving.run(settings, partial(_application, settings), _watch(settings))


def _share_counters(folder: Path) -> None:
    """Each worker counts into files of its own there, which are added up by whichever is asked. They begin at nothing with the server."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in folder.glob("*.db"):
        file.unlink()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder.resolve())
    # Read once, when the library is imported: so after that is said, and before workers are forked.
    import adapters.outbound.prometheus_metrics  # noqa: F401


def _watch(settings: Settings) -> "Watch":
    """What is called with a way to start the workers anew."""
    from app import reloading

    if not reloading.is_wanted(settings):
        return lambda again: None
    return lambda again: reloading.watch(settings.extensions, again, lambda line: click.echo(line, err=True))


def _application(settings: Settings, *, keeps_house: bool) -> tuple[Any, Callable[[], None]]:
    from adapters.inbound.web.slow_bodies import SlowBodies
    from app import wiring
    from app.factory import create_app
    from app.rounds import Rounds

    composed = wiring.build(settings, serving=True, counting=True)
    application = create_app(settings, composed.backend, composed.observer, composed.extensions, composed.exposition)
    every = settings.housekeeping if keeps_house else 0
    if keeps_house:
        composed.relay.start()
        composed.sender.start()
    backend, observer = composed.backend, composed.observer
    rounds = Rounds(every, lambda stopped: backend.housekeeping.run(stopped=stopped), "housekeeping", observer)
    ticks = Rounds(PACE if keeps_house else 0, lambda stopped: backend.schedules.tick(stopped=stopped), "schedules", observer)
    post = Rounds(_POST if keeps_house else 0, lambda stopped: backend.mail.deliver(stopped=stopped), "mail", observer)
    return SlowBodies(application, threads=settings.threads), post.before(ticks.before(rounds.before(composed.close)))


def _migrate() -> list[str]:
    from app import wiring

    settings = _settings({})
    with _refusals():
        make_data_dir(settings)
        return [wiring.migrate(settings)]


def _check() -> list[str]:
    from app import wiring

    settings = _settings({})
    with _refusals():
        certificates.check_certificate(settings)
        found = wiring.check(settings)
        drift = wiring.drift(settings)
        trouble = wiring.trouble_with_files(settings)
    return [*wiring.describe(settings), *(f"Warning: {line}." for line in (*_warnings(settings), *drift, *trouble)), found]


def _openapi(reader: str) -> str:
    settings = _settings({})
    return json.dumps(_generic_document() if reader == GENERIC else _document(settings, reader), ensure_ascii=False)


def _document(settings: Settings, reader: str) -> Any:
    from app import wiring
    from app.factory import document

    with _refusals():
        if not wiring.has_database(settings):
            return _generic_document()
        if wiring.is_older(settings):
            raise Failed("The database is of an older version; `stillroom migrate` or the next start brings it to this one.")
        with wiring.open_backend(settings) as composed:
            return document(settings, composed.backend, composed.extensions, actor=GUEST if reader == FOR_GUESTS else SYSTEM)


def _generic_document() -> Any:
    from app.factory import API, create_app
    from app.testing import backend

    with backend() as inside:
        return create_app(backend=inside).extensions[API].generic()


@contextmanager
def _accounts() -> Iterator["AccountUseCases"]:
    with _opened() as composed:
        yield composed.backend.accounts


@contextmanager
def _factors() -> Iterator["FactorUseCases"]:
    with _opened() as composed:
        yield composed.backend.factors


@contextmanager
def _imports() -> Iterator["ImportUseCases"]:
    with _opened() as composed:
        yield composed.backend.imports


@contextmanager
def _exports() -> Iterator["ExportUseCases"]:
    with _opened() as composed:
        yield composed.backend.exports


@contextmanager
def _pocketbase(folder: Path) -> Iterator["PocketBaseUseCases"]:
    from adapters.outbound.pocketbase_folder import open_folder

    with open_folder(folder) as data, _opened() as composed:
        yield composed.pocketbase(data)


@contextmanager
def _housekeeping() -> Iterator["HousekeepingUseCases"]:
    with _opened() as composed:
        yield composed.backend.housekeeping


@contextmanager
def _deliveries() -> Iterator["DeliveryUseCases"]:
    with _opened() as composed:
        yield composed.backend.deliveries


@contextmanager
def _jobs() -> Iterator["JobUseCases"]:
    with _opened() as composed:
        yield composed.backend.jobs


@contextmanager
def _files() -> Iterator["FileCheckUseCases"]:
    with _opened() as composed:
        yield composed.backend.file_checks


@contextmanager
def _schedules() -> Iterator["ScheduleUseCases"]:
    with _opened() as composed:
        yield composed.backend.schedules


@contextmanager
def _webhooks() -> Iterator["WebhookUseCases"]:
    with _opened() as composed:
        yield composed.backend.webhooks


def _work(options: Work) -> None:
    from adapters.outbound.logging_observer import LoggingObserver
    from app import wiring
    from app.working import work_off

    settings = _settings({})
    with _refusals():
        if not wiring.has_database(settings) or wiring.is_older(settings):
            raise Failed("There is no database at this version: `stillroom migrate` or the first start of the server makes it.")
        # A mistake in an extension is told once, and not by each process.
        with wiring.open_backend(settings) as composed:
            jobs = composed.backend.jobs
            known = tuple(jobs.tasks[name] for name in jobs.runnable)
        if options.queues is not None and (odd := set(options.queues) - {each.queue for each in known}):
            raise Failed(f"No job goes to the queue `{min(odd)}`; those that are declared: {_queues(known)}.")
        processes = options.processes or settings.job_workers or 1
        if options.parent is None:
            way = wiring.way_of_jobs(settings)
            click.echo(f"Running {len(known)} kinds of jobs, carried {way}, in {processes} processes (Ctrl-C ends it)")
        work_off(
            settings, LoggingObserver(settings.log_level), processes=processes, queues=options.queues, burst=options.burst,
            parent=options.parent,
        )  # fmt: skip


def _queues(known: "Iterable[Task]") -> str:
    return ", ".join(f"`{each}`" for each in sorted({each.queue for each in known})) or "none"


def _tried(definitions: Mapping[str, Any], file: Path) -> "Iterator[Outcome]":
    from app.rule_tests import tried

    return tried(definitions, file)


@contextmanager
def _schema() -> Iterator["SchemaUseCases"]:
    with _opened() as composed:
        yield composed.backend.schema


def _own_commands() -> "list[Command]":
    from app import discover

    with _refusals():
        return [command for extension in discover.load(_settings({}).extensions) for command in extension.commands]


def _run_own(name: str, options: Mapping[str, Any]) -> None:
    """The one of the backend that is opened: its extension has its settings."""
    with _opened() as composed:
        (run,) = (each.run for extension in composed.extensions for each in extension.commands if each.name == name)
        run(composed.backend, **options)


@contextmanager
def _opened() -> Iterator["Composed"]:
    from app import wiring

    settings = _settings({})
    with _refusals():
        is_new = not wiring.has_database(settings)
        make_data_dir(settings)
        wiring.migrate(settings)
        if is_new:
            # Whoever stands in another folder than the server's fills a database that nobody serves.
            click.echo(f"A new database is made: {settings.sqlite_file.resolve()}", err=True)
        with wiring.open_backend(settings) as composed:
            yield composed


def _settings(overrides: Mapping[str, str]) -> Settings:
    try:
        return Settings.from_environment({**os.environ, **overrides})
    except SettingsError as error:
        raise Failed(*error.mistakes) from error


@contextmanager
def _refusals() -> Iterator[None]:
    from app.wiring import StartError

    try:
        yield
    except (StartError, StartRefused) as refused:
        raise Failed(_sentence(str(refused))) from refused
    except SettingsError as error:
        raise Failed(*error.mistakes) from error


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?")) else ".")


if __name__ == "__main__":
    main()
