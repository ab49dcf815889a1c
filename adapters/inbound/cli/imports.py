"""`stillroom import`: shows what a file would become, asks, and says what became of it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click

from adapters.inbound.cli.files import RowFile, open_rows
from adapters.inbound.cli.terminal import Failed, bar, count, place
from app.usecases.imports import BadRows, ImportUseCases, Judged, Refused
from domain.actor import SYSTEM
from domain.records.imports import BadRow, Options, clearable
from domain.schema.collection import Collection


@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--collection", required=True, help="Collection that takes the rows.")
@click.option("--yes", is_flag=True, help="Write without asking.")
@click.option("--id", "id_column", metavar="COLUMN", help="Column that gives the records' ids (`id` if there is one).")
@click.option("--null", multiple=True, metavar="TEXT", help="Cell that stands for nothing, besides an empty one; CSV only.")
@click.option("--ignore", multiple=True, metavar="COLUMN", help="Column to pass over.")
@click.option("--clear-missing", multiple=True, metavar="RELATION", help="Leave this relation empty where its record is not there.")
@click.option("--skip-bad", is_flag=True, help="Keep the good rows even if others are bad.")
def import_(
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
        with bar("Reading", file.stat().st_size) as update:
            use_cases.judge(judged, _watched(rows, update))
        _report(judged, skip_bad)
        _ask(judged, yes)
        told = BadRows(list(judged.bad.first), judged.bad.count)
        with bar("Writing", judged.rows) as update:
            kept = _kept(use_cases, judged, skip_bad, update)
        _say_bad(judged.bad.beyond(told), judged.collection)
        _say_end(judged, kept)


def _say_layout(file: Path, judged: Judged, options: Options) -> None:
    columns = [each.field for each in judged.layout.columns]
    click.echo(f"{file.name} → {judged.collection.name}: " + (", ".join(columns) if columns else "one object a line"))
    for text, names in (("ignored", options.ignore), ("left empty where missing", options.clear_missing)):
        if names:
            click.echo(f"  {text}: {', '.join(sorted(names))}")


def _watched(rows: RowFile, update: Callable[[int], None]) -> Iterator[Any]:
    seen = 0
    for number, row in enumerate(rows):
        if number % 500 == 0:
            update(rows.position - seen)
            seen = rows.position
        yield row
    update(rows.position - seen)


def _report(judged: Judged, skip_bad: bool) -> None:
    for name, rows in judged.cleared.items():
        click.echo(f"`{name}` points at no record in {count(rows, 'row')} and is left empty there.")
    if judged.bad.count:
        _say_bad(judged.bad, judged.collection)
        if not skip_bad:
            raise Failed(f"{count(judged.bad.count, 'bad row')}, {judged.rows:,} good; nothing was written.")


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
    return f"line {row.line}: " + "; ".join(f"{place(fault)}{fault.detail}" for fault in row.faults[:5])


def _ask(judged: Judged, yes: bool) -> None:
    if yes or not judged.rows:
        return
    if not sys.stdin.isatty():
        raise Failed("Nobody can be asked here: say --yes to write.")
    if not click.confirm(f"Write {count(judged.rows, 'record')} into `{judged.collection.name}`?"):
        raise Failed("Nothing was written.")


def _kept(use_cases: ImportUseCases, judged: Judged, skip_bad: bool, update: Callable[[int], None]) -> int:
    try:
        return use_cases.keep(judged, skip_bad=skip_bad, progress=update)
    except Refused as refused:
        _say_bad(refused.bad, judged.collection)
        raise Failed(f"The database refuses {count(refused.bad.count, 'row')}; nothing was written.") from refused


def _say_end(judged: Judged, kept: int) -> None:
    skipped = f"; {count(judged.bad.count, 'bad row')} skipped" if judged.bad.count else ""
    click.echo(f"Kept {count(kept, 'record')} in `{judged.collection.name}`{skipped}.")
