"""Bodies on SQLite: reads on connections of their own, writes through one
shared writer, schema changes alone."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import TypeVar

from adapters.outbound.sql.catalogues import Catalogues
from adapters.outbound.sql.engines import SqliteDatabase, end_after
from adapters.outbound.sql.errors import commit_failed
from adapters.outbound.sql.limits import Limits
from adapters.outbound.sql.links import Link, MakeStores, Pool
from adapters.outbound.sql.locks import OpenDoor, Turnstile
from adapters.outbound.sql.session import SCHEMA_VERSION
from adapters.outbound.sql.snapshots import in_snapshot, read
from adapters.outbound.sql.writer import SharedWriter
from domain.errors import Fault, Invalid, Unavailable
from domain.schema.collection import Schema
from ports.observer import CommitFailed, Observer

T = TypeVar("T")
Body = Callable[[Link], T]


# Statements that read at the same time in one process: it has a core or so to itself, and every connection keeps pages in memory.
_READERS = 3
# Who reads from the log holds it for as long as a list takes.
_EMPTY_LOG = "PRAGMA wal_checkpoint(TRUNCATE)"


class SqliteGround:
    def __init__(
        self,
        database: SqliteDatabase,
        catalogues: Catalogues,
        make: MakeStores,
        observer: Observer,
        limits: Limits,
    ) -> None:
        self._database, self._catalogues, self._make, self._observer, self._limits = (
            database,
            catalogues,
            make,
            observer,
            limits,
        )
        self._readers = Pool(self._open_reader, self._fits, _READERS)
        self._reading = BoundedSemaphore(_READERS)
        self._pages_to_learn_at = 0
        # In memory there is one connection, and a reader would see what a group has
        # not committed yet: no sharing there.
        turnstile = OpenDoor() if database.in_memory else Turnstile(f"{database.path}.lock")
        size = 1 if database.in_memory else limits.group
        self._writer = SharedWriter(
            self._open_writer, self._refresh, turnstile, observer, size=size, patience=limits.turn
        )

    def read(self, body: Body[T], *, snapshot: bool) -> T:
        if self._database.in_memory:
            return self._read_in_memory(body, snapshot)
        if not self._reading.acquire(timeout=self._limits.statement):
            raise Unavailable("the database is busy", code="busy")
        try:
            return read(self._readers, body, snapshot=snapshot)
        finally:
            self._reading.release()

    def run(self, body: Body[T], *, alone: bool, limit: float) -> T:
        value = self._writer.run(body, alone=alone, limit=limit)
        if limit == float("inf"):
            self._learn_what_is_there()
        return value

    def change(self, body: Body[T], *, limit: float) -> T:
        with self._writer.exclusive(), self._without_foreign_keys() as link:
            link.session.start_limit(limit)
            link.session.command("BEGIN IMMEDIATE")
            try:
                value = self._changed(link, body)
            except BaseException:
                link.connection.rollback()
                raise
            self._commit(link)
            return value

    def learn(self) -> None:
        """SQLite plans by what it was told when it was last told: here once for a process, and again when the file has grown by half."""
        pages = self.read(lambda link: int(link.command("PRAGMA page_count")[0][0]), snapshot=False)  # type: ignore[call-overload]
        if pages >= self._pages_to_learn_at:
            self._learn_what_is_there()
            self._pages_to_learn_at = pages + pages // 2

    def scrub(self, collections: Sequence[str]) -> bool:
        """What was deleted is overwritten in the file, and stands in the log of before until that is emptied. Whoever reads from the log
        is waited for a short while. Some builds keep samples of values (`sqlite_stat4`)."""
        if self._database.in_memory:
            return True
        if collections:
            self._learn_what_is_there()
        try:
            with self._writer.exclusive():
                connection = self._database.open_writer()
                try:
                    connection.execute("PRAGMA busy_timeout = 500")
                    busy = connection.execute(_EMPTY_LOG).fetchone()[0]
                finally:
                    self._database.close(connection)
        except (Unavailable, sqlite3.Error):
            return False
        return not busy

    def close(self) -> None:
        self._readers.close()
        self._writer.close()
        self._database.end_memory()

    def _read_in_memory(self, body: Body[T], snapshot: bool) -> T:
        with self._writer.exclusive():
            link = self._readers.take()
            link.command("PRAGMA query_only = ON")
            try:
                return in_snapshot(link, body) if snapshot else body(link)
            finally:
                link.command("PRAGMA query_only = OFF")
                self._readers.give(link)

    def _changed(self, link: Link, body: Body[T]) -> T:
        self._refresh(link)
        before, link.session.changing = link.session.schema, True
        value = body(link)
        link.session.check_time()
        link.session.finish_statements()
        self._check_foreign_keys(link, _touched(before, link.session.schema))
        return value

    def _commit(self, link: Link) -> None:
        try:
            link.command("COMMIT")
        except self._database.errors as error:
            link.connection.rollback()
            self._catalogues.forget()
            self._observer.observe(CommitFailed(type(error).__name__, 1))
            raise commit_failed(error) from error
        self._catalogues.keep(link.catalogue)

    def _check_foreign_keys(self, link: Link, names: Sequence[str]) -> None:
        """They were off; a default that names a record which is not there is all that can have gone wrong."""
        for name in names:
            found = link.command(f'PRAGMA foreign_key_check("{name}")')
            if found:
                fault = Fault(
                    "/fields",
                    "no_such_record",
                    f"{len(found)} records of `{name}` would point at records that are not there",
                )
                raise Invalid(
                    "a relation points at a record that is not there", code="no_such_record", faults=(fault,)
                )

    @contextmanager
    def _without_foreign_keys(self) -> Iterator[Link]:
        """Set before BEGIN: inside a transaction the pragma does nothing, and dropping a
        table would count as deleting its rows."""
        link = self._link(self._database.open_writer(), writing=True)
        link.command("PRAGMA foreign_keys = OFF")
        try:
            yield link
        finally:
            link.command("PRAGMA foreign_keys = ON")
            link.close()

    def _learn_what_is_there(self) -> None:
        """Without this the planner takes every table for an empty one, or for what it was. What was written is kept
        either way."""
        try:
            with self._writer.exclusive():
                connection = self._database.open_writer()
                connection.executescript("PRAGMA analysis_limit = 1000; ANALYZE;")
                self._database.close(connection)
        except (Unavailable, sqlite3.Error):
            return

    def _refresh(self, link: Link) -> None:
        version = link.session.command(SCHEMA_VERSION)[0][0]
        if version != link.catalogue.schema.version:
            link.fit(self._catalogues.at(version, link.session.command))

    def _fits(self, link: Link) -> bool:
        current = self._catalogues.current()
        if link.catalogue is not current:
            link.fit(current)
        return True

    def _open_reader(self) -> Link:
        link = self._link(self._database.open_reader(), writing=False)
        if not self._database.in_memory:
            end_after(link.connection, lambda: link.session.until)
        return link

    def _open_writer(self) -> Link:
        return self._link(self._database.open_writer(), writing=True)

    def _link(self, connection: object, *, writing: bool) -> Link:
        current = self._catalogues.current()
        return Link(
            self._database, connection, current, self._make, writing=writing, limit=self._limits.statement
        )


def _touched(before: Schema, after: Schema) -> tuple[str, ...]:
    """Collections that are another than before."""
    return tuple(
        name
        for name, each in after.collections.items()
        if before.collections.get(name) is not each and not each.system and not each.is_view
    )
