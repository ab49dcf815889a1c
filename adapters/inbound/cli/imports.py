"""`stillroom import`: shows what a file would become, asks, and says what became of it."""

import heapq
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from adapters.inbound.cli import import_parts as parts
from adapters.inbound.cli.import_reports import (
    proposal_as_json,
    say_bad,
    say_cleared,
    say_end,
    say_layout,
    say_proposal,
    say_where,
)
from adapters.inbound.cli.import_wishes import Wish, ask, begun_for, watched
from adapters.inbound.cli.progress import bar
from adapters.inbound.cli.terminal import Failed, count
from adapters.inbound.rows.formats import FORMATS, Dialect, format_of, open_rows
from adapters.inbound.rows.rejects import rejects_path, write_rejects
from app.usecases.imports import ImportUseCases, Judged, Kept, Refused
from domain.actor import SYSTEM
from domain.errors import did_you_mean
from domain.records.column_names import legal_name
from domain.records.imports import Options
from domain.schema.collection import Collection

_PUBLIC = {"list": "", "view": ""}
_OPTIONS = ("id", "null", "ignore", "match")


@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--collection", metavar="NAME", help="Collection that takes the rows; without it a new one is proposed.")
@click.option("--new", metavar="NAME", help="Name of the new collection (that of the file).")
@click.option("--propose", is_flag=True, help="Print the proposal as JSON and do nothing; --definition takes it back.")
@click.option("--definition", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Definition of the new collection, JSON.")
@click.option("--public-read", is_flag=True, help="Let everyone list and view the new collection; without it only admins do.")
@click.option("--yes", is_flag=True, help="Write without asking.")
@click.option("--dry-run", is_flag=True, help="Judge every row, and write nothing.")
@click.option("--key", metavar="FIELD", help="Unique field (or id) by which a row finds the record that it changes.")
@click.option("--match", multiple=True, metavar="RELATION=FIELD", help="Unique field by which the rows name a relation's records.")
@click.option("--id", "id_column", metavar="COLUMN", help="Column that gives the records' ids (`id` if there is one).")
@click.option("--null", multiple=True, metavar="TEXT", help="Cell that stands for nothing, besides an empty one.")
@click.option("--ignore", multiple=True, metavar="COLUMN", help="Column to pass over.")
@click.option("--clear-missing", multiple=True, metavar="RELATION", help="Leave this relation empty where its record is not there.")
@click.option("--files", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder with the files that rows name.")
@click.option("--events", is_flag=True, help="Leave an event for each record, instead of one for all of them.")
@click.option("--skip-bad", is_flag=True, help="Keep the good rows even if others are bad; those go to a file.")
@click.option("--rejects", type=click.Path(dir_okay=False, path_type=Path), help="File for the bad rows (FILE.rejects.csv or .jsonl).")
@click.option("--commit-every", type=click.IntRange(1, 1_000_000), metavar="ROWS",
              help="Keep so many rows at a time; the same command goes on after an interruption.")  # fmt: skip
@click.option("--format", "format_", type=click.Choice(FORMATS), help="What the file holds, where its name does not say it.")
@click.option("--delimiter", metavar="CHARACTER", help="Between the cells of a CSV file; found out without it.")
@click.option("--encoding", default="utf-8", show_default=True, help="Of CSV and JSON Lines.")
def import_(actions: tuple[Callable[[], AbstractContextManager[ImportUseCases]], Callable[[], str]], file: Path, **given: Any) -> None:
    """Fill a collection from FILE: CSV with a header, JSON Lines, or a JSON array of objects; each may be gzipped.

    Without --collection a definition is proposed from the data and shown before anything is written. Every row is judged before the
    first one is written; all of them are kept, or none, and no new collection either. Works beside a running server.
    """
    imports, url = actions
    wish, options = _read(file, given)
    if wish.every and (wish.dry_run or given["propose"]):
        raise Failed("--commit-every is for writing: leave --dry-run and --propose out.")
    if wish.every and wish.files:
        raise Failed("--files is for imports that are kept as a whole: leave --commit-every out.")
    with imports() as use_cases:
        collection = _done(use_cases, wish, options, propose_only=given["propose"])
    if wish.new and collection is not None:
        say_where(collection, url())


def _done(use_cases: ImportUseCases, wish: Wish, options: Options, *, propose_only: bool) -> Collection | None:
    """What was filled; None where that was not wished for."""
    begun = parts.begun(use_cases, wish, options) if wish.every else None
    if begun is None and wish.new:
        if not propose_only:
            _check_free(use_cases, wish)
        wish, options = _proposed(use_cases, wish, options, told=not propose_only)
        if propose_only:
            return None
    return parts.import_in_parts(use_cases, wish, options, begun) if wish.every else _import(use_cases, wish, options)


def _read(file: Path, given: Mapping[str, Any]) -> tuple[Wish, Options]:
    if given["collection"] is not None and (given["new"] or given["definition"] or given["propose"] or given["public_read"]):
        raise Failed("--new, --propose, --definition and --public-read are for a new collection: leave --collection out.")
    delimiter = {"tab": "\t", "\\t": "\t"}.get(given["delimiter"], given["delimiter"])
    dialect = Dialect(given["format_"] or format_of(file), delimiter, given["encoding"])
    if given["null"] and dialect.format != "csv":
        raise Failed("--null is for CSV files; JSON has null itself.")
    definition, more = _definition(given["definition"])
    options = Options(
        given["id_column"] or more.get("id"), frozenset(given["ignore"]) | frozenset(more.get("ignore", ())),
        frozenset(given["null"]) | frozenset(more.get("null", ())), frozenset(given["clear_missing"]),
        {**more.get("match", {}), **dict(map(_pair, given["match"]))}, given["key"], given["events"],
    )  # fmt: skip
    name = given["collection"] or given["new"] or (definition or {}).get("name") or legal_name(file.name.split(".")[0])
    if definition is not None:
        definition = {**definition, "name": name}
    rules = _PUBLIC if given["public_read"] else None
    rejects = given["rejects"] or (rejects_path(file, dialect) if given["skip_bad"] else None)
    new = given["collection"] is None
    return Wish(file, dialect, name, new, given["yes"], given["skip_bad"], given["dry_run"], rejects,
                given["commit_every"], rules, definition, given["files"]), options  # fmt: skip


def _pair(text: str) -> tuple[str, str]:
    relation, equals, key = text.partition("=")
    if not equals:
        raise Failed(f"--match {text}: it is RELATION=FIELD, for example author=email.")
    return relation, key


def _definition(path: Path | None) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """A collection as the API takes it, or what --propose printed, which has options of the import beside it."""
    if path is None:
        return None, {}
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as broken:
        raise Failed(f"{path.name} is no JSON: {broken}") from broken
    if not isinstance(read, dict):
        raise Failed(f"{path.name} holds no definition: a JSON object with `name` and `fields`.")
    if not isinstance(read.get("collection"), dict):
        return read, {}
    options = read.get("options", {})
    for name in options if isinstance(options, dict) else {"options"}:
        if name not in _OPTIONS:
            hint = did_you_mean(name, list(_OPTIONS)) or f"known are {', '.join(_OPTIONS)}"
            raise Failed(f"{path.name}: no option `{name}`; {hint}")
    return read["collection"], options


def _check_free(use_cases: ImportUseCases, wish: Wish) -> None:
    if use_cases.has(wish.name, actor=SYSTEM):
        raise Failed(f"There is a collection `{wish.name}` already: add to it with --collection {wish.name}, or name another with --new.")


def _proposed(use_cases: ImportUseCases, wish: Wish, options: Options, *, told: bool) -> tuple[Wish, Options]:
    if wish.definition is not None:
        return _with_rules(wish), options
    with open_rows(wish.file, wish.dialect) as rows, bar("Looking", wish.file.stat().st_size) as update:
        proposal = use_cases.propose(wish.name, rows.header, watched(rows, update), options, actor=SYSTEM)
    if told:
        say_proposal(proposal)
    else:
        click.echo(proposal_as_json(proposal, wish.rules))
    return replace(wish, definition=proposal.definition(wish.rules)), proposal.options


def _with_rules(wish: Wish) -> Wish:
    definition = dict(wish.definition or {})
    return replace(wish, definition={**definition, "rules": {**definition.get("rules", {}), **(wish.rules or {})}})


def _import(use_cases: ImportUseCases, wish: Wish, options: Options) -> Collection | None:
    with open_rows(wish.file, wish.dialect) as rows, begun_for(use_cases, wish, rows, options) as judged:
        say_layout(wish.file, judged, options)
        with bar("Reading", wish.file.stat().st_size) as update:
            use_cases.judge(judged, watched(rows, update))
        _report(judged, wish)
        if wish.dry_run:
            click.echo(f"{count(judged.rows, 'row')} would be kept; nothing was written.")
            return None
        if judged.rows:
            ask(judged, wish, count(judged.rows, "record"))
        with _interruptible(), bar("Writing", judged.rows) as update:
            kept = _kept(use_cases, judged, wish, update)
        if judged.refused.count:
            say_bad(judged.refused, judged.collection)
        _write_rejects(judged, wish)
        say_end(judged, kept)
        return judged.collection


def _report(judged: Judged, wish: Wish) -> None:
    say_cleared(judged)
    if judged.bad.count:
        say_bad(judged.bad, judged.collection)
        if not wish.skip_bad:
            _write_rejects(judged, wish)
            raise Failed(f"{count(judged.bad.count, 'bad row')}, {judged.rows:,} good; nothing was written.")


def _kept(use_cases: ImportUseCases, judged: Judged, wish: Wish, update: Callable[[int], None]) -> Kept:
    try:
        return use_cases.keep(judged, skip_bad=wish.skip_bad, progress=update)
    except Refused as refused:
        say_bad(refused.bad, judged.collection)
        _write_rejects(judged, wish)
        raise Failed(f"The database refuses {count(refused.bad.count, 'row')}; nothing was written.") from refused


def _write_rejects(judged: Judged, wish: Wish) -> None:
    if wish.rejects is None or not judged.bad.count + judged.refused.count:
        return
    bad = heapq.merge(judged.bad, judged.refused, key=lambda row: row.line)
    written = write_rejects(wish.rejects, wish.file, wish.dialect, bad)
    click.echo(f"{count(written, 'bad row')} with their reasons: {wish.rejects}", err=True)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C while the rows are written: they are one transaction."""
    try:
        yield
    except KeyboardInterrupt:
        raise Failed("Interrupted; nothing was kept.") from None


