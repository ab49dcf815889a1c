"""Transactions on PostgreSQL: each body has its own; what the engine ends
in favour of another is run again."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any, TypeVar

from adapters.outbound.sql.catalogues import Catalogues
from adapters.outbound.sql.engines import Connection, PostgresDatabase
from adapters.outbound.sql.errors import (
    ConnectionLost,
    Contended,
    LockTimeout,
    commit_failed,
    translated,
)
from adapters.outbound.sql.limits import Limits
from adapters.outbound.sql.links import Link, MakeStores, Pool
from adapters.outbound.sql.session import SCHEMA_VERSION, Catalogue
from adapters.outbound.sql.snapshots import read
from domain.errors import Unavailable
from ports.observer import CommitFailed, Observer, Retried

T = TypeVar("T")

_ATTEMPTS = 8
_SCHEMA_ATTEMPTS = 10
# The lock that writers share and a schema change holds alone; by the table's oid, so that two
# backends in schemas of one database do not meet. The version is read by a statement of its own: one
# that waited would see what was before its wait.
_LOCK = "SELECT {function}(7305, '_meta'::regclass::oid::int)"
# Waiting for a schema change to end is no part of the time that statements may take.
_BEGIN = (
    "BEGIN READ WRITE; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '{turn}ms'; "
    + _LOCK.format(function="pg_advisory_xact_lock_shared")
    + "; SET LOCAL statement_timeout = '{statement}ms'; SET LOCAL lock_timeout = '{rows}ms'; "
    + SCHEMA_VERSION
)
# Seconds a read waits for a table before it asks again: shorter than a statement may take, so that
# PostgreSQL says which of the two it was.
_READ_TURN = 1.0
_UNHURRIED = "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"
# Seconds: a sample of each table is read.
_SCRUB_LIMIT = 30.0
_OWN_TABLES = r"SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename LIKE '\_%'"
_BEGIN_CHANGE = (
    "BEGIN READ WRITE; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '1s'; "
    + _LOCK.format(function="pg_advisory_xact_lock")
    + f"; {SCHEMA_VERSION}"
)


class PostgresGround:
    """One pool for reads and writes."""

    def __init__(
        self,
        database: PostgresDatabase,
        catalogues: Catalogues,
        make: MakeStores,
        observer: Observer,
        limits: Limits,
    ) -> None:
        self._database, self._catalogues, self._make, self._limits = database, catalogues, make, limits
        self._pool = Pool(self._open, self._fits, limits.group)
        self._transactions = OwnTransactions(self._pool, catalogues, observer, _begin(limits))

    def read(self, body: Callable[[Link], T], *, snapshot: bool) -> T:
        """Only a schema change keeps a table from readers: they come again until it has ended."""
        until = monotonic() + self._limits.turn
        while True:
            try:
                return read(self._pool, body, snapshot=snapshot)
            except LockTimeout:
                if monotonic() > until:
                    raise

    def run(self, body: Callable[[Link], T], *, alone: bool, limit: float) -> T:
        return self._transactions.run(body, limit=limit)

    def change(self, body: Callable[[Link], T], *, limit: float) -> T:
        changed: list[Catalogue] = []

        def noted(link: Link) -> T:
            link.session.changing = True
            value = body(link)
            changed[:] = [link.catalogue]
            return value

        try:
            value = self._transactions.change(noted, limit=limit)
        except Unavailable:
            self._catalogues.forget()  # if it was the COMMIT that failed, the change may be there
            raise
        self._catalogues.keep(
            Catalogue(changed[0].schema)
        )  # another object, so that no connection of before fits
        return value

    def learn(self) -> None:
        """Its autovacuum sees to that."""

    def scrub(self, collections: Sequence[str]) -> bool:
        """Its statistics hold the commonest values of a column, and some between. What a table still has of rows that are gone is its
        vacuum's business, which comes by itself."""
        if not collections:
            return True
        try:
            connection = self._database.open(statement_limit=_SCRUB_LIMIT)
            try:
                self._database.execute(connection, "SET default_transaction_read_only = off", None)
                own = [name for (name,) in self._database.execute(connection, _OWN_TABLES, None)]
                for name in dict.fromkeys([*own, *collections]):
                    self._database.execute(connection, f'ANALYZE "{name}"', None)
            finally:
                self._database.close(connection)
        except self._database.errors:
            return False
        return True

    def close(self) -> None:
        self._pool.close()

    def _open(self) -> Link:
        current = self._catalogues.current()
        connection = self._connect()
        return Link(
            self._database, connection, current, self._make, writing=False, limit=self._limits.statement
        )

    def _connect(self) -> Connection:
        try:
            return self._database.open(statement_limit=self._limits.statement, lock_limit=_READ_TURN)
        except self._database.errors as error:
            raise ConnectionLost("the database does not answer at the moment", retry_after=2) from error

    def _fits(self, link: Link) -> bool:
        current = self._catalogues.current()
        if link.catalogue is not current:
            _fit_once_more(link, current)
        return True


class OwnTransactions:
    """Bodies on links of a pool that reads share."""

    def __init__(self, pool: Pool, catalogues: Catalogues, observer: Observer, begin: str) -> None:
        self._pool, self._catalogues, self._observer, self._begin_run = pool, catalogues, observer, begin

    def run(self, body: Callable[[Link], T], *, limit: float) -> T:
        return self._again(lambda: self._once(body, self._begin_run, limit), _ATTEMPTS, (Contended,))

    def change(self, body: Callable[[Link], T], *, limit: float) -> T:
        """Waits for writers in short turns, since those that come later queue up behind our waiting."""
        return self._again(
            lambda: self._once(body, _BEGIN_CHANGE, limit), _SCHEMA_ATTEMPTS, (Contended, LockTimeout)
        )

    def _again(self, once: Callable[[], T], attempts: int, after: tuple[type[Unavailable], ...]) -> T:
        for attempt in range(1, attempts):
            try:
                return once()
            except after as passing:
                self._observer.observe(Retried(passing.code, attempt))
                sleep(random.uniform(0, 0.005 * 2**attempt))
        return once()

    def _once(self, body: Callable[[Link], T], begin: str, limit: float) -> T:
        with self._begun(begin, limit) as link:
            value = body(link)
            link.session.check_time()
            link.session.finish_statements()
        return value

    @contextmanager
    def _begun(self, begin: str, limit: float) -> Iterator[Link]:
        link = self._begin(begin, limit)
        try:
            yield link
        except BaseException:
            self._roll_back(link)
            raise
        self._commit(link)

    def _begin(self, begin: str, limit: float) -> Link:
        """On a connection that turns out dead (the server was restarted) nothing was
        done yet: once more on a new one."""
        try:
            return self._begin_on(self._pool.take(), begin, limit)
        except ConnectionLost:
            self._pool.empty()
            return self._begin_on(self._pool.take(), begin, limit)

    def _begin_on(self, link: Link, begin: str, limit: float) -> Link:
        try:
            version = self._told(link, begin)[0][0]
            if version != link.catalogue.schema.version:
                # The lock is ours, so this is the version until we end.
                _fit_once_more(link, self._catalogues.at(version, lambda text: self._told(link, text)))
            if limit == float("inf"):
                self._told(link, _UNHURRIED)
        except BaseException:
            self._roll_back(link)
            raise
        link.session.writing = True
        link.session.start_limit(limit)
        return link

    def _told(self, link: Link, text: str) -> list[tuple[Any, ...]]:
        try:
            return link.command(text)
        except link.database.errors as error:
            problem = translated(error, text, link.session.schema)
            if problem is None:
                raise
            raise problem from error

    def _commit(self, link: Link) -> None:
        try:
            link.command("COMMIT")
        except link.database.errors as error:
            self._pool.discard(link)
            self._observer.observe(CommitFailed(type(error).__name__, 1))
            raise _of_commit(error, link) from error
        self._give_back(link)

    def _roll_back(self, link: Link) -> None:
        try:
            link.command("ROLLBACK")
        except link.database.errors:
            self._pool.discard(link)
        else:
            self._give_back(link)

    def _give_back(self, link: Link) -> None:
        link.session.writing = link.session.changing = False
        self._pool.give(link)


def _begin(limits: Limits) -> str:
    turn, statement = _milliseconds(limits.turn), _milliseconds(limits.statement)
    return _BEGIN.format(turn=turn, statement=statement, rows=min(turn, statement))


def _milliseconds(seconds: float) -> int:
    """Never 0, which would be no limit at all."""
    return max(1, round(seconds * 1000))


def _fit_once_more(link: Link, catalogue: Catalogue) -> None:
    """A connection keeps plans of statements that it ran often, and those made before a schema change would
    fail: it goes on without them, and is closed after this use."""
    link.fit(catalogue)
    link.connection.prepare_threshold = None
    link.spent = True


def _of_commit(error: Exception, link: Link) -> Exception:
    """What the server says about a COMMIT is certain: it undid everything. Silence is not."""
    problem = translated(error, "COMMIT", link.session.schema)
    return commit_failed(error) if isinstance(problem, ConnectionLost) else problem or error
