"""Shared commits on SQLite when something breaks: who is answered what and when, and what is there afterwards."""

import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from adapters.outbound.sql.engines import SqliteDatabase, open_database
from adapters.outbound.sql.limits import Limits
from adapters.outbound.sql.locks import Turnstile
from adapters.outbound.sql.start import migrate_database
from adapters.outbound.sql.unit_of_work import SqlUnitOfWork
from domain.errors import Conflict, OutOfSpace, Unavailable
from ports.observer import CommitFailed, Retried
from tests.contract.conftest import Notes, bare_stores
from tests.contract.ground import POSTS, add, change, create, ids

ROOT = Path(__file__).parents[2]


class Wire:
    """A connection whose statements are noted, and fail where `fails` says so."""

    def __init__(self, connection: sqlite3.Connection, log: list[str], fails) -> None:
        self._connection, self._log, self._fails = connection, log, fails

    def execute(self, text, arguments=()):
        self._log.append(text)
        error = self._fails(text)
        if error is not None:
            raise error
        return self._connection.execute(text, arguments)

    def __getattr__(self, name):
        return getattr(self._connection, name)


class WiredDatabase(SqliteDatabase):
    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.log: list[str] = []
        self.fails = lambda text: None

    def open_writer(self):
        return Wire(super().open_writer(), self.log, lambda text: self.fails(text))

    @property
    def commits(self) -> int:
        return self.log.count("COMMIT")


@pytest.fixture
def wired(tmp_path):
    database = WiredDatabase(f"{tmp_path}/data.db")
    migrate_database(SqliteDatabase(database.path))
    return database


@pytest.fixture
def notes():
    return Notes()


@pytest.fixture
def work(wired, notes):
    opened = SqlUnitOfWork(wired, bare_stores(), notes, Limits(turn=10))
    create(opened, POSTS)
    wired.log.clear()
    yield opened
    opened.close()


def sqlite_error(name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("told by the test")
    error.sqlite_errorname = name
    return error


def together(work, bodies):
    """Runs the bodies so that they all wait while the first is inside; answers results and errors in their order."""
    inside, queue = threading.Event(), work._ground._writer._queue

    def first(stores):
        if not inside.is_set():
            inside.set()
            wait_until(lambda: queue.waiting == len(bodies) - 1)
        return bodies[0](stores)

    def told(body):
        try:
            return work.run(body)
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(bodies)) as threads:
        leader = threads.submit(told, first)
        inside.wait(5)
        followers = [threads.submit(told, body) for body in bodies[1:]]
        return [each.result(20) for each in (leader, *followers)]


def wait_until(holds, seconds=5.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "what the test waits for did not happen"
        time.sleep(0.001)


def refuse(stores):
    raise Conflict("no", code="refused")


# --- sharing --------------------------------------------------------------------------------------------------------


def test_those_who_wait_share_one_commit(work, wired):
    assert together(work, [add(f"r{at}") for at in range(8)]) == [f"r{at}" for at in range(8)]
    assert wired.commits == 1
    assert len(ids(work)) == 8


def test_a_group_is_never_larger_than_the_limit(wired, notes):
    work = SqlUnitOfWork(wired, bare_stores(), notes, Limits(group=3))
    create(work, POSTS)
    wired.log.clear()
    together(work, [add(f"r{at}") for at in range(8)])
    assert wired.commits == 3
    work.close()


def test_who_wants_to_be_alone_shares_with_nobody(work, wired):
    bodies = [add("a"), add("b"), add("c")]
    inside = threading.Event()
    queue = work._ground._writer._queue

    def first(stores):
        inside.set()
        wait_until(lambda: queue.waiting == 2)
        return bodies[0](stores)

    with ThreadPoolExecutor(3) as threads:
        running = [threads.submit(work.run, first)]
        inside.wait(5)
        running += [threads.submit(work.run, body, alone=True) for body in bodies[1:]]
        assert [each.result(10) for each in running] == ["a", "b", "c"]
    assert wired.commits == 3


def test_one_members_refusal_undoes_only_what_it_wrote(work, wired):
    def half(stores):
        add("half")(stores)
        refuse(stores)

    told = together(work, [add("a"), half, add("b"), add("a"), add("c")])
    assert [told[0], told[2], told[4]] == ["a", "b", "c"]
    assert (told[1].code, told[3].code) == ("refused", "not_unique")
    assert wired.commits == 1
    assert ids(work) == ["a", "b", "c"]


def test_nobody_is_answered_or_refused_before_the_commit(work, wired):
    committing, go_on = threading.Event(), threading.Event()

    def hold(text):
        if text == "COMMIT":
            committing.set()
            go_on.wait(5)

    wired.fails = hold
    with ThreadPoolExecutor(1) as thread:
        ended = []
        running = thread.submit(lambda: ended.append(together(work, [add("a"), refuse])))
        committing.wait(5)
        time.sleep(0.4)  # longer than members wait before they look after their commit
        assert ended == []
        assert ids(work) == []
        go_on.set()
        running.result(10)
    assert ended[0][0] == "a"
    assert ended[0][1].code == "refused"


def test_where_all_are_refused_nothing_is_made_durable(work, wired):
    told = together(work, [refuse, refuse, refuse])
    assert [each.code for each in told] == ["refused"] * 3
    assert wired.commits == 0


def test_a_commit_that_nobody_looks_after_is_made_by_its_members(work, wired):
    """As when the last in the queue gave up waiting just then."""
    queue = work._ground._writer._queue
    queue._count(1)
    assert work.run(add("a")) == "a"
    queue._count(-1)
    assert ids(work) == ["a"]


# --- failing commits ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name, problem", [("SQLITE_IOERR_FSYNC", Unavailable), ("SQLITE_FULL", OutOfSpace)])
def test_a_failed_commit_is_told_to_all_members_and_not_run_again(work, wired, notes, name, problem):
    failing = [sqlite_error(name)]
    wired.fails = lambda text: failing.pop() if text == "COMMIT" and failing else None
    runs = []

    def counted(id):
        return lambda stores: (runs.append(id), add(id)(stores))[1]

    told = together(work, [counted("a"), counted("b"), refuse])
    assert [type(each) for each in told] == [problem] * 3, "a refusal may rest on what was lost"
    assert {each.code for each in told} == {"outcome_unknown"}
    assert sorted(runs) == ["a", "b"]
    assert notes.of(CommitFailed) == [CommitFailed("OperationalError", 3)]
    assert work.run(add("later")) == "later"
    assert ids(work) == ["later"]


def test_memory_that_runs_out_in_a_commit_is_told_to_all_members(work, wired, notes):
    """sqlite3 raises MemoryError then, which is no error of its own."""
    failing = [MemoryError()]
    wired.fails = lambda text: failing.pop() if text == "COMMIT" and failing else None
    answers = together(work, [add("a"), add("b"), refuse])
    assert [each.code for each in answers] == ["outcome_unknown"] * 3
    assert [each.members for each in notes.of(CommitFailed)] == [3]
    work.run(add("c"))
    assert ids(work) == ["c"]


def test_a_refused_body_that_cannot_be_undone_takes_all_with_it_and_is_told_alone(work, wired):
    failing = [MemoryError()]
    wired.fails = lambda text: failing.pop() if text.startswith("ROLLBACK TO") and failing else None

    def half(stores):
        add("half")(stores)
        raise Conflict("no", code="refused")

    answers = together(work, [add("a"), half, add("b")])
    assert (answers[0], answers[1].code, answers[2]) == ("a", "refused", "b")
    assert ids(work) == ["a", "b"]


def test_a_lost_transaction_is_run_once_more_by_each_member_alone(work, wired, notes):
    """SQLite may throw the whole transaction away at one member's error."""
    runs = []

    def counted(id):
        return lambda stores: (runs.append(id), add(id)(stores))[1]

    def loses(stores):
        runs.append("loses")
        stores.records._connection.rollback()
        raise LookupError("its own fault")

    told = together(work, [counted("a"), loses, counted("b")])
    assert (told[0], type(told[1]), told[2]) == ("a", LookupError, "b")
    assert sorted(runs) in (["a", "a", "b", "loses", "loses"], ["a", "a", "b", "b", "loses", "loses"])
    assert ids(work) == ["a", "b"]
    assert set(notes.of(Retried)) == {Retried("transaction_lost", 1)}


def test_a_full_disk_is_told_to_whom_it_concerns(work, wired):
    work.run(add("first"))
    writer = work._ground._writer._link.connection
    pages = writer.execute("PRAGMA page_count").fetchone()[0]
    writer.execute(f"PRAGMA max_page_count = {pages + 3}")
    told = together(work, [add("a"), add("big", title="x" * 100_000), add("b")])
    assert (told[0], type(told[1]), told[2]) == ("a", OutOfSpace, "b")
    assert ids(work) == ["a", "b", "first"]
    writer.execute("PRAGMA max_page_count = 1000000")
    assert work.run(add("big", title="x" * 100_000)) == "big"


def test_a_body_that_goes_on_after_its_transaction_is_lost_keeps_nothing(work):
    def body(stores):
        add("before")(stores)
        stores.records._connection.rollback()
        stores.records.failed = LookupError("as an error would have left it")
        add("after")(stores)

    with pytest.raises(LookupError):
        work.run(body)
    assert ids(work) == []


# --- other processes ------------------------------------------------------------------------------------------------


def test_a_writer_that_waits_too_long_for_its_turn_is_told_that_we_are_busy(wired, notes):
    work = SqlUnitOfWork(wired, bare_stores(), notes, Limits(turn=0.2))
    create(work, POSTS)
    other = Turnstile(f"{wired.path}.lock")
    other.acquire(1)
    for _ in range(2):
        with pytest.raises(Unavailable) as refused:
            work.run(add("a"))
        assert refused.value.code == "busy"
    with pytest.raises(Unavailable):
        change(work, {"name": "posts", "rules": {"list": ""}})
    assert ids(work) == [], "reads wait for nobody"
    other.release()
    assert work.run(add("a")) == "a"
    other.acquire(1)  # the turn that was given up is not kept
    other.release()
    other.close()
    work.close()


def test_a_turnstile_that_is_closed_while_it_waits_takes_no_turn_later(tmp_path):
    holding, waiting = Turnstile(f"{tmp_path}/lock"), Turnstile(f"{tmp_path}/lock")
    holding.acquire(1)
    with pytest.raises(Unavailable):
        waiting.acquire(0.05)
    waiting.close()
    waiting.close()
    holding.release()
    for _ in range(20):
        holding.acquire(1)
        holding.release()
    holding.close()


def test_turns_are_exclusive_among_many(tmp_path):
    inside, most = [], []

    def come(at):
        turnstile = Turnstile(f"{tmp_path}/lock")
        for _ in range(20):
            turnstile.acquire(20)
            inside.append(at)
            most.append(len(inside))
            time.sleep(random.uniform(0, 0.001))
            inside.remove(at)
            turnstile.release()
        turnstile.close()

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(come, range(6)))
    assert max(most) == 1
    assert len(most) == 120


WRITER = """
import os, sys, threading
from adapters.outbound.sql.unit_of_work import SqlUnitOfWork
from tests.contract.conftest import Notes, bare_stores
from tests.contract.ground import add

work = SqlUnitOfWork(sys.argv[1], bare_stores(), Notes())

def write(thread):
    for at in range(1_000_000):
        id = f"{sys.argv[2]}-{thread}-{at}"
        work.run(add(id, views=at))
        os.write(1, f"{id}\\n".encode())  # one write for a line: another process writes to the same file

for thread in range(8):
    threading.Thread(target=write, args=(thread,), daemon=False).start()
"""


@pytest.mark.parametrize("round_", range(3))
def test_killed_under_load_no_acknowledged_write_is_lost(tmp_path, notes, round_):
    url = f"sqlite:///{tmp_path}/data.db"
    migrate_database(open_database(url))
    work = SqlUnitOfWork(url, bare_stores(), notes)
    create(work, POSTS)
    said = tmp_path / "said"
    with said.open("a") as out:
        writers = [
            subprocess.Popen([sys.executable, "-c", WRITER, url, name], stdout=out, cwd=ROOT) for name in ("one", "two")
        ]
        try:
            wait_until(lambda: said.stat().st_size > 4000 + 1000 * round_, 30)
            writers[0].send_signal(signal.SIGKILL)
            writers[0].wait(10)
            size = said.stat().st_size
            wait_until(lambda: said.stat().st_size > size + 1000, 30)  # the other goes on
        finally:
            for writer in writers:
                writer.kill()
                writer.wait(10)
    acknowledged = set(said.read_text().rpartition("\n")[0].split("\n"))
    kept = set(ids(work))
    assert len(acknowledged) > 100
    assert acknowledged - kept == set()
    assert work.read(lambda stores: stores.records.command("PRAGMA integrity_check")) == [("ok",)]
    assert work.run(add("afterwards")) == "afterwards"
    work.close()
