"""`work`: a unit of work on each database that Stillroom runs on, migrated and empty;
every test here passes on all of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from adapters.outbound.sql.engines import open_database
from adapters.outbound.sql.limits import DEFAULTS, Limits
from adapters.outbound.sql.start import migrate_database
from adapters.outbound.sql.stores import sql_stores
from adapters.outbound.sql.unit_of_work import SqlUnitOfWork
from ports.observer import Observation
from tests.migrated import migrated_file

# In memory it is the same engine without its file; tests/usecases and everything over `app.testing` run there each time.
BACKENDS = [pytest.param("sqlite-memory", marks=pytest.mark.long), "sqlite", "postgresql"]


@dataclass
class Notes:
    """An observer that keeps what it is told."""

    seen: list[Observation] = field(default_factory=list)

    def observe(self, observation: Observation) -> None:
        self.seen.append(observation)

    def wants(self, kind: type[Observation]) -> bool:
        return False

    def of(self, kind: type[Observation]) -> list[Observation]:
        return [each for each in self.seen if isinstance(each, kind)]


def every_store():
    """The stores as wiring joins them; imported late, so that tests of the ground run without them."""
    from adapters.outbound.sql.accounts import SqlAccountStore, SqlKeyStore
    from adapters.outbound.sql.records import SqlRecordStore

    return sql_stores(records=SqlRecordStore, accounts=SqlAccountStore, keys=SqlKeyStore)


def bare_stores():
    """For tests of the ground itself: `stores.records` is the session, so that bodies can run statements."""
    same = lambda session: session
    return sql_stores(records=same, accounts=same, keys=same)


@pytest.fixture(params=BACKENDS)
def database_url(request, tmp_path) -> str:
    """Migrated and empty."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_migrated_url")
    return "sqlite:///:memory:" if request.param == "sqlite-memory" else migrated_file(tmp_path / "data.db")


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def open_work(notes) -> Iterator[Callable[..., SqlUnitOfWork]]:
    """Opens units of work and closes them after the test: `open_work(url, stores=…,
    limits=…)`; the database is migrated."""
    opened: list[SqlUnitOfWork] = []

    def open_(url: str, stores=None, limits: Limits = DEFAULTS) -> SqlUnitOfWork:
        database = open_database(url)
        migrate_database(database)
        opened.append(SqlUnitOfWork(database, stores or every_store(), notes, limits))
        return opened[-1]

    yield open_
    for work in reversed(opened):
        work.close()


@pytest.fixture
def work(database_url, open_work) -> SqlUnitOfWork:
    return open_work(database_url)


@pytest.fixture
def ground(database_url, open_work) -> SqlUnitOfWork:
    """Like `work`, but `stores.records` is the bare session."""
    return open_work(database_url, bare_stores())
