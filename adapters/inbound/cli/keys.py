"""`stillroom keys rotate`: a new key signs tokens from now on."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import click

from app.usecases.accounts import AccountUseCases


@click.option("--revoke", is_flag=True, help="The keys of before verify nothing any more: for when one of them has leaked.")
def rotate(accounts: Callable[[], AbstractContextManager[AccountUseCases]], revoke: bool) -> None:
    """Sign with a new key from now on. Works beside a running server, and signs nobody out."""
    with accounts() as use_cases:
        kid = use_cases.rotate_keys(revoke=revoke)
    click.echo(f"Tokens are signed with the key {kid} now.")
    before = "no more; who has such a token refreshes it." if revoke else "until they expire."
    click.echo(f"Those that an earlier key signed are good {before}")
