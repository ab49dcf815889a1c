"""The `stillroom` command: what it asks and says; what it does is handed in by the composition."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import update_wrapper
from pathlib import Path
from typing import Any

import click

from adapters.inbound.cli.files import RowFile, open_rows
from app.usecases.accounts import AccountUseCases
from app.usecases.housekeeping import HousekeepingUseCases
from app.usecases.imports import BadRows, ImportUseCases, Judged, Refused
from domain.actor import SYSTEM
from domain.errors import Fault, Problem
from domain.records.imports import BadRow, Options, clearable
from domain.schema.collection import Collection


class Failed(Exception):
    """A command that could not do what it was asked; `lines` say why to the person at the terminal."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


@dataclass(frozen=True, slots=True)
class Actions:
    """What the commands do. `serve` takes settings that go before the environment's, by variable; `migrate` and `check` answer
    lines to print; `accounts`, `imports` and `housekeeping` open the database for as long as they are used."""

    serve: Callable[[dict[str, str]], None]
    migrate: Callable[[], list[str]]
    check: Callable[[], list[str]]
    openapi: Callable[[], str]
    accounts: Callable[[], AbstractContextManager[AccountUseCases]]
    imports: Callable[[], AbstractContextManager[ImportUseCases]]
    housekeeping: Callable[[], AbstractContextManager[HousekeepingUseCases]]


def commands(actions: Actions) -> click.Group:
    """The group of all commands; each one listed here exists."""
    group = click.Group("stillroom", help="Stillroom: the whole backend of a web or mobile app.")
    admin = click.Group("admin", help="People who run this backend.")
    admin.add_command(_command(_admin_create, actions.accounts, "create"))
    group.add_command(admin)
    for name, function, action in (
        ("serve", _serve, actions.serve),
        ("migrate", _migrate, actions.migrate),
        ("import", _import, actions.imports),
        ("housekeeping", _housekeeping, actions.housekeeping),
        ("openapi", _openapi, actions.openapi),
        ("check", _check, actions.check),
    ):
        group.add_command(_command(function, action, name))
    return group


def _command(function: Callable[..., None], action: Any, name: str) -> click.Command:
    """The click command of a function whose first argument is what it does it with."""

    def run(**options: Any) -> None:
        with _told():
            function(action, **options)

    update_wrapper(run, function)
    return click.command(name)(run)


@contextmanager
def _told() -> Iterator[None]:
    """Failures as sentences on stderr and exit code 1, never a traceback."""
    try:
        yield
    except Failed as failed:
        raise _Exit(list(failed.lines)) from failed
    except Problem as problem:
        raise _Exit(_lines(problem)) from problem
    except OSError as error:
        raise _Exit([f"{error.filename or 'the system'}: {error.strerror or error}"]) from error


class _Exit(click.ClickException):
    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))

    def show(self, file: Any = None) -> None:
        click.echo(self.message, err=True)


def _lines(problem: Problem) -> list[str]:
    first = _sentence(problem.detail) + (f" {_sentence(problem.hint)}" if problem.hint else "")
    if len(problem.faults) < 2:
        return [first]
    return [first, *(f"  {_place(fault)}{fault.detail}" for fault in problem.faults)]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")


def _place(fault: Fault) -> str:
    return f"{fault.pointer.removeprefix('/')}: " if fault.pointer else ""


# --- the commands


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


def _openapi(openapi: Callable[[], str]) -> None:
    """Print the OpenAPI document."""
    click.echo(openapi())


def _housekeeping(housekeeping: Callable[[], AbstractContextManager[HousekeepingUseCases]]) -> None:
    """Delete expired records and purge the trash, once. Works beside a running server."""
    with housekeeping() as use_cases:
        done = use_cases.run()
    click.echo(f"{_count(done.expired, 'record')} expired, {_count(done.purged, 'record')} purged from the trash.")
    if done.held:
        click.echo(f"{_count(done.held, 'expired record')} held by others that refer to them.")
    if done.failed:
        raise Failed(f"Not done: {', '.join(done.failed)}; the log says why.")


@click.option("--email", required=True, help="Address that the admin signs in with.")
@click.option("--password", help="Asked for without it; seen by others on this machine when given here.")
def _admin_create(accounts: Callable[[], AbstractContextManager[AccountUseCases]], email: str, password: str | None) -> None:
    """Make an admin. Works beside a running server."""
    password = _password() if password is None else password
    with accounts() as use_cases:
        use_cases.create_admin(email, password)
    click.echo(f"{email} is an admin now.")


def _password() -> str:
    """Asked twice at a terminal; the first line of standard input otherwise, so that scripts need not show it in their arguments."""
    if sys.stdin.isatty():
        answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return answer
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise Failed("No password: give it with --password, on standard input, or at the prompt of a terminal.")
    return line


@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--collection", required=True, help="Collection that takes the rows.")
@click.option("--yes", is_flag=True, help="Write without asking.")
@click.option("--id", "id_column", metavar="COLUMN", help="Column that gives the records' ids (`id` if there is one).")
@click.option("--null", multiple=True, metavar="TEXT", help="Cell that stands for nothing, besides an empty one; CSV only.")
@click.option("--ignore", multiple=True, metavar="COLUMN", help="Column to pass over.")
@click.option("--clear-missing", multiple=True, metavar="RELATION", help="Leave this relation empty where its record is not there.")
@click.option("--skip-bad", is_flag=True, help="Keep the good rows even if others are bad.")
def _import(
    imports: Callable[[], AbstractContextManager[ImportUseCases]],
    file: Path,
    collection: str,
    yes: bool,
    id_column: str | None,
    null: tuple[str, ...],
    ignore: tuple[str, ...],
    clear_missing: tuple[str, ...],
    skip_bad: bool,
) -> None:
    """Fill a collection from FILE (.csv with a header, or .jsonl).

    Every row is judged before the first one is written; all of them are kept, or none. Works beside a running server.
    """
    options = Options(id_column, frozenset(ignore), frozenset(null), frozenset(clear_missing))
    if null and file.suffix.lower() != ".csv":
        raise Failed("--null is for CSV files; JSON has null itself.")
    with imports() as use_cases, open_rows(file) as rows, use_cases.begin(collection, rows.header, options, actor=SYSTEM) as judged:
        _say_layout(file, judged, options)
        with _bar("Reading", file.stat().st_size) as update:
            use_cases.judge(judged, _watched(rows, update))
        _report(judged, skip_bad)
        _ask(judged, yes)
        told = BadRows(list(judged.bad.first), judged.bad.count)
        with _bar("Writing", judged.rows) as update:
            kept = _kept(use_cases, judged, skip_bad, update)
        _say_bad(judged.bad.beyond(told), judged.collection)
        _say_end(judged, kept)


def _say_layout(file: Path, judged: Judged, options: Options) -> None:
    columns = [each.field for each in judged.layout.columns]
    click.echo(f"{file.name} → {judged.collection.name}: " + (", ".join(columns) if columns else "one object a line"))
    for text, names in (("ignored", options.ignore), ("left empty where missing", options.clear_missing)):
        if names:
            click.echo(f"  {text}: {', '.join(sorted(names))}")


@contextmanager
def _bar(label: str, length: int) -> Iterator[Callable[[int], None]]:
    """A progress bar at a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda steps: None
        return
    with click.progressbar(length=length, label=label, file=sys.stderr, update_min_steps=max(1, length // 200)) as bar:
        yield bar.update


def _watched(rows: RowFile, update: Callable[[int], None]) -> Iterator[Any]:
    seen = 0
    for number, row in enumerate(rows):
        if number % 500 == 0:
            update(rows.position - seen)
            seen = rows.position
        yield row
    update(rows.position - seen)


def _report(judged: Judged, skip_bad: bool) -> None:
    for name, count in judged.cleared.items():
        click.echo(f"`{name}` points at no record in {_count(count, 'row')} and is left empty there.")
    if judged.bad.count:
        _say_bad(judged.bad, judged.collection)
        if not skip_bad:
            raise Failed(f"{_count(judged.bad.count, 'bad row')}, {judged.rows:,} good; nothing was written.")


def _say_bad(bad: BadRows, collection: Collection) -> None:
    """The first ones; and where some point at what is not there, the way around it."""
    for row in bad.first:
        click.echo(_bad_row(row), err=True)
    if bad.count > len(bad.first):
        click.echo(f"… and {bad.count - len(bad.first):,} more", err=True)
    lost = sorted({fault.pointer[1:] for row in bad.first for fault in row.faults if fault.code == "no_such_record"})
    if lost:
        options = " ".join(f"--clear-missing {name}" for name in clearable(collection) if name in lost)
        click.echo("Import what these point at first" + (f", or leave them empty: {options}" if options else "."), err=True)


def _bad_row(row: BadRow) -> str:
    return f"line {row.line}: " + "; ".join(f"{_place(fault)}{fault.detail}" for fault in row.faults[:5])


def _ask(judged: Judged, yes: bool) -> None:
    if yes or not judged.rows:
        return
    if not sys.stdin.isatty():
        raise Failed("Nobody can be asked here: say --yes to write.")
    if not click.confirm(f"Write {_count(judged.rows, 'record')} into `{judged.collection.name}`?"):
        raise Failed("Nothing was written.")


def _kept(use_cases: ImportUseCases, judged: Judged, skip_bad: bool, update: Callable[[int], None]) -> int:
    try:
        return use_cases.keep(judged, skip_bad=skip_bad, progress=update)
    except Refused as refused:
        _say_bad(refused.bad, judged.collection)
        raise Failed(f"The database refuses {_count(refused.bad.count, 'row')}; nothing was written.") from refused


def _say_end(judged: Judged, kept: int) -> None:
    skipped = f"; {_count(judged.bad.count, 'bad row')} skipped" if judged.bad.count else ""
    click.echo(f"Kept {_count(kept, 'record')} in `{judged.collection.name}`{skipped}.")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
