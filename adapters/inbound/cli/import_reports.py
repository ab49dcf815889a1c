"""What the import command says: the proposal as a table, bad rows, and how it ended."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from adapters.inbound.cli.terminal import count, place
from app.usecases.imports import BadRows, Judged, Kept
from domain.records.imports import BadRow, Options, clearable
from domain.records.proposals import Proposal, Proposed
from domain.schema.collection import Collection

_WIDEST = 30


def say_proposal(proposal: Proposal) -> None:
    """Every column with its field, some of its values, and why."""
    click.echo(f"`{proposal.collection}` is not there yet. From {count(proposal.rows, 'row')} this is proposed:\n")
    rows = [("COLUMN", "FIELD", "TYPE", "EXAMPLES", "WHY"), *(_told(each) for each in proposal.columns)]
    widths = [min(_WIDEST, max(len(row[at]) for row in rows)) for at in range(4)]
    for row in rows:
        click.echo("  " + "  ".join(f"{_cut(text, width):{width}}" for text, width in zip(row, widths, strict=False)) + "  " + row[4])
    if proposal.options.null:
        click.echo(f"\n  {', '.join(sorted(proposal.options.null))} stands for nothing, as an empty cell does.")
    click.echo()


def _told(each: Proposed) -> tuple[str, str, str, str, str]:
    examples = ", ".join(map(_shown, each.examples))
    return each.column, each.name if each.name != each.column else "=", _type(each.definition), examples, each.reason


def _type(definition: Mapping[str, Any] | None) -> str:
    if definition is None:
        return ""
    told = definition["type"] + (f" → {definition['collection']}" if "collection" in definition else "")
    told += f"({definition['scale']})" if "scale" in definition else ""
    return told + "".join(f" {flag}" for flag in ("required", "unique") if definition.get(flag))


def _shown(text: str) -> str:
    return _cut("".join(each if each.isprintable() else "·" for each in text), 14)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def proposal_as_json(proposal: Proposal, rules: Mapping[str, Any] | None) -> str:
    """For `--definition`: the collection, and the options that go with it."""
    options = proposal.options
    told = {
        **({"id": options.id_column} if options.id_column else {}),
        **({"null": sorted(options.null)} if options.null else {}),
        **({"ignore": sorted(options.ignore)} if options.ignore else {}),
        **({"match": dict(options.match)} if options.match else {}),
    }
    return json.dumps({"collection": proposal.definition(rules), "options": told}, ensure_ascii=False, indent=2)


def say_layout(file: Path, judged: Judged, options: Options) -> None:
    columns = [each.field for each in judged.layout.columns]
    click.echo(f"{file.name} → {judged.collection.name}: " + (", ".join(columns) if columns else "one object a row"))
    for text, names in (("ignored", options.ignore), ("left empty where missing", options.clear_missing)):
        if names:
            click.echo(f"  {text}: {', '.join(sorted(names))}")
    for relation, key in options.match.items():
        click.echo(f"  {relation}: found by `{key}`")


def say_cleared(judged: Judged) -> None:
    for name, rows in judged.cleared.items():
        click.echo(f"`{name}` points at no record in {count(rows, 'row')} and is left empty there.")


def say_bad(bad: BadRows, collection: Collection) -> None:
    """The first ones; and where some point at what is not there, the way around it."""
    for row in bad.first:
        click.echo(bad_row(row), err=True)
    if bad.count > len(bad.first):
        click.echo(f"… and {bad.count - len(bad.first):,} more", err=True)
    lost = sorted({fault.pointer[1:] for row in bad.first for fault in row.faults if fault.code == "no_such_record"})
    if lost:
        options = " ".join(f"--clear-missing {name}" for name in clearable(collection) if name in lost)
        own = {each.name for each in collection.relations if each.collection == collection.name}
        first = "put what a row points at before it" if set(lost) <= own else "import what these point at first"
        click.echo(f"{first[:1].upper()}{first[1:]}" + (f", or leave them empty: {options}" if options else "."), err=True)


def bad_row(row: BadRow) -> str:
    return f"line {row.line}: " + "; ".join(f"{place(fault)}{fault.detail}" for fault in row.faults[:5])


def say_end(judged: Judged, kept: Kept) -> None:
    skipped = f"; {count(kept.rejected, 'bad row')} skipped" if kept.rejected else ""
    name = judged.collection.name
    if judged.layout.options.key is None:
        click.echo(f"Kept {count(kept.created, 'record')} in `{name}`{skipped}.")
    else:
        click.echo(f"`{name}`: {kept.created:,} created, {kept.changed:,} changed, {kept.unchanged:,} unchanged{skipped}.")


def say_where(collection: Collection, url: str) -> None:
    """After the first import into a new collection: where it is, and who may see it."""
    name, rules = collection.name, collection.rules
    path = f"{url}/api/v1/collections/{name}"
    if rules.list is None:
        click.echo(f"It is locked: only admins see it. To let everyone read, PATCH {path} as an admin with")
        click.echo('  {"rules": {"list": "", "view": ""}}')
    else:
        click.echo(f"Once `stillroom serve` runs, open {path}/records?limit=3")
    click.echo(f"The whole API is described at {url}/api/v1/docs")
