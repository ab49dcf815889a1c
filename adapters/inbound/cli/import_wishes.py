"""What an import is asked for at the command line, and what its two ways share: all at once, and part by part."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from adapters.inbound.cli.progress import Update
from adapters.inbound.cli.terminal import Failed
from adapters.inbound.rows.folder import Folder
from adapters.inbound.rows.formats import Dialect, RowFile
from app.usecases.imports import ImportUseCases, Judged
from domain.actor import SYSTEM
from domain.records.imports import Options

_TOLD_EVERY = 500


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for, besides the options of the rows themselves."""

    file: Path
    dialect: Dialect
    name: str
    new: bool
    yes: bool
    skip_bad: bool
    dry_run: bool
    rejects: Path | None
    every: int | None
    rules: Mapping[str, Any] | None
    definition: Mapping[str, Any] | None
    files: Path | None = None


def begun_for(use_cases: ImportUseCases, wish: Wish, rows: RowFile, options: Options) -> Judged:
    folder = Folder(wish.files) if wish.files else None
    if wish.new:
        return use_cases.begin_new(wish.definition, rows.header, options, actor=SYSTEM, folder=folder)
    return use_cases.begin(wish.name, rows.header, options, actor=SYSTEM, folder=folder)


def watched(rows: RowFile, update: Update) -> Iterator[Any]:
    seen = number = told = 0
    for number, row in enumerate(rows, 1):
        if number - told > _TOLD_EVERY:
            update(rows.position - seen, _TOLD_EVERY)
            seen, told = rows.position, told + _TOLD_EVERY
        yield row
    update(rows.position - seen, number - told)


def ask(judged: Judged, wish: Wish, rows: str) -> None:
    if wish.yes:
        return
    if not sys.stdin.isatty():
        raise Failed("Nobody can be asked here: say --yes to write.")
    made = f"Create `{judged.collection.name}` and write" if wish.new else "Write"
    into = "" if wish.new else f" into `{judged.collection.name}`"
    if not click.confirm(f"{made} {rows}{into}?"):
        raise Failed("Nothing was written.")
