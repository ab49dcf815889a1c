"""Transactions on PostgreSQL when the server ends them, and when it cannot be reached."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from adapters.outbound.sql.engines import open_database
from adapters.outbound.sql.limits import Limits
from adapters.outbound.sql.start import migrate_database
from adapters.outbound.sql.unit_of_work import SqlUnitOfWork
from domain.errors import Unavailable
from ports.observer import CommitFailed, Retried
from tests.contract.conftest import Notes, bare_stores
from tests.contract.ground import POSTS, add, change, column, create, ids
from tests.postgres import connect


@pytest.fixture
def notes():
    return Notes()


@pytest.fixture
def work(postgres_url, notes):
    migrate_database(open_database(postgres_url))
    opened = SqlUnitOfWork(postgres_url, bare_stores(), notes, Limits(turn=1))
    create(opened, POSTS)
    yield opened
    opened.close()


def pid(stores):
    return stores.records.command("SELECT pg_backend_pid()")[0][0]


def end(url, backend):
    with connect(url, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])


def test_what_the_server_ends_in_favour_of_another_is_run_again(work, notes):
    runs = []

    def body(stores):
        runs.append(add(f"r{len(runs)}")(stores))
        if len(runs) < 3:
            stores.records.command("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$")
        return len(runs)

    assert work.run(body) == 3
    assert ids(work) == ["r2"], "what a lost attempt wrote is undone"
    assert notes.of(Retried) == [Retried("contended", 1), Retried("contended", 2)]


def test_retries_end(work, notes):
    with pytest.raises(Unavailable) as refused:
        work.run(lambda stores: stores.records.command("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$"))
    assert refused.value.code == "contended"
    assert len(notes.of(Retried)) == 7


def test_of_two_bodies_in_a_deadlock_both_succeed(work, postgres_url, notes):
    for id in ("a", "b"):
        work.run(add(id, views=0))
    patient = SqlUnitOfWork(postgres_url, bare_stores(), notes, Limits(turn=5))  # longer than the server's deadlock_timeout
    meet = threading.Barrier(2, timeout=5)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda ids: patient.run(crossing(*ids, meet)), [("a", "b"), ("b", "a")]))
    patient.close()
    assert column(work, "views") == [2, 2]
    assert notes.of(Retried) == [Retried("contended", 1)]


def crossing(one, other, meet):
    attempts = []

    def body(stores):
        stores.records.command(f"UPDATE posts SET views = views + 1 WHERE id = '{one}'")
        if not attempts:
            attempts.append(1)
            meet.wait()
        stores.records.command(f"UPDATE posts SET views = views + 1 WHERE id = '{other}'")

    return body


@pytest.mark.parametrize("use", ["read", "run", "change_schema"])
def test_a_connection_that_died_in_the_pool_is_replaced(work, postgres_url, use):
    end(postgres_url, work.read(pid))
    assert getattr(work, use)(lambda stores: stores.schema.version) == 2


def test_a_connection_that_dies_inside_a_body_is_unavailable_and_keeps_nothing(work, postgres_url, notes):
    runs = []

    def body(stores):
        runs.append(1)
        add("a")(stores)
        end(postgres_url, pid(stores))
        add("b")(stores)

    with pytest.raises(Unavailable):
        work.run(body)
    assert len(runs) == 1
    assert ids(work) == []
    assert work.run(add("c")) == "c"


def test_the_outcome_of_a_commit_that_was_not_answered_is_unknown(work, postgres_url, notes):
    def body(stores):
        add("a")(stores)
        end(postgres_url, pid(stores))

    with pytest.raises(Unavailable) as refused:
        work.run(body)
    assert refused.value.code == "outcome_unknown"
    assert notes.of(CommitFailed) == [CommitFailed(type(refused.value.__cause__).__name__, 1)]
    assert isinstance(refused.value.__cause__, psycopg.Error)
    assert work.run(add("b")) == "b"


def test_a_server_that_is_not_there_is_unavailable(notes):
    work = SqlUnitOfWork("postgresql://nobody@127.0.0.1:1/none", bare_stores(), notes)
    with pytest.raises(Unavailable):
        work.read(lambda stores: stores.current())
    with pytest.raises(Unavailable):
        work.run(lambda stores: None)


def test_a_schema_change_waits_for_writers_and_gives_up_in_time(work, postgres_url, monkeypatch):
    monkeypatch.setattr("adapters.outbound.sql.postgres._SCHEMA_ATTEMPTS", 1)
    inside, leave = threading.Event(), threading.Event()

    def slow(stores):
        inside.set()
        leave.wait(5)
        return add("a")(stores)

    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(work.run, slow)
        inside.wait(5)
        with pytest.raises(Unavailable):
            change(work, {"name": "posts", "rules": {"list": ""}})
        leave.set()
        assert running.result(5) == "a"
    change(work, {"name": "posts", "rules": {"list": ""}})
    assert work.read(lambda stores: stores.current().collection("posts").rules.list) == ""


def test_a_swallowed_refusal_is_raised_and_not_taken_for_a_commit(work):
    """COMMIT of a transaction that failed answers ROLLBACK, without an error."""

    def body(stores):
        add("a")(stores)
        try:
            add("a")(stores)
        except Exception:
            return "all is well"

    with pytest.raises(Exception, match="same `id`"):
        work.run(body)
    assert ids(work) == []


@pytest.mark.parametrize("wrong", [lambda stores: stores.records.command("SELECT 1/0"), lambda stores: refused(stores)])
def test_what_went_wrong_leaves_no_transaction_open(work, postgres_url, wrong):
    for attempt in (work.read, work.run, work.change_schema, lambda body: work.read(body, snapshot=True)):
        with pytest.raises((LookupError, psycopg.Error)):
            attempt(wrong)
    with connect(postgres_url, autocommit=True) as admin:
        asked = (
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stillroom'"
            " AND datname = current_database() AND state LIKE 'idle in%'"
        )
        assert admin.execute(asked).fetchone() == (0,)


def refused(stores):
    raise LookupError("no")


def test_a_snapshot_that_waits_for_a_change_in_vain_leaves_a_sound_connection(work, postgres_url):
    work.run(add("a"))
    with connect(postgres_url) as changing:
        changing.execute("LOCK TABLE _collections IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(Unavailable) as refused:
            work.read(lambda stores: ids(work), snapshot=True)
        assert refused.value.code == "busy"
    for _ in range(3):  # whichever connection of the pool it was
        assert work.read(lambda stores: stores.records.command("SELECT id FROM posts"), snapshot=True) == [("a",)]
    work.run(add("b"))
    assert ids(work) == ["a", "b"]
