"""`stillroom admin`: people who run this backend, by whoever runs its machine."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import click

from app.usecases.factors import FactorUseCases


@click.option("--email", required=True, help="Address that the admin signs in with.")
def reset_factors(factors: Callable[[], AbstractContextManager[FactorUseCases]], email: str) -> None:
    """Take the second factors of an admin away, who lost them. Works beside a running server."""
    with factors() as use_cases:
        use_cases.reset_admin(email)
    click.echo(f"{email} signs in without a second factor now, until a new one is set up.")
