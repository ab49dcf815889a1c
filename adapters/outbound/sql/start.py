"""Before anything is served: is this a database that we may use, and is it at our
revision? Else a sentence that says what to do.

Nothing is changed before all of that is answered.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from adapters.outbound.sql.engines import Database, PostgresDatabase, SqliteDatabase, closing_engine
from adapters.outbound.sql.locks import Turnstile
from domain.errors import Unavailable
from migrations import HEAD, REVISIONS, revision_of, upgrade

APPLICATION_ID = 0x5374696C  # "Stil", in the header of a SQLite file
FORMAT = "stillroom"
_HEADER = b"SQLite format 3\0"
# Up to this size every page is looked at, at about 1 GB a second; beyond it a start would take too long.
_CHECKED_WHOLE = 64 * 1024 * 1024
_OLDEST_POSTGRES = 130000
_OLDEST_SQLITE = (3, 37)  # STRICT tables
_COPYING = threading.Lock()


class StartError(Exception):
    """Why we do not start, as one sentence for the operator."""


def check_database(database: Database) -> bool:
    """Whether it needs `migrate_database`. StartError where it must not be touched. Changes nothing."""
    with _told(database):
        if isinstance(database, SqliteDatabase):
            return _check_sqlite(database)
        with closing_engine(database) as engine, engine.connect() as connection:
            return _check_postgres(database, connection)


def migrate_database(database: Database) -> None:
    """Brings the system tables to our revision, in one transaction; of several
    processes one does it, the others wait."""
    if not check_database(database):
        return
    if isinstance(database, SqliteDatabase) and database.in_memory and _is_empty(database):
        _copy_template(database)
    else:
        _migrate(database)


def _migrate(database: Database) -> None:
    with (
        _told(database),
        _only_one(database),
        closing_engine(database) as engine,
        engine.begin() as connection,
    ):
        _lock_postgres(connection)
        if revision_of(connection) != HEAD:
            upgrade(connection)
            _mark(connection)


# --- SQLite


def _is_empty(database: SqliteDatabase) -> bool:
    return database.open_writer().execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def _copy_template(database: SqliteDatabase) -> None:
    """Tests open a new database in memory each time: copied, it is there in a hundredth of the time."""
    with _COPYING:
        _template().backup(database.open_writer())


@cache
def _template() -> sqlite3.Connection:
    made = SqliteDatabase(":memory:")
    _migrate(made)
    return made.open_writer()


def _check_sqlite(database: SqliteDatabase) -> bool:
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise StartError(f"this Python brings SQLite {sqlite3.sqlite_version}; 3.37 is the oldest that works")
    if database.in_memory:
        with closing_engine(database) as engine, engine.connect() as connection:
            return revision_of(connection) != HEAD
    path = Path(database.path)
    _check_folder(path)
    if not path.exists() or path.stat().st_size == 0:
        return True
    _check_header(path)
    try:
        return _check_content(path)
    except sqlite3.DatabaseError as error:
        raise StartError(
            f"{path} cannot be read as a SQLite database ({_reason(error)}); restore it from a backup"
        ) from error


def _check_folder(path: Path) -> None:
    if not path.parent.is_dir():
        raise StartError(f"{path.parent} is not a folder")
    if not os.access(path.parent, os.W_OK | os.X_OK) or _is_read_only(path.parent):
        raise StartError(
            f"the folder {path.parent} is read-only; SQLite keeps its log beside the database and must write there"
        )
    if path.exists() and not path.is_file():
        raise StartError(f"{path} is not a file")
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        raise StartError(f"{path} may not be read and written by this user")


def _is_read_only(folder: Path) -> bool:
    """The file system itself; `access` tells root that everything may be written."""
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def _check_header(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(len(_HEADER)) != _HEADER:
            raise StartError(f"{path} is not a SQLite database; name another file, or move this one away")


def _check_content(path: Path) -> bool:
    """What looks wrong while another process writes to it is looked at again."""
    for _ in range(5):
        before = _stamp(path)
        try:
            return _look_into(path)
        except (StartError, sqlite3.DatabaseError):
            if _stamp(path) == before:
                raise
    return _look_into(path)


def _stamp(path: Path) -> tuple[int, int, bool]:
    return path.stat().st_mtime_ns, path.stat().st_size, _log_of(path).exists()


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _look_into(path: Path) -> bool:
    # Where there is no log the file is complete by itself; opened as
    # immutable, SQLite puts nothing beside it.
    mode = "mode=ro" if _log_of(path).exists() else "immutable=1"
    connection = sqlite3.connect(f"{path.as_uri()}?{mode}", uri=True)
    try:
        ask: Any = lambda statement: connection.execute(statement).fetchone()
        tables = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        if tables and (ask("PRAGMA application_id")[0] != APPLICATION_ID or "_meta" not in tables):
            raise StartError(f"{path} is the database of another program; name another file")
        _check_pages(path, ask)
        if not tables:
            return True
        format, revision = ask("SELECT (SELECT format FROM _meta), (SELECT version_num FROM _migrations)")
        return _is_older(str(path), format, revision)
    finally:
        connection.close()


def _check_pages(path: Path, ask: Any) -> None:
    """The beginning of the answer is enough: "ok", or the first thing that is wrong."""
    size = path.stat().st_size
    whole = ask("PRAGMA page_count")[0] * ask("PRAGMA page_size")[0]
    cut_short = size < whole and not _log_of(path).exists()  # new pages may still be in the log alone
    if cut_short or (size <= _CHECKED_WHOLE and ask("PRAGMA quick_check(1)")[0] != "ok"):
        raise StartError(f"{path} is damaged; restore it from a backup")


def _reason(error: Exception) -> str:
    return getattr(error, "sqlite_errorname", type(error).__name__).removeprefix("SQLITE_").lower()


# --- PostgreSQL


def _check_postgres(database: Database, connection: Connection) -> bool:
    name = _name(database)
    asked = "SELECT current_setting('server_version_num')::int, current_setting('server_encoding')"
    version, encoding = connection.execute(text(asked)).one()
    if version < _OLDEST_POSTGRES:
        raise StartError(f"{name} is PostgreSQL {version // 10000}; version 13 is the oldest that works")
    if encoding != "UTF8":
        raise StartError(f"{name} keeps text as {encoding}; create it with ENCODING 'UTF8'")
    tables = set(inspect(connection).get_table_names())
    if tables and "_meta" not in tables:
        raise StartError(
            f"{name} holds tables of another program; give Stillroom a database or a schema of its own"
        )
    if not tables:
        return True
    try:
        format = connection.execute(text("SELECT format FROM _meta")).scalar()
    except DBAPIError as error:
        raise StartError(
            f"{name} holds tables of another program; give Stillroom a database or a schema of its own"
        ) from error
    return _is_older(name, format, revision_of(connection))


def _lock_postgres(connection: Connection) -> None:
    """Until the transaction ends; there is no table yet whose number could name the lock."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(7306, hashtext(current_schema()))"))


# --- both


def _is_older(name: str, format: str | None, revision: str | None) -> bool:
    if format != FORMAT:
        raise StartError(f"{name} is the database of another program")
    if revision not in REVISIONS:
        raise StartError(
            f"{name} was written by a newer Stillroom (revision {revision}); start that one, or restore a backup from before"
        )
    return revision != HEAD


def _mark(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(text(f"PRAGMA application_id = {APPLICATION_ID}"))


@contextmanager
def _only_one(database: Database) -> Iterator[None]:
    """Takes the turn at writing, as every writer on SQLite does; PostgreSQL has locks of its own."""
    if not isinstance(database, SqliteDatabase) or database.in_memory:
        yield
        return
    turnstile = Turnstile(f"{database.path}.lock")
    try:
        turnstile.acquire(60.0)
        yield
        turnstile.release()
    finally:
        turnstile.close()


@contextmanager
def _told(database: Database) -> Iterator[None]:
    try:
        yield
    except (DBAPIError, sqlite3.Error, OSError, Unavailable) as error:
        raise StartError(f"{_name(database)} cannot be opened: {_cause(error)}") from error


def _name(database: Database) -> str:
    return (
        database.path
        if isinstance(database, SqliteDatabase)
        else database.name
        if isinstance(database, PostgresDatabase)
        else ""
    )


def _cause(error: Exception) -> str:
    """The driver's first line; SQLAlchemy would add the statement and its parameters."""
    told = getattr(error, "orig", None) or error
    return str(told).strip().partition("\n")[0] or type(told).__name__
