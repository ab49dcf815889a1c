"""The unit of work on SQL: hands bodies to the engine's ground, joins nested ones,
and runs again what met a moved schema."""

from collections.abc import Callable, Sequence
from threading import local
from typing import Protocol, TypeVar

from adapters.outbound.sql.catalogues import Catalogues
from adapters.outbound.sql.engines import Database, Rows, open_database
from adapters.outbound.sql.errors import SchemaMoved, translated
from adapters.outbound.sql.limits import DEFAULTS, UNLIMITED, Limits
from adapters.outbound.sql.links import Link, MakeStores
from adapters.outbound.sql.outbox import write_pending
from adapters.outbound.sql.postgres import PostgresGround
from adapters.outbound.sql.snapshots import in_snapshot
from adapters.outbound.sql.sqlite import SqliteGround
from domain.errors import Unavailable
from domain.hooks.chain import NO_HOOKS, Chain
from domain.jobs.job import Waiting
from domain.schema.collection import Schema
from ports.observer import Observer
from ports.unit_of_work import Stores

T = TypeVar("T")
Body = Callable[[Stores], T]

_RELOADS = 10


class Ground(Protocol):
    """What an engine does with bodies; each is called with the link that it runs on."""

    def read(self, body: Callable[[Link], T], *, snapshot: bool) -> T: ...
    def run(self, body: Callable[[Link], T], *, alone: bool, limit: float) -> T: ...
    def change(self, body: Callable[[Link], T], *, limit: float) -> T: ...
    def learn(self) -> None: ...
    def scrub(self, collections: Sequence[str]) -> bool: ...
    def close(self) -> None: ...


class SqlUnitOfWork:
    """One for a process, used by all its threads. Nothing is opened before the first body runs."""

    def __init__(
        self, database: Database | str, stores: MakeStores, observer: Observer, limits: Limits = DEFAULTS
    ) -> None:
        self.database: Database = open_database(database) if isinstance(database, str) else database
        self._limits, self._running = limits, local()
        self._heeding: list[Callable[[], None]] = []
        self._overhearing: list[Callable[[Sequence[Waiting]], None]] = []
        self._hooks = NO_HOOKS
        self._catalogues = Catalogues(self._run_apart, observer)
        self._ground = _ground(self.database, self._catalogues, stores, observer, limits)

    def glimpse(self) -> Schema:
        outer = self._outer()
        return self._catalogues.current().schema if outer is None else outer.session.schema

    def read(self, body: Body[T], *, snapshot: bool = False) -> T:
        outer = self._outer()
        if outer is not None:
            return self._read_inside(outer, body, snapshot)
        return self._under_the_present_schema(
            lambda: self._ground.read(lambda link: self._inside(link, body), snapshot=snapshot)
        )

    def run(self, body: Body[T], *, alone: bool = False, unhurried: bool = False) -> T:
        outer = self._outer()
        if outer is not None:
            return _nested(outer, body)
        limit = UNLIMITED if unhurried else self._limits.body
        return self._told(
            lambda: self._ground.run(
                lambda link: self._writing(link, body), alone=alone or unhurried, limit=limit
            )
        )

    def change_schema(self, body: Body[T], *, unhurried: bool = False) -> T:
        outer = self._outer()
        if outer is not None:
            if not outer.session.changing:
                raise RuntimeError("a schema change cannot begin inside a transaction that shares its commit")
            return _nested(outer, body)
        return self._told(
            lambda: self._ground.change(
                lambda link: self._writing(link, body), limit=UNLIMITED if unhurried else self._limits.change
            )
        )

    def heed(self, told: Callable[[], None]) -> None:
        self._heeding.append(told)

    def overhear(self, told: Callable[[Sequence[Waiting]], None]) -> None:
        self._overhearing.append(told)

    def ask(self, hooks: Chain) -> None:
        self._hooks = hooks

    def learn(self) -> None:
        self._ground.learn()

    def scrub(self, collections: Sequence[str] = ()) -> bool:
        return self._ground.scrub(collections)

    def close(self) -> None:
        self._ground.close()

    def is_inside(self) -> bool:
        return self._outer() is not None

    def _outer(self) -> Link | None:
        return getattr(self._running, "link", None)

    def _inside(self, link: Link, body: Body[T]) -> T:
        """Runs the body; calls of ours that it makes, in this thread, join it."""
        self._running.link = link
        try:
            return body(link.stores)
        finally:
            self._running.link = None

    def _writing(self, link: Link, body: Body[T]) -> T:
        """Events come last, so that on PostgreSQL each gets its number while what it tells of is held."""
        link.session.begin_events()
        link.session.hooks, link.session.jobs = self._hooks, []
        value = self._inside(link, body)
        self._running.told = write_pending(link.session)
        self._running.jobs = link.session.jobs
        return value

    def _told(self, once: Callable[[], T]) -> T:
        self._running.told, self._running.jobs = False, []
        value = self._under_the_present_schema(once)
        if self._running.told:
            for told in self._heeding:
                told()
        if self._running.jobs:
            for overheard in self._overhearing:
                overheard(self._running.jobs)
        return value

    def _read_inside(self, outer: Link, body: Body[T], snapshot: bool) -> T:
        if snapshot and not self.database.in_transaction(outer.connection):
            return in_snapshot(outer, lambda link: body(link.stores))
        return body(outer.stores)

    def _under_the_present_schema(self, once: Callable[[], T]) -> T:
        for _ in range(_RELOADS):
            before = self._catalogues.current()
            try:
                return once()
            except SchemaMoved as moved:
                if not self._catalogues.reload(before) and moved.__cause__ is not None:
                    raise moved.__cause__  # noqa: B904 - the statement was wrong, not outdated
        raise Unavailable("collections are being changed at the moment", code="schema_moving")

    def _run_apart(self, text: str) -> Rows:
        """On a connection of its own: whoever needs the schema may have none yet, or
        one that was made for an old one."""
        try:
            connection = self.database.open_reader()
            try:
                return self.database.execute(connection, text, None)
            finally:
                self.database.close(connection)
        except self.database.errors as error:
            problem = translated(error, text, Schema(0))
            if problem is None:
                raise
            raise problem from error


def _nested(outer: Link, body: Body[T]) -> T:
    if not outer.session.writing:
        raise RuntimeError("a body that reads cannot write: begin with run()")
    with outer.session.savepoint():
        return body(outer.stores)


def _ground(
    database: Database, catalogues: Catalogues, stores: MakeStores, observer: Observer, limits: Limits
) -> Ground:
    kinds: dict[str, Callable[..., Ground]] = {"sqlite": SqliteGround, "postgresql": PostgresGround}
    return kinds[database.dialect](database, catalogues, stores, observer, limits)
