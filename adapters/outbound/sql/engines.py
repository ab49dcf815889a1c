"""Opening connections to SQLite and PostgreSQL, set up as this backend needs them, and the
few things that their drivers do differently.

The hot path runs on the drivers' own connections; SQLAlchemy's engine is made for migrations alone.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool, StaticPool

from adapters.outbound.sql.sqlite_functions import complete_functions

if TYPE_CHECKING:
    import psycopg

Connection = Any  # sqlite3.Connection or psycopg.Connection: the driver's own
Rows = list[tuple[Any, ...]]

# How many rounds of SQLite's machine go between two looks at the clock: a few milliseconds.
_ROUNDS = 100_000
# Reading through mmap would save a copy, but a file that is cut short under it kills
# the process instead of failing a read.
_SQLITE_SETTINGS = "PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA mmap_size = 0; "
# What is deleted is overwritten, as most builds do anyway: who empties the trash means it. Triggers of ours write to full-text
# tables, which SQLite takes for unsafe in a schema that is not trusted; readers run no triggers.
_WRITER_SETTINGS = (
    "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON; PRAGMA trusted_schema = ON; "
    "PRAGMA cache_size = -4000; PRAGMA journal_size_limit = 67108864; "
)
# In KiB. A list of some hundred rows touches as many pages; what does not fit is read again each time.
_READER_SETTINGS = "PRAGMA query_only = ON; PRAGMA cache_size = -4000; "


class Database(Protocol):
    """Where data is kept, and how its driver is spoken to."""

    @property
    def dialect(self) -> str: ...
    @property
    def errors(self) -> tuple[type[Exception], ...]: ...
    def open_reader(self) -> Connection: ...
    def execute(self, connection: Connection, text: str, arguments: Any) -> Rows: ...
    def execute_many(self, connection: Connection, text: str, arguments: Sequence[Any]) -> None: ...
    def in_transaction(self, connection: Connection) -> bool: ...
    def can_go_on(self, connection: Connection) -> bool:
        """Whether the transaction takes further statements after an error."""
        ...

    def abandon(self, connection: Connection) -> None:
        """Ends the transaction, whatever state it is in."""
        ...

    def close(self, connection: Connection) -> None: ...
    def alchemy(self) -> Engine:
        """An engine of SQLAlchemy for this database; its transactions are real ones, DDL included."""
        ...


def open_database(url: str) -> "SqliteDatabase | PostgresDatabase":
    """From `sqlite:///path`, `sqlite:///:memory:` or `postgresql://…`. Nothing is connected to yet."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return SqliteDatabase(parsed.database or ":memory:")
    if parsed.get_backend_name() == "postgresql":
        return PostgresDatabase(parsed)
    raise ValueError(
        f"no database of the kind `{parsed.get_backend_name()}`: sqlite and postgresql are known"
    )


class SqliteDatabase:
    """A file, or one connection in memory that everybody shares under a lock."""

    dialect = "sqlite"
    errors: tuple[type[Exception], ...] = (sqlite3.Error, OverflowError, MemoryError)

    def __init__(self, path: str) -> None:
        self.in_memory = path == ":memory:"
        self.path = path if self.in_memory else str(Path(path).absolute())
        self._shared: sqlite3.Connection | None = None
        self._opening = threading.Lock()

    def open_writer(self) -> sqlite3.Connection:
        """In memory always the same one."""
        if self.in_memory:
            return self._in_memory()
        connection = self._connect("rwc")
        _enter_wal(connection)
        connection.executescript(_SQLITE_SETTINGS + _WRITER_SETTINGS)
        return connection

    def open_reader(self) -> sqlite3.Connection:
        if self.in_memory:
            return self._in_memory()
        connection = self._connect("rw")
        connection.executescript(_SQLITE_SETTINGS + _READER_SETTINGS)
        return connection

    def _in_memory(self) -> sqlite3.Connection:
        with self._opening:
            if self._shared is None:
                self._shared = self._connect("")
                self._shared.executescript(_SQLITE_SETTINGS + _WRITER_SETTINGS)
            return self._shared

    def close(self, connection: sqlite3.Connection) -> None:
        if connection is self._shared:
            self.abandon(connection)  # closing it would end the database
        else:
            connection.close()

    def abandon(self, connection: sqlite3.Connection) -> None:
        connection.rollback()

    def end_memory(self) -> None:
        with self._opening:
            if self._shared is not None:
                self._shared.close()
                self._shared = None

    def _connect(self, mode: str) -> sqlite3.Connection:
        # isolation_level None: we say BEGIN ourselves, so that DDL is rolled back too. A connection is never
        # used by two threads at once, but it is handed on from one to another.
        where = ":memory:" if self.in_memory else f"file:{_uri_path(self.path)}?mode={mode}"
        connection = sqlite3.connect(
            where,
            uri=not self.in_memory,
            isolation_level=None,
            check_same_thread=False,
            timeout=5.0,
            cached_statements=128,  # of the longest ones that a client may cause, 8 MB
        )
        complete_functions(connection)
        return connection

    def execute(self, connection: sqlite3.Connection, text: str, arguments: Any) -> Rows:
        return connection.execute(text, arguments or ()).fetchall()

    def execute_many(self, connection: sqlite3.Connection, text: str, arguments: Sequence[Any]) -> None:
        connection.executemany(text, arguments)

    def in_transaction(self, connection: sqlite3.Connection) -> bool:
        return connection.in_transaction

    can_go_on = in_transaction

    def alchemy(self) -> Engine:
        engine = create_engine(
            "sqlite://", creator=self.open_writer, poolclass=StaticPool if self.in_memory else NullPool
        )
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        return engine


def end_after(connection: sqlite3.Connection, until: Any) -> None:
    """Interrupts statements of this connection that run on after the moment that
    `until()` gives; for readers alone."""
    connection.set_progress_handler(lambda: monotonic() > until(), _ROUNDS)


def _enter_wal(connection: sqlite3.Connection) -> None:
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise sqlite3.OperationalError("this file system has no shared memory for write-ahead logging")


def _uri_path(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


# Transactions read unless they say that they write, so that a body that only reads cannot write by mistake.
# Limits of this session; what may take longer sets its own. The collapse limits bound how long a statement is planned: with eight, as
# they come, a filter over forty relations took 4.6 s to plan and a millisecond to run, with four 0.3 s.
_POSTGRES_SETTINGS = (
    "SET timezone = 'UTC'; SET default_transaction_read_only = on; "
    "SET default_transaction_isolation = 'read committed'; "
    "SET statement_timeout = '{statement}s'; SET lock_timeout = '{lock}s'; "
    "SET idle_in_transaction_session_timeout = '60s'; "
    "SET join_collapse_limit = 4; SET from_collapse_limit = 4; "
    "SET synchronous_commit = on; SET client_min_messages = 'warning'"
)


class PostgresDatabase:
    dialect = "postgresql"

    def __init__(self, url: URL) -> None:
        self._url = url.set(drivername="postgresql+psycopg")

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        import psycopg  # not at the top: SQLite needs neither its memory nor the time to load it

        return (psycopg.Error,)

    @property
    def name(self) -> str:
        """Where it is, for people; without the password."""
        return self._url.set(query={}).render_as_string(hide_password=True)

    def open_reader(self) -> "psycopg.Connection[tuple[Any, ...]]":
        return self.open()

    def open(
        self, *, statement_limit: float = 5.0, lock_limit: float = 5.0
    ) -> "psycopg.Connection[tuple[Any, ...]]":
        import psycopg
        from psycopg.types.string import TextLoader

        # Prepared after a few runs and kept for the connection's life; after a schema change connections are
        # opened anew, because a plan made before it may refuse to run.
        arguments, options = self._url.get_dialect()().create_connect_args(self._url)
        connection = psycopg.connect(
            *arguments, **{"connect_timeout": 5, "application_name": "stillroom", **options},
            autocommit=True, prepare_threshold=3, client_encoding="utf-8",
        )  # fmt: skip
        for name in ("json", "jsonb"):
            connection.adapters.register_loader(
                name, TextLoader
            )  # documents stay the text that they are answered as
        connection.execute(
            _POSTGRES_SETTINGS.format(
                statement=max(1, round(statement_limit)), lock=max(1, round(lock_limit))
            )
        )  # type: ignore[arg-type]
        return connection

    def execute(self, connection: Any, text: str, arguments: Any) -> Rows:
        # Without arguments it may be several statements, which can be sent in one turn but not prepared.
        cursor = connection.execute(text, arguments, prepare=None if arguments is not None else False)
        while cursor.nextset():  # the answer is the last one's
            pass
        return cursor.fetchall() if cursor.description else []

    def execute_many(self, connection: Any, text: str, arguments: Sequence[Any]) -> None:
        with connection.cursor() as cursor:
            cursor.executemany(text, arguments)

    def in_transaction(self, connection: Any) -> bool:
        return connection.info.transaction_status != 0 and not connection.broken

    def can_go_on(self, connection: Any) -> bool:
        from psycopg.pq import TransactionStatus

        return connection.info.transaction_status in (TransactionStatus.IDLE, TransactionStatus.INTRANS)

    def abandon(self, connection: Any) -> None:
        self.close(connection)

    def close(self, connection: Any) -> None:
        connection.close()

    def alchemy(self) -> Engine:
        """Without our limits: a migration takes as long as it takes."""
        return create_engine(self._url, poolclass=NullPool, connect_args={"connect_timeout": 5})


@contextmanager
def closing_engine(database: Database) -> Iterator[Engine]:
    engine = database.alchemy()
    try:
        yield engine
    finally:
        if not (isinstance(database, SqliteDatabase) and database.in_memory):  # that would end the database
            engine.dispose()
