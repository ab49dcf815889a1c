"""`stillroom schema`: the collections as files in a folder; exported, compared with the database, applied."""

import sys
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import click

from adapters.inbound.cli.schema_files import read_folder, summary, write_folder
from adapters.inbound.cli.terminal import Failed, count
from app.usecases.schema import SchemaUseCases
from domain.actor import SYSTEM
from domain.errors import Problem
from domain.schema.misfits import Misfits
from domain.schema.plan import PlannedStep, told
from domain.schema.sets import PlannedChange, SetPlan

Opened = Callable[[], AbstractContextManager[SchemaUseCases]]
FOLDER = click.option(
    "--dir", "folder", default="schema", envvar="STILLROOM_SCHEMA", show_default=True, show_envvar=True,
    type=click.Path(file_okay=False, path_type=Path), help="Folder of the files.",
)  # fmt: skip
_PRUNE = click.option("--prune", is_flag=True, help="Delete collections that have no file.")
_DROP = click.option("--drop", multiple=True, metavar="NAME", help="What may be lost: COLLECTION.FIELD, or COLLECTION with --prune.")
# As `git diff --exit-code` and others have it: telling that there is work is no failure.
_CHANGES = 2


@FOLDER
def export(schema: Opened, folder: Path) -> None:
    """Write one file for each collection. Works beside a running server.

    A file without a collection is removed if it holds just what was exported once; other files stay.
    """
    with schema() as use_cases:
        done = write_folder(folder, use_cases.export(actor=SYSTEM))
    for name in done.written:
        click.echo(f"wrote {folder / name}")
    for name in done.removed:
        click.echo(f"removed {folder / name}")
    for name in done.left:
        click.echo(f"left {folder / name}: no such collection here, and it was not exported from here as it is", err=True)
    if not (done.written or done.removed):
        click.echo(f"{folder} says what the database holds.")


@FOLDER
@_PRUNE
@_DROP
def plan(schema: Opened, folder: Path, prune: bool, drop: tuple[str, ...]) -> None:
    """Show what `apply` would do, and do nothing.

    Ends with 0 where there is nothing to do, 2 where there is, 1 where it cannot be done like this.
    """
    with schema() as use_cases:
        planned = use_cases.plan(read_folder(folder), actor=SYSTEM, prune=prune, drop=frozenset(drop))
    _say_plan(planned)
    if not planned.is_possible:
        raise Failed(*_why_impossible(planned))
    if planned.changes:
        sys.exit(_CHANGES)


@FOLDER
@_PRUNE
@_DROP
@click.option("--yes", is_flag=True, help="Apply without asking.")
def apply(schema: Opened, folder: Path, prune: bool, drop: tuple[str, ...], yes: bool) -> None:
    """Make the database what the files say: all of it in one transaction, or nothing. Works beside a running server."""
    definitions, dropped = read_folder(folder), frozenset(drop)
    with schema() as use_cases:
        planned = use_cases.plan(definitions, actor=SYSTEM, prune=prune, drop=dropped)
        _say_plan(planned)
        if not planned.is_possible:
            raise Failed(*_why_impossible(planned), "Nothing was applied.")
        _ask(planned, yes)
        # Who looked at a plan gets that plan or none; who said --yes wants what the files say, whatever was there.
        version = None if yes or not planned.changes else planned.version
        done = use_cases.apply(definitions, actor=SYSTEM, prune=prune, drop=dropped, if_version=version)
    if done.changes:
        click.echo(f"Applied: {summary(Counter(each.action for each in done.changes))}.")


def _ask(planned: SetPlan, yes: bool) -> None:
    if yes or not planned.changes:
        return
    if not sys.stdin.isatty():
        raise Failed("Nobody can be asked here: say --yes to apply.")
    if not click.confirm("Apply this?"):
        raise Failed("Nothing was applied.")


def _say_plan(planned: SetPlan) -> None:
    for each in planned.drift:
        click.echo(f"Drift: {each.sentence()}; this takes it back, `schema export` would keep it.", err=True)
    for change in planned.changes:
        click.echo(f"{change.action} {change.name}")
        _say_change(change)
    if not planned.changes:
        click.echo("Nothing to do: the database is what the files say.")


def _say_change(change: PlannedChange) -> None:
    for line in change.lines:
        click.echo(f"  {line}")
    if change.action != "create":  # what is made anew holds nobody up and loses nothing
        for step in change.plan.steps:
            click.echo(f"    {_step(step)}")
    for each in change.plan.breaking:
        click.echo(f"    {each.weight.told} clients: {each.place}: {each.what}" + (f" ({each.remedy})" if each.remedy else ""))
    for name, held in change.plan.would_lose.items():
        click.echo(f"    `{name}`: {_holding(held)}, which goes")


def _step(step: PlannedStep) -> str:
    about = told(step.step)
    kind = about.pop("step").replace("_", " ")
    index = about.pop("index", None)
    named = " ".join(f"{key} {value}" if key in ("from", "to") else str(value) for key, value in about.items())
    named = ", ".join(index["fields"]) if index else named
    waits = "nobody waits" if step.locks == "none" else f"{step.locks} wait"
    return f"{kind} {named}: {count(step.rows, 'record')}, {waits}" + ("" if step.lossless else ", cannot be taken back")


def _why_impossible(planned: SetPlan) -> list[str]:
    lines = [f"`{name}` would be lost: {_holding(held)}; --drop {name} lets it go." for name, held in planned.unsaid.items()]
    for change in planned.changes:
        lines += [_misfit(change.name, step) for step in change.plan.steps if not step.is_possible]
    return lines


def _holding(number: int) -> str:
    return f"{count(number, 'record')} {'holds' if number == 1 else 'hold'} something"


def _misfit(name: str, step: PlannedStep) -> str:
    against = f"{count(step.misfits.count, 'record')} {'stands' if step.misfits.count == 1 else 'stand'} against it"
    return f"`{name}`: {_step(step).partition(':')[0]}: {against}{_examples(step.misfits)}."


def _examples(misfits: Misfits) -> str:
    shown = [f"{id} holds {value or 'nothing'}" for id, value in misfits.examples[:3]]
    return f" ({'; '.join(shown)})" if shown else ""


def applied_at_start(use_cases: SchemaUseCases, folder: Path) -> list[str]:
    """What a start says of it. Nobody is there to consent, so whatever would be lost refuses the start."""
    try:
        definitions = read_folder(folder)
        drift = [f"Drift: {each.sentence()}; the files go before it." for each in use_cases.plan(definitions, actor=SYSTEM).drift]
        done = use_cases.apply(definitions, actor=SYSTEM)
    except Problem as refused:
        told = "".join(f"\n  {fault.detail}" for fault in refused.faults) if len(refused.faults) > 1 else ""
        hint = f" {refused.hint[:1].upper()}{refused.hint[1:]}." if refused.hint else ""
        raise Failed(f"The schema in `{folder}` is not applied, so nothing is served: {refused.detail}.{hint}{told}") from refused
    return [*drift, f"Schema of {folder}: {summary(Counter(each.action for each in done.changes)) or 'nothing to do'}."]
