"""One running body's view of one connection, and the compiled things that all
sessions of a schema version share."""

import threading
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from time import monotonic
from typing import Any, NoReturn, TypeVar

from sqlalchemy import Executable, Table

from adapters.outbound.sql.columns import tables
from adapters.outbound.sql.engines import Connection, Database
from adapters.outbound.sql.errors import SchemaMoved, StatementOutdated, too_slow, translated
from adapters.outbound.sql.pending import PendingEvents
from adapters.outbound.sql.statements import Prepared, prepare
from adapters.outbound.sql.views import Sources
from domain.hooks.chain import NO_HOOKS
from domain.jobs.job import Waiting
from domain.schema.collection import Schema

Plan = TypeVar("Plan")

SCHEMA_VERSION = "SELECT schema_version FROM _meta WHERE id = 1"


class Plans(dict[Any, Any]):
    """A dict that stays bounded, in number and in characters of SQL: when it is full, the oldest eighth goes. Clients
    choose the shapes and lengths of their filters, so without a bound they would choose how much memory we need; a
    plan takes about sixteen bytes for each character."""

    def __init__(self, most: int = 2000, longest: int = 1_000_000) -> None:
        super().__init__()
        self._most, self._longest, self._length = most, longest, 0
        self._changing = threading.Lock()

    def __setitem__(self, key: Any, plan: Any) -> None:
        with self._changing:
            self._length += _length(plan) - (_length(self[key]) if key in self else 0)
            super().__setitem__(key, plan)
            while len(self) > self._most or self._length > self._longest:
                self._forget(max(1, len(self) // 8))

    def _forget(self, count: int) -> None:
        for old in list(self)[:count]:
            self._length -= _length(self[old])
            del self[old]


def _length(plan: Any) -> int:
    """Of its SQL: stores keep it bare, with its binds, or in a plan of their own."""
    prepared = plan[0] if isinstance(plan, tuple) else getattr(plan, "prepared", plan)
    return len(prepared.text) if isinstance(prepared, Prepared) else 0


class Catalogue:
    """A schema and what is compiled for it; never changed, another one takes its place."""

    def __init__(self, schema: Schema) -> None:
        self.schema, self.plans = schema, Plans()
        self._sources: dict[str, Sources] = {}

    @cached_property
    def tables(self) -> Mapping[str, Table]:
        return tables(self.schema).tables

    def sources(self, dialect: str) -> Sources:
        """Whatever can be read by a collection's name: its table, or the subselect that a view is."""
        found = self._sources.get(dialect)
        if found is None:
            found = self._sources[dialect] = Sources(self.schema, self.tables, dialect)
        return found


class Session:
    """What stores run statements on. `writing` sessions stand in a transaction and under a time limit for the
    whole body; others give each statement the limit anew."""

    def __init__(
        self, database: Database, connection: Connection, catalogue: Catalogue, *, writing: bool, limit: float
    ) -> None:
        self.dialect, self.writing = database.dialect, writing
        self.catalogue = catalogue
        self.until = float("inf")
        self.failed: Exception | None = None
        self.events = PendingEvents()
        self.changing = False  # whether collections may be changed here
        self.hooks, self.hooks_deep = NO_HOOKS, 0
        self.jobs: list[Waiting] = []  # that this transaction leaves to be run at once
        self._database, self._connection, self._limit, self._depth = database, connection, limit, 0

    def begin_events(self) -> None:
        self.events.begin(self._depth)

    @property
    def is_flat(self) -> bool:
        """Whether no work is nested in the body."""
        return self._depth == self.events.depth

    @property
    def schema(self) -> Schema:
        return self.catalogue.schema

    @property
    def tables(self) -> Sources:
        """By the names of collections; views too."""
        return self.catalogue.sources(self.dialect)

    @property
    def plans(self) -> dict[Any, Any]:
        """For compiled statements, by any key; shared by all sessions of this process and schema version."""
        return self.catalogue.plans

    def plan(self, key: Hashable, build: Callable[[], Plan]) -> Plan:
        """What was built for this key, once per process and schema version."""
        found: Plan | None = self.plans.get(key)
        if found is None:
            found = self.plans[key] = build()
        return found

    def prepared(self, key: Hashable, build: Callable[[], Executable]) -> Prepared:
        return self.plan(key, lambda: prepare(build(), self.dialect))

    def execute(self, prepared: Prepared, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Every row of the answer: a cursor left open would hold a shared transaction's savepoint."""
        return self._run(prepared.text, prepared.arguments(values))

    def execute_many(self, prepared: Prepared, rows: Sequence[Mapping[str, Any]]) -> None:
        """The statement once for each of `rows`; for those that answer nothing."""
        self._run_many(prepared.text, [prepared.arguments(row) for row in rows])

    def execute_columns(self, prepared: Prepared, columns: Mapping[str, Sequence[Any]]) -> None:
        """As `execute_many`, with the values of all rows by column."""
        self._run_many(prepared.text, prepared.rows(columns))

    def _run_many(self, text: str, arguments: Sequence[Any]) -> None:
        self.check_time()
        try:
            self._database.execute_many(self._connection, text, arguments)
        except self._database.errors as error:
            self._refuse(error, text)

    def command(self, text: str) -> list[tuple[Any, ...]]:
        """A statement without parameters, of our own text."""
        return self._run(text, None)

    def lend(self, name: str, function: Callable[[Any], Any]) -> None:
        """Makes a function of one value callable in statements of this connection; SQLite alone can."""
        self._connection.create_function(name, 1, function)

    def _run(self, text: str, arguments: Any) -> list[tuple[Any, ...]]:
        self.check_time()
        try:
            return self._database.execute(self._connection, text, arguments)
        except self._database.errors as error:
            self._refuse(error, text)

    def _refuse(self, error: Exception, text: str) -> NoReturn:
        problem = translated(error, text, self.schema)
        if isinstance(problem, StatementOutdated):
            # A writer holds the schema still, so there the statement is simply wrong.
            problem = None if self.writing else SchemaMoved()
        if self.writing:
            self.failed = problem or error
        if problem is None:
            raise error
        raise problem from error

    def moved(self) -> NoReturn:
        """For a store that finds another schema version in an answer than `schema.version`:
        its body runs again under the new one."""
        raise SchemaMoved

    def check_version(self) -> None:
        if self.command(SCHEMA_VERSION)[0][0] != self.schema.version:
            self.moved()

    def start_limit(self, limit: float) -> None:
        """From now on the body has this many seconds."""
        self.until, self.failed = monotonic() + limit, None

    def check_time(self) -> None:
        """Between statements, never by interrupting one: that would throw away
        the transaction that others share."""
        if not self.writing:
            self.until = monotonic() + self._limit
        elif self.failed is not None and not self._database.can_go_on(self._connection):
            # On SQLite without its transaction each statement would be kept by
            # itself; PostgreSQL takes none any more.
            raise self.failed
        elif monotonic() > self.until:
            raise too_slow()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """What happens inside is undone when it raises; what came before stays."""
        before, self._depth = (self.catalogue, self.failed), self._depth + 1
        events, remarks = len(self.events.events), len(self.events.remarks)
        name = f"nested_{self._depth}"
        self.command(f"SAVEPOINT {name}")
        try:
            yield
            self.finish_statements()
            self.command(f"RELEASE {name}")
        except BaseException:
            del self.events.events[events:], self.events.remarks[remarks:]
            if self._undone_to(name):
                self.catalogue, self.failed = before
            raise
        finally:
            self._depth -= 1

    def _undone_to(self, name: str) -> bool:
        if not self._database.in_transaction(self._connection):
            return False
        try:
            # Not by `command`: the time may be over, and on PostgreSQL the
            # transaction is broken until this undoes it.
            self._database.execute(self._connection, f"ROLLBACK TO {name}", None)
            self._database.execute(self._connection, f"RELEASE {name}", None)
        except self._database.errors as error:
            self.failed = error
            self._database.abandon(self._connection)  # half a body must not be kept with what others wrote
            return False
        return True

    def finish_statements(self) -> None:
        """A body (or nested one) in which a statement failed is undone, also where it caught that:
        PostgreSQL can do nothing else, and what SQLite would keep is half of what was meant. To go on
        after a refusal, nest what may be refused."""
        if self.failed is not None:
            raise self.failed
