"""System tables, by Alembic. Collections are no business of migrations: they
change through the schema use cases.

Alembic is imported only where a migration is due: every start asks
`revision_of` first, and most need no more.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

if TYPE_CHECKING:
    from alembic.config import Config

# Newest last. A database at a revision that is not listed here belongs to a later release.
REVISIONS = tuple(f"{number:04}" for number in range(1, 33))
HEAD = REVISIONS[-1]
VERSION_TABLE = "_migrations"  # Alembic's own name is one that a collection may have


def revision_of(connection: Connection) -> str | None:
    """At which revision the database stands; None before the first."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    row = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).first()  # noqa: S608 - a constant
    return None if row is None else str(row[0])


def upgrade(connection: Connection, to: str = "head") -> None:
    """Inside the transaction in which the connection stands."""
    from alembic import command

    command.upgrade(_config(connection), to)


def downgrade(connection: Connection, to: str) -> None:
    from alembic import command

    command.downgrade(_config(connection), to)


def _config(connection: Connection) -> "Config":
    from alembic.config import Config

    config = Config()  # no alembic.ini: where the process was started has no say
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
