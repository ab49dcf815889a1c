"""Whose turn it is to hand events over: a lock file beside an SQLite database, an advisory lock on PostgreSQL, nobody else's in memory.

The kernel or the server frees it when a process dies, however it dies, so the next one need not wait for a lease to run out.
"""

import fcntl
import os
from typing import Any

from adapters.outbound.sql.engines import PostgresDatabase, SqliteDatabase
from ports.outbox import Turn

# By the table's oid, so that two backends in schemas of one database do not meet.
_TAKE = "SELECT pg_try_advisory_lock(7307, '_outbox'::regclass::oid::int)"


def turn_of(database: SqliteDatabase | PostgresDatabase) -> Turn:
    if isinstance(database, PostgresDatabase):
        return AdvisoryTurn(database)
    return OnlyTurn() if database.in_memory else FileTurn(f"{database.path}.relay")


class OnlyTurn:
    def is_ours(self) -> bool:
        return True

    def give_up(self) -> None:
        return


class FileTurn:
    def __init__(self, path: str) -> None:
        self._path, self._file = path, -1

    def is_ours(self) -> bool:
        if self._file >= 0:
            return True
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True

    def give_up(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class AdvisoryTurn:
    """Held by a connection of its own. Each question asks the server, which alone knows whether the connection still stands."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self._connection: Any = None

    def is_ours(self) -> bool:
        try:
            if self._connection is None:
                return self._taken()
            self._database.execute(self._connection, "SELECT 1", None)
        except self._database.errors:
            self.give_up()
            return False
        return True

    def _taken(self) -> bool:
        connection = self._database.open()
        if self._database.execute(connection, _TAKE, None)[0][0]:
            self._connection = connection
            return True
        self._database.close(connection)
        return False

    def give_up(self) -> None:
        if self._connection is not None:
            self._database.close(self._connection)
            self._connection = None
