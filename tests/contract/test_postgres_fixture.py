"""The PostgreSQL that the other tests lean on is real, private to each test, and cleans up only after itself."""

import psycopg
import pytest

from tests.postgres import connect, drop_database, drop_schema, fresh_database, fresh_schema


def test_it_is_a_real_server_that_speaks_utf8(postgres_url):
    with connect(postgres_url) as connection:
        version, encoding, text = connection.execute(
            "SELECT version(), current_setting('server_encoding'), 'ß → ẞ 🍵'"
        ).fetchone()
    assert version.startswith("PostgreSQL")
    assert (encoding, text) == ("UTF8", "ß → ẞ 🍵")


def test_two_schemas_do_not_see_each_other(postgres_worker_database):
    with fresh_schema(postgres_worker_database) as ours, fresh_schema(postgres_worker_database) as theirs:
        with connect(ours) as connection:
            connection.execute("CREATE TABLE teas (name text)")
            connection.execute("INSERT INTO teas VALUES ('assam')")
        with connect(theirs) as connection:
            assert connection.execute("SELECT to_regclass('teas')").fetchone() == (None,)
            connection.execute("CREATE TABLE teas (name text)")
        with connect(ours) as connection:
            assert connection.execute("SELECT name FROM teas").fetchall() == [("assam",)]


def test_a_schema_is_gone_with_its_test(postgres_worker_database):
    with fresh_schema(postgres_worker_database) as url, connect(url) as connection:
        connection.execute("CREATE TABLE teas (name text)")
        (name,) = connection.execute("SELECT current_schema()").fetchone()
    with connect(postgres_worker_database) as connection:
        assert connection.execute("SELECT to_regnamespace(%s)", [name]).fetchone() == (None,)


def test_a_database_is_gone_with_its_test_though_somebody_is_connected(postgres_server):
    with fresh_database(postgres_server) as url:
        forgotten = connect(url, autocommit=True)
        (name,) = forgotten.execute("SELECT current_database()").fetchone()
    with connect(postgres_server) as connection:
        assert connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None
    with pytest.raises(psycopg.OperationalError):
        forgotten.execute("SELECT 1")


def test_a_transaction_left_open_is_ended_and_told(postgres_worker_database):
    with pytest.raises(pytest.fail.Exception, match="left a transaction open"):
        forget_a_transaction(postgres_worker_database)


def forget_a_transaction(url):
    with fresh_schema(url) as ours:
        forgotten = connect(ours)
        forgotten.execute("CREATE TABLE teas (name text)")
    forgotten.close()


def test_two_databases_share_no_advisory_locks(postgres_server):
    with (
        fresh_database(postgres_server) as ours,
        fresh_database(postgres_server) as theirs,
        connect(ours) as holder,
        connect(theirs) as other,
    ):
        holder.execute("SELECT pg_advisory_lock(1)")
        assert other.execute("SELECT pg_try_advisory_lock(1)").fetchone() == (True,)


def test_it_sorts_as_people_do_so_that_a_forgotten_collation_shows(postgres_url):
    with connect(postgres_url) as connection:
        rows = connection.execute("SELECT name FROM (VALUES ('a'), ('B'), ('c')) AS teas (name) ORDER BY name")
        order = "".join(name for (name,) in rows)
    if order == "Bac":
        pytest.skip("this machine has only the C locale (neither en_US.UTF-8 nor a server with ICU)")
    assert order == "aBc"


@pytest.mark.parametrize("name", ["public", "postgres", "production", "latest_test", "test_", 'test_x"; DROP'])
def test_clean_up_refuses_what_is_not_named_for_tests(name):
    for drop in (drop_schema, drop_database):
        with pytest.raises(RuntimeError, match="refusing to drop"):
            drop("postgresql://nowhere.invalid/postgres", name)
