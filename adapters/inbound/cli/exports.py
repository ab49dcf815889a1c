"""`stillroom export`: a collection's records as a file, or on standard output."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO

import click

from adapters.inbound.cli.progress import bar
from adapters.inbound.cli.terminal import Failed, count
from adapters.inbound.web.tables import FileTable
from app.usecases.exports import ExportUseCases
from domain.actor import SYSTEM
from domain.records.exports import FORMATS, UNLIMITED, ExportForm, ExportQuery
from domain.rules.values import RequestFacts

_FACTS = RequestFacts("GET")


@click.argument("collection")
@click.option("--format", type=click.Choice(FORMATS), help="What the file holds; told by its name where --out gives one.")
@click.option("--filter", default="", help="Which records: a condition, as in a list.")
@click.option("--sort", default="", help="Names of fields, separated by commas; -views sorts from the greatest.")
@click.option("--fields", default="", help="Names of fields, separated by commas; all without it.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write; standard output without it.")
@click.option("--files", type=click.Path(file_okay=False, path_type=Path), help="Empty folder for the files that records hold.")
@click.option("--overwrite", is_flag=True, help="Replace the file if there is one.")
@click.option("--gzip", is_flag=True, help="Compress it; told by a name that ends with .gz.")
@click.option("--bom", is_flag=True, help="Begin CSV with a byte order mark, by which some spreadsheets know UTF-8.")
def export(
    exports: Callable[[], AbstractContextManager[ExportUseCases]],
    collection: str,
    format: str | None,
    filter: str,
    sort: str,
    fields: str,
    out: Path | None,
    files: Path | None,
    overwrite: bool,
    gzip: bool,
    bom: bool,
) -> None:
    """Write the records of COLLECTION to a file, as an admin sees them.

    All of them as they were at one moment; a file is there whole or not at all. Works beside a running server.
    """
    form, query = _form(out, format, gzip=gzip, bom=bom), ExportQuery(filter, sort, fields)
    if out is not None and out.exists() and not overwrite:
        raise Failed(f"{out} is there already; --overwrite replaces it.")
    folder = empty_folder(files) if files else None
    with exports() as use_cases:
        expected = use_cases.count(collection, query, actor=SYSTEM, facts=_FACTS)
        with _written(out) as file, bar("Writing", expected) as update:
            table = FileTable(file, form)
            rows = use_cases.write(collection, query, table, actor=SYSTEM, facts=_FACTS, limits=UNLIMITED, progress=update, folder=folder)
    click.echo(f"Wrote {count(rows, 'record')} of `{collection}`.", err=True)
    if folder is not None and folder.gone:
        click.echo(f"{count(folder.gone, 'file')} had gone by the time they were copied: their records were changed meanwhile.", err=True)


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path, self.gone = path, 0

    def lost(self, path: str) -> None:
        self.gone += 1

    def put(self, path: str, chunks: Iterable[bytes]) -> None:
        """`path` is one of ours: letters and digits."""
        target = self._path / path
        target.parent.mkdir(exist_ok=True)
        with target.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)


def empty_folder(path: Path) -> _Folder:
    path.mkdir(parents=True, exist_ok=True)
    if any(path.iterdir()):
        raise Failed(f"{path} is not empty: name another folder for the files.")
    return _Folder(path)


def _form(out: Path | None, format: str | None, *, gzip: bool, bom: bool) -> ExportForm:
    suffixes = [each[1:].lower() for each in out.suffixes] if out else []
    packed = gzip or suffixes[-1:] == ["gz"]
    told = next((each for each in reversed(suffixes) if each in FORMATS), None)
    form = ExportForm(format or told or FORMATS[0], gzip=packed, bom=bom)
    if form.bom and form.format != "csv":
        raise Failed("--bom is for CSV; JSON has no byte order mark.")
    return form


@contextmanager
def _written(out: Path | None) -> Iterator[IO[bytes]]:
    """A file that takes its place when it is whole; what goes to standard output waits until then, too."""
    if out is None:
        with tempfile.TemporaryFile() as waiting:
            yield waiting
            waiting.seek(0)
            shutil.copyfileobj(waiting, sys.stdout.buffer)
        return
    file = tempfile.NamedTemporaryFile(dir=out.parent, prefix=f".{out.name}.", suffix=".part", delete=False)  # noqa: SIM115
    part = Path(file.name)
    try:
        with file:
            yield file.file
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
