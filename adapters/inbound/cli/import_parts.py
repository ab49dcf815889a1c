"""`stillroom import --commit-every`: so many rows at a time, and on from there after an interruption."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import click

from adapters.inbound.cli.import_reports import say_bad, say_layout
from adapters.inbound.cli.import_wishes import Wish, ask, begun_for, watched
from adapters.inbound.cli.progress import bar
from adapters.inbound.cli.terminal import Failed, count
from adapters.inbound.rows.formats import RowFile, open_rows
from adapters.inbound.rows.rejects import append_rejects, rejects_path
from app.usecases.imports import ImportUseCases, Judged, Refused
from domain.actor import SYSTEM
from domain.records.import_progress import Progress, read, written
from domain.records.imports import BadRow, Options, Row
from domain.schema.collection import Collection


def begun(use_cases: ImportUseCases, wish: Wish, options: Options) -> Progress | None:
    """How far an earlier run of this command came."""
    found = use_cases.progress(wish.name, _digest(wish.file), actor=SYSTEM)
    if found is not None and not wish.new and found.options != written(options):
        raise Failed("The import of this file was begun with other options for its rows: repeat the command as it was.")
    return found


def import_in_parts(use_cases: ImportUseCases, wish: Wish, options: Options, found: Progress | None) -> Collection | None:
    if found is not None and found.finished:
        click.echo(f"{wish.file.name} was imported into `{wish.name}` completely at {found.finished}; nothing is left to do.")
        return None
    if found is None and wish.new:
        found = _created(use_cases, wish, options)
    options = read(found.options) if found else options
    with open_rows(wish.file, wish.dialect) as rows, use_cases.begin(wish.name, rows.header, options, actor=SYSTEM) as judged:
        say_layout(wish.file, judged, options)
        if found is None:
            ask(judged, wish, "the rows of the file")
            found = Progress(judged.collection.id, _digest(wish.file), written(options))
        elif found.rows:
            click.echo(f"Going on after {count(found.rows, 'row')} that are kept already.")
        done = _kept(use_cases, wish, rows, judged, found)
        _say_end(judged, done)
        return judged.collection


def _created(use_cases: ImportUseCases, wish: Wish, options: Options) -> Progress:
    made: list[Progress] = []
    with open_rows(wish.file, wish.dialect) as rows, begun_for(use_cases, wish, rows, options) as judged:
        ask(judged, wish, "the rows of the file")

        def begin(collection: Collection) -> Progress:
            made[:] = [Progress(collection.id, _digest(wish.file), written(options))]
            return made[0]

        use_cases.create(judged, begin)
    return made[0]


def _kept(use_cases: ImportUseCases, wish: Wish, rows: RowFile, judged: Judged, found: Progress) -> Progress:
    target = wish.rejects or rejects_path(wish.file, wish.dialect)

    def reject(start: int, part: Sequence[Row | BadRow], bad: Sequence[BadRow]) -> int:
        return append_rejects(target, start, rows, part, bad)

    try:
        with bar("Importing", wish.file.stat().st_size) as update:
            return use_cases.keep_parts(
                judged, watched(rows, update), found, every=wish.every or 1, skip_bad=wish.skip_bad, reject=reject, told=lambda rows: None
            )
    except Refused as refused:
        say_bad(refused.bad, judged.collection)
        told = "With --skip-bad the same command goes on without the bad rows, and writes them to a file."
        raise Failed(f"Stopped at {count(refused.bad.count, 'bad row')}; {_so_far(use_cases, wish)}. {told}") from refused
    except KeyboardInterrupt:
        raise Failed(f"Interrupted; {_so_far(use_cases, wish)}. The same command goes on from there.") from None


def _so_far(use_cases: ImportUseCases, wish: Wish) -> str:
    found = use_cases.progress(wish.name, _digest(wish.file), actor=SYSTEM)
    return f"the first {count(found.rows, 'row')} of the file are kept" if found and found.rows else "nothing was kept"


def _say_end(judged: Judged, done: Progress) -> None:
    skipped = f"; {count(done.rejected, 'bad row')} skipped" if done.rejected else ""
    told = f"{done.created:,} created, {done.changed:,} changed, {done.unchanged:,} unchanged"
    click.echo(f"`{judged.collection.name}`: {told}{skipped}.")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
