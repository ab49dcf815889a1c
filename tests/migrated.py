"""A SQLite file at our revision for tests: copied, it is there in a twentieth of the time that migrations take."""

import sqlite3
from functools import cache
from pathlib import Path

from adapters.outbound.sql.engines import SqliteDatabase
from adapters.outbound.sql.start import migrate_database


def migrated_file(path: Path) -> str:
    """Its URL."""
    made = sqlite3.connect(path)
    made.execute("PRAGMA synchronous = OFF")
    _template().backup(made)
    made.close()
    return f"sqlite:///{path}"


@cache
def _template() -> sqlite3.Connection:
    made = SqliteDatabase(":memory:")
    migrate_database(made)
    return made.open_writer()
