"""`stillroom pocketbase import`: shows what would become of a PocketBase, asks, and takes it over."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import click

from adapters.inbound.cli.progress import bar
from adapters.inbound.cli.terminal import Failed, count, place
from app.usecases.pocketbase import Judgement, PocketBaseUseCases, Taken
from domain.pocketbase.plan import Plan
from domain.pocketbase.source import Note

Opened = Callable[[Path], AbstractContextManager[PocketBaseUseCases]]

_HEADINGS = {
    "locked": "Rules that cannot be kept: these are locked (admins only) until you write them anew",
    "differs": "Rules that are kept and mean something else here",
    "left out": "Left out",
    "changed": "Changed",
    "renamed": "Renamed",
}


@click.argument("folder", metavar="DATA_DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Write without asking.")
@click.option("--admins", is_flag=True, help="Make its superusers admins, too.")
@click.option("--skip-bad", is_flag=True, help="Leave out records that do not fit, instead of refusing.")
def pocketbase_import(opened: Opened, folder: Path, yes: bool, admins: bool, skip_bad: bool) -> None:
    """Take over collections, records, accounts and rules from DATA_DIR, the folder `pb_data` of a PocketBase of 0.23 or later.

    Everything is read and told before anything is written; then all of it is kept, or nothing. DATA_DIR stays as it is.
    """
    with opened(folder) as use_cases:
        plan = use_cases.plan(admins=admins)
        if not plan.moved:
            raise Failed("There is nothing to import.")
        with bar("Reading", use_cases.count(plan)) as update:
            found = use_cases.judge(plan, progress=update)
        _report(plan, found)
        _refuse_bad(found, skip_bad)
        _ask(plan, found, yes)
        with bar("Writing", sum(found.rows.values())) as update:
            taken = use_cases.take(plan, skip_bad=skip_bad, progress=update)
        _say_end(taken, found)


def _report(plan: Plan, found: Judgement) -> None:
    for moved in plan.moved:
        name = moved.collection.name
        click.echo(f"{moved.source.name} → {name} ({moved.collection.type}): {count(found.rows[name], 'record')}")
    for kind, heading in _HEADINGS.items():
        notes = [each for each in plan.notes if each.kind == kind]
        if notes:
            click.echo(f"\n{heading}:")
            for each in notes:
                click.echo(f"  {_line(each)}")
    for (collection, name), rows in found.cleaned.items():
        click.echo(f"\nThe HTML of `{name}` in {count(rows, 'record')} of `{collection}` is cleaned.")
    if found.locked_out:
        click.echo(f"\n{count(found.locked_out, 'account')} without a bcrypt hash can sign in only after an admin has set a password.")


def _line(note: Note) -> str:
    """On one line, without what a terminal would obey: names and rules come from the folder."""
    text = f"{note.place}: {note.text}"
    return "".join(each if each.isprintable() else " " for each in text)


def _refuse_bad(found: Judgement, skip_bad: bool) -> None:
    for collection, id, faults in found.bad:
        told = "; ".join(f"{place(each)}{each.detail}" for each in faults[:5])
        click.echo(f"{collection} {id[:64]!a}: {told}", err=True)
    if found.refused > len(found.bad):
        click.echo(f"… and {found.refused - len(found.bad):,} more", err=True)
    if found.refused and not skip_bad:
        raise Failed(
            f"{count(found.refused, 'record')} that do not fit; nothing was written.",
            "Mend them in PocketBase, or leave them out with --skip-bad.",
        )


def _ask(plan: Plan, found: Judgement, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise Failed("Nobody can be asked here: say --yes to write.")
    records = count(sum(found.rows.values()), "record")
    if not click.confirm(f"Write {count(len(plan.moved), 'collection')} with {records}?"):
        raise Failed("Nothing was written.")


def _say_end(taken: Taken, found: Judgement) -> None:
    for (collection, name), rows in taken.cleared.items():
        click.echo(f"`{name}` of `{collection}` pointed at no record in {count(rows, 'record')} and is left empty there.")
    skipped = f"; {count(found.refused, 'bad record')} left out" if found.refused else ""
    click.echo(f"Took over {count(sum(taken.records.values()), 'record')} in {count(len(taken.records), 'collection')}{skipped}.")
