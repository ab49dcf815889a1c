"""`stillroom rules test`: cases tried in memory, for people and for their continuous integration."""

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from time import perf_counter
from typing import Any

import click

from adapters.inbound.cli.schema import FOLDER
from adapters.inbound.cli.schema_files import read_folder
from adapters.inbound.cli.terminal import Failed, count
from app.usecases.schema import SchemaUseCases
from domain.actor import SYSTEM
from domain.records.rule_cases import Outcome

Tried = Callable[[Mapping[str, Any], Path], Iterable[Outcome]]
Opened = Callable[[], AbstractContextManager[SchemaUseCases]]


@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@FOLDER
@click.option("--database", is_flag=True, help="Try the collections of the database, not those of the folder.")
def test(actions: tuple[Tried, Opened], files: tuple[Path, ...], folder: Path, database: bool) -> None:
    """Try the cases in FILE… (TOML) on the schema's files, in memory.

    No database and no server is touched. Ends with 1 where a case does not hold.
    """
    tried, schema = actions
    definitions = _of_database(schema) if database else read_folder(folder)
    asked = [(file, tried(definitions, file)) for file in files]
    # From here on, for what was imported until now is no time that cases take.
    began, failed, all_ = perf_counter(), 0, 0
    for file, outcomes in asked:
        for outcome in outcomes:
            all_ += 1
            if not outcome.passed:
                failed += 1
                click.echo(f"{file}: {outcome}")
    spent = f"{count(all_, 'case')} in {(perf_counter() - began) * 1000:,.0f} ms"
    if failed:
        raise Failed(f"{failed:,} of {spent} did not hold.")
    click.echo(f"{spent}, all as expected.")


def _of_database(schema: Opened) -> dict[str, Any]:
    with schema() as use_cases:
        return {name: json.loads(text) for name, text in use_cases.export(actor=SYSTEM).files.items()}
