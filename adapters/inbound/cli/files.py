"""`stillroom files check`: what is in the store of files, and what records hold."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import click

from adapters.inbound.cli.terminal import Failed, count
from app.usecases.file_checks import FileCheckUseCases
from domain.actor import SYSTEM


@click.option("--delete", is_flag=True, help="Let those go that nobody knows of, with the next round of housekeeping.")
def check(files: Callable[[], AbstractContextManager[FileCheckUseCases]], delete: bool) -> None:
    """Compare the store of files with what records hold.

    Tells files that nobody knows of, and files that are missing; ends with 1 where one is missing. Works beside a running server.
    """
    strangers = missing = size = 0
    with files() as use_cases:
        for each in use_cases.strangers(delete=delete, actor=SYSTEM):
            strangers, size = strangers + 1, size + each.size
            click.echo(f"nobody's: {each.key} ({each.size:,} bytes)")
        for key in use_cases.missing(actor=SYSTEM):
            missing += 1
            click.echo(f"missing: {key}")
    goes = ", which go with the next round of housekeeping" if delete and strangers else ""
    click.echo(f"{count(strangers, 'file')} of {size:,} bytes that nobody knows of{goes}; {count(missing, 'file')} missing.")
    if missing:
        raise Failed("Restore what is missing from a backup of the store.")
