"""`stillroom openapi`: prints the document, and says which changes between two of them break clients."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from adapters.inbound.cli.terminal import told
from domain.compatibility.compare import breaks, compared
from domain.compatibility.documents import Document
from domain.compatibility.findings import Finding, Weight
from domain.errors import Invalid

LARGEST = 50 * 1024 * 1024
# As `diff` answers: 0 nothing, 1 something, 2 trouble.
_BREAKS, _UNREADABLE = 1, 2


# Of which reader the document is printed.
ADMIN, GUEST, GENERIC = "admin", "guest", "generic"
_HELP = """Print the OpenAPI document, or compare two.

It is the document of the database that the settings name, as admins have it. Where there is none yet, it tells what every backend of
this version can do."""


def openapi_group(document: Callable[[str], str]) -> click.Group:
    """`openapi` alone prints, as it always did."""

    @click.pass_context
    def printed(context: click.Context, reader: str) -> None:
        if context.invoked_subcommand is None:
            with told():
                click.echo(document(reader))

    options: list[click.Parameter] = [
        click.Option(["--guest", "reader"], flag_value=GUEST, default=ADMIN, help="As those have it who have not signed in."),
        click.Option(["--generic", "reader"], flag_value=GENERIC, help="Of no database."),
    ]
    group = click.Group("openapi", help=_HELP, invoke_without_command=True, callback=printed, params=options)
    group.add_command(_diff)
    return group


@click.command("diff")
@click.argument("old", type=click.File("rb"))
@click.argument("new", type=click.File("rb"))
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option("--all", "everything", is_flag=True, help="Also list what is harmless.")
def _diff(old: Any, new: Any, as_json: bool, everything: bool) -> None:
    """Say which changes from OLD to NEW break clients (`-` reads standard input).

    Exit code 0: nothing breaks. 1: something does. 2: a file is no OpenAPI 3 document.
    """
    try:
        findings = compared(_read(old), _read(new))
    except Invalid as invalid:
        click.echo(invalid.detail, err=True)
        sys.exit(_UNREADABLE)
    shown = [each for each in findings if everything or each.weight is not Weight.HARMLESS]
    click.echo(json.dumps([each.as_object() for each in shown], ensure_ascii=False, indent=2) if as_json else _lines(shown, findings))
    sys.exit(_BREAKS if breaks(findings) else 0)


def _read(file: Any) -> Document:
    name = Path(file.name).name
    raw = file.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise Invalid(f"{name}: a document has at most {LARGEST // 1024 // 1024} MiB", code="limit_exceeded")
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"{name}: this is no JSON: {str(error) or 'it nests too deep'}", code="invalid_document") from error
    try:
        return Document(content)
    except Invalid as invalid:
        raise Invalid(f"{name}: {invalid.detail}", code=invalid.code) from invalid


def _lines(shown: list[Finding], findings: tuple[Finding, ...]) -> str:
    lines = [line for each in shown for line in _told(each)]
    counts = {weight: sum(each.weight is weight for each in findings) for weight in Weight}
    end = f"{counts[Weight.BREAKS]} break clients, {counts[Weight.MAY_BREAK]} may, {counts[Weight.HARMLESS]} are harmless."
    return "\n".join([*lines, end if findings else "Nothing that means anything to a client has changed."])


def _told(finding: Finding) -> list[str]:
    first = f"{finding.weight.told:9}  {finding.place}: {finding.what}"
    return [first, f"{'':9}    → {finding.remedy}"] if finding.remedy else [first]
