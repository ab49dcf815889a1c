"""The unit of work: rollback, nesting, racing writers, limits, and schema changes that everybody notices."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text as sql_text

from adapters.outbound.sql.engines import open_database
from adapters.outbound.sql.limits import Limits
from adapters.outbound.sql.statements import Prepared, prepare
from adapters.outbound.sql.unit_of_work import SqlUnitOfWork
from domain.errors import Conflict, Invalid, NotFound, Problem, Unavailable
from ports.observer import SchemaReloaded
from tests.contract.conftest import bare_stores
from tests.contract.ground import POSTS, add, change, column, create, defined, drop, everything, grow, ids

TAGS = {"name": "tags", "fields": [{"name": "label", "type": "text"}]}


@pytest.fixture
def shared_url(request, tmp_path):
    """A database that two processes can open."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_url")
    return f"sqlite:///{tmp_path}/shared.db"


on_shared_databases = pytest.mark.parametrize("shared_url", ["sqlite", "postgresql"], indirect=True)


# --- one transaction ------------------------------------------------------------------------------------------------


def test_what_a_body_wrote_is_there_after_it_returned(ground):
    create(ground, POSTS)
    assert ground.run(add("a", title="Hello")) == "a"
    assert ids(ground) == ["a"]


def test_an_exception_undoes_what_the_body_wrote(ground):
    create(ground, POSTS)

    def body(stores):
        add("a")(stores)
        raise LookupError("no")

    with pytest.raises(LookupError):
        ground.run(body)
    assert ids(ground) == []


def test_a_refused_statement_undoes_the_body_even_where_the_body_caught_it(ground):
    create(ground, POSTS)

    def body(stores):
        add("a", title="same")(stores)
        try:
            add("b", title="same")(stores)
        except Conflict:
            return "went on"

    with pytest.raises(Conflict):
        ground.run(body)
    assert ids(ground) == []


def test_nested_work_joins_and_is_undone_with_the_outer_one(ground):
    create(ground, POSTS)

    def body(stores):
        ground.run(add("inner"))
        assert ids(ground) == ["inner"], "a read inside a body sees what the body wrote"
        raise LookupError("no")

    with pytest.raises(LookupError):
        ground.run(body)
    assert ids(ground) == []


def test_nested_work_that_is_refused_and_caught_undoes_only_itself(ground):
    create(ground, POSTS)

    def refused(stores):
        add("b")(stores)
        add("c", title="same")(stores)

    def body(stores):
        add("a", title="same")(stores)
        with pytest.raises(Conflict):
            ground.run(refused)
        ground.run(lambda inner: (add("d")(inner), ground.run(add("e"))))

    ground.run(body)
    assert ids(ground) == ["a", "d", "e"]


def test_a_body_that_reads_cannot_write(ground):
    create(ground, POSTS)
    with pytest.raises(RuntimeError):
        ground.read(lambda stores: ground.run(add("a")))
    with pytest.raises(ground.database.errors):
        ground.read(add("a"))
    assert ids(ground) == []


def test_collections_do_not_change_inside_an_ordinary_body(ground):
    with pytest.raises(RuntimeError):
        ground.run(lambda stores: create(ground, POSTS))
    with pytest.raises(RuntimeError):
        ground.run(lambda stores: stores.collections.apply(None, defined(POSTS), ()))
    assert "posts" not in ground.read(lambda stores: stores.current().collections)


def test_a_snapshot_shows_one_moment(ground):
    create(ground, POSTS)
    ground.run(add("a"))
    if ground.database.dialect == "sqlite" and ground.database.in_memory:
        assert ground.read(lambda stores: (ids(ground), ids(ground)), snapshot=True) == (["a"], ["a"])
        return  # one connection: nobody can write meanwhile

    def body(stores):
        before = ids(ground)
        with ThreadPoolExecutor(1) as other:
            other.submit(ground.run, add("b")).result()
        return before, ids(ground)

    assert ground.read(body, snapshot=True) == (["a"], ["a"])
    assert ids(ground) == ["a", "b"]


# --- refusals by the database ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("values, pointer", [
    ({"id": "a"}, "/id"),
    ({"id": "b", "title": "Hello"}, "/title"),
    ({"id": "b", "contact": "ANN@example.org", "_key_contact": "ann@example.org"}, "/contact"),
])  # fmt: skip
def test_a_unique_violation_is_a_conflict_that_points_at_the_field(ground, values, pointer):
    create(ground, POSTS)
    ground.run(add("a", title="Hello", contact="ann@example.org", _key_contact="ann@example.org"))
    with pytest.raises(Conflict) as refused:
        ground.run(add(**values))
    assert refused.value.code == "not_unique"
    assert [fault.pointer for fault in refused.value.faults] == [pointer]
    assert ids(ground) == ["a"]


def test_a_unique_violation_over_several_fields_names_them_all(ground):
    create(ground, {"name": "posts", "fields": [{"name": "a", "type": "integer"}, {"name": "b", "type": "integer"}],
                    "indexes": [{"fields": ["b", "a"], "unique": True}]})  # fmt: skip
    ground.run(add("x", a=1, b=2))
    with pytest.raises(Conflict) as refused:
        ground.run(add("y", a=1, b=2))
    assert [fault.pointer for fault in refused.value.faults] == ["/b", "/a"]


def test_a_relation_into_nothing_is_invalid_and_a_target_in_use_a_conflict(ground):
    create(ground, POSTS)
    with pytest.raises(Invalid) as refused:
        ground.run(add("a", parent="nobody"))
    assert refused.value.code == "no_such_record"
    ground.run(add("a"))
    ground.run(add("b", parent="a"))
    delete = prepare(sql_text("DELETE FROM posts WHERE id = :id"), ground.database.dialect)
    with pytest.raises(Conflict) as refused:
        ground.run(lambda stores: stores.records.execute(delete, {"id": "a"}))
    assert refused.value.code == "referred"


@pytest.mark.parametrize("number", [2**63, -(2**70)])
def test_a_number_that_does_not_fit_is_invalid(ground, number):
    create(ground, POSTS)
    with pytest.raises(Invalid) as refused:
        ground.run(add("a", views=number))
    assert refused.value.code == "number_too_large"
    assert ids(ground) == []


def test_no_word_of_the_database_reaches_the_client(ground):
    create(ground, POSTS)
    ground.run(add("a", title="Hello"))
    for values in ({"id": "a"}, {"id": "b", "title": "Hello"}, {"id": "b", "parent": "x"}, {"id": "b", "views": 2**64}):
        with pytest.raises(Problem) as refused:
            ground.run(add(**values))
        told = " ".join([refused.value.detail, *(fault.detail for fault in refused.value.faults)]).lower()
        assert not any(word in told for word in ("constraint", "_ux_", "_key_", "posts", "bigint", "sqlite", "insert"))
        assert refused.value.__cause__ is not None


def test_what_is_wrong_in_a_statement_is_told_as_it_is_and_run_once(ground):
    create(ground, POSTS)
    runs = []

    def body(stores):
        runs.append(1)
        stores.records.command("SELECT nothing_like_it FROM posts")

    for run in (ground.read, ground.run):
        runs.clear()
        with pytest.raises(ground.database.errors):
            run(body)
        assert len(runs) == 1


# --- many at once ---------------------------------------------------------------------------------------------------


def test_no_change_of_eight_racing_writers_is_lost(ground):
    create(ground, POSTS)
    ground.run(add("a", views=0))
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: [ground.run(grow("a")) for _ in range(25)], range(8)))
    assert column(ground, "views") == [200]


def test_of_fifty_equal_values_one_is_kept(ground):
    create(ground, POSTS)

    def attempt(at):
        try:
            return ground.run(add(f"id{at}", title="the only one"))
        except Conflict as refused:
            return refused.faults[0].pointer

    with ThreadPoolExecutor(16) as threads:
        told = list(threads.map(attempt, range(50)))
    assert sorted(told)[:49] == ["/title"] * 49
    assert ids(ground) == [told[at] for at in range(50) if told[at] != "/title"]


# --- limits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_body_that_takes_too_long_is_undone(database_url, open_work, goes_on):
    work = open_work(database_url, bare_stores(), Limits(body=0.1))
    create(work, POSTS)

    def slow(stores):
        add("a")(stores)
        time.sleep(0.15)
        if goes_on:
            add("b")(stores)

    with pytest.raises(Unavailable) as refused:
        work.run(slow)
    assert refused.value.code == "too_slow"
    assert ids(work) == []
    assert work.run(slow, unhurried=True) is None
    assert "a" in ids(work)


@on_shared_databases
def test_a_statement_that_reads_too_long_is_ended(shared_url, open_work):
    work = open_work(shared_url, bare_stores(), Limits(statement=1.0))
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(Unavailable) as refused:
        work.read(lambda stores: stores.records.command(endless))
    assert refused.value.code == "too_slow"
    assert work.read(lambda stores: stores.current().version) == 1


def test_plans_are_kept_but_not_without_bound(ground):
    def body(stores):
        for at in range(5000):
            stores.records.plans[at] = at
        return len(stores.records.plans), stores.records.plans.get(4999)

    kept, newest = ground.read(body)
    assert kept <= 2000
    assert newest == 4999
    assert ground.read(lambda stores: stores.records.plans.get(4999)) == 4999


def test_long_plans_are_fewer(ground):
    """Clients choose how long their filters are."""

    def body(stores):
        plans = stores.records.plans
        for at in range(300):
            plans[at] = Prepared(f"SELECT {at:010000d}", None, {})
            plans[at] = (Prepared(f"SELECT {at:010000d}", None, {}), ())
        return sorted(plans)

    kept = ground.read(body)
    assert 80 <= len(kept) <= 100
    assert kept == list(range(300 - len(kept), 300)), "the oldest went"


# --- the schema moves -----------------------------------------------------------------------------------------------


def test_a_changed_schema_is_served_at_once(ground, notes):
    create(ground, POSTS)
    assert ground.read(lambda stores: stores.schema.version) == 2
    change(ground, {"name": "posts", "fields": [*POSTS["fields"], {"name": "added", "type": "integer"}]})
    ground.run(add("a", added=3))
    assert column(ground, "added") == [3]
    drop(ground, "posts")
    with pytest.raises(NotFound):
        ground.read(lambda stores: stores.schema.collection("posts"))


@on_shared_databases
def test_another_process_notices_with_its_next_statement(shared_url, open_work, notes):
    here, there = (open_work(shared_url, bare_stores()) for _ in range(2))
    create(here, POSTS)
    create(here, TAGS, id="c2")
    for at in range(10):
        assert ids(there) == [f"a{n}" for n in range(at)]
        change(here, {"name": "posts", "fields": [*POSTS["fields"], {"name": f"field_{at}", "type": "integer"}]})
        assert there.run(lambda stores: set(stores.schema.collection("posts").every_field)) >= {f"field_{at}"}
        there.run(add(f"a{at}", **{f"field_{at}": at}))
        assert column(here, f"field_{at}")[at] == at
    drop(here, "tags")
    # What the statement names is gone: the body is run again under the new schema, and then finds no table.
    with pytest.raises(KeyError):
        ids(there, "tags")
    assert notes.of(SchemaReloaded)


@on_shared_databases
def test_a_store_that_sees_another_version_has_its_body_run_again(shared_url, open_work):
    here, there = (open_work(shared_url, bare_stores()) for _ in range(2))
    there.read(lambda stores: stores.current())
    create(here, POSTS)
    seen = []

    def body(stores):
        seen.append(stores.schema.version)
        return stores.current().version

    assert there.read(body) == 2
    assert seen == [1, 2]


@on_shared_databases
def test_statements_prepared_before_a_change_do_not_fail_after_it(shared_url, open_work):
    """PostgreSQL refuses a kept plan whose result has another type now."""
    here, there = (open_work(shared_url, bare_stores()) for _ in range(2))
    create(here, {"name": "posts", "fields": [{"name": "n", "type": "integer"}]})
    for _ in range(10):
        assert column(there, "n", checked=False) == column(here, "n", checked=False) == []
    change(here, {"name": "posts", "fields": []})
    change(here, {"name": "posts", "fields": [{"name": "n", "type": "text"}]})
    here.run(add("a", n="text now"))
    for _ in range(10):
        assert column(there, "n", checked=False) == column(here, "n", checked=False) == ["text now"]


@on_shared_databases
def test_a_failed_change_leaves_nothing_and_readers_never_see_half(shared_url, open_work):
    work, other = (open_work(shared_url, bare_stores()) for _ in range(2))
    before = everything(work)

    def body(stores):
        create(work, POSTS)  # joins
        create(work, TAGS, id="c2")
        assert set(stores.schema.collections) >= {"posts", "tags"}
        with ThreadPoolExecutor(1) as thread:
            assert "posts" not in thread.submit(other.read, lambda seen: seen.current().collections).result()
        raise LookupError("changed my mind")

    with pytest.raises(LookupError):
        work.change_schema(body)
    assert everything(work) == before
    assert "posts" not in work.read(lambda stores: stores.current().collections)
    create(work, POSTS)
    assert ids(other) == []


@on_shared_databases
def test_others_wait_for_a_schema_change_that_takes_longer_than_they_may(shared_url, open_work):
    work, other = open_work(shared_url, bare_stores()), open_work(shared_url, bare_stores())
    create(work, POSTS)
    with ThreadPoolExecutor(4) as threads:
        changing = hold(threads, work, seconds=6)
        written = [threads.submit(each.run, add(id)) for each, id in ((work, "a"), (other, "b"))]
        read = threads.submit(ids, other)
        assert sorted(each.result() for each in written) == ["a", "b"]
        assert set(read.result()) <= {"a", "b"}
        changing.result()
    assert sorted(ids(work)) == ["a", "b"]


@on_shared_databases
def test_waiting_for_a_schema_change_ends(shared_url, open_work):
    work, hasty = open_work(shared_url, bare_stores()), open_work(shared_url, bare_stores(), Limits(turn=0.3))
    create(work, POSTS)
    attempts = [lambda: hasty.run(add("a"))]
    if work.database.dialect == "postgresql":  # readers of SQLite never wait
        attempts.append(lambda: ids(hasty))
    with ThreadPoolExecutor(1) as threads:
        changing = hold(threads, work, seconds=3)
        for attempt in attempts:
            with pytest.raises(Unavailable) as refused:
                attempt()
            assert refused.value.code == "busy"
            assert refused.value.retry_after
        assert not changing.done()
    assert ids(hasty) == []


def hold(threads, work, *, seconds):
    """A change that stands in everybody's way for so long; returns once it does."""
    begun = threading.Event()

    def slow(stores):
        if work.database.dialect == "postgresql":
            stores.records.command("LOCK TABLE posts IN ACCESS EXCLUSIVE MODE")
        begun.set()
        time.sleep(seconds)

    changing = threads.submit(work.change_schema, slow)
    assert begun.wait(5)
    return changing


CHILD = """
import sys
from adapters.outbound.sql.unit_of_work import SqlUnitOfWork
from tests.contract.conftest import Notes, bare_stores

work = SqlUnitOfWork(sys.argv[1], bare_stores(), Notes())
for line in sys.stdin:
    names = work.read(lambda stores: stores.current()).collections["posts"].every_field
    more = work.run(lambda stores: stores.schema.collections["posts"].every_field)
    print(line.strip() in names, line.strip() in more, flush=True)
work.close()
"""


@on_shared_databases
def test_a_real_second_process_serves_every_change_that_was_acknowledged(shared_url, open_work):
    work = open_work(shared_url, bare_stores())
    create(work, POSTS)
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, shared_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root
    ) as child:
        for at in range(20):
            change(work, {"name": "posts", "fields": [*POSTS["fields"], {"name": f"field_{at}", "type": "text"}]})
            child.stdin.write(f"field_{at}\n")
            child.stdin.flush()
            assert child.stdout.readline().split() == ["True", "True"]
        child.stdin.close()
        assert child.wait(20) == 0


def test_writers_and_schema_changes_take_turns(ground):
    create(ground, POSTS)
    problems = []

    def write(thread):
        for at in range(20):
            try:
                ground.run(add(f"{thread}-{at}"))
            except Problem as problem:
                problems.append(problem)

    threads = [threading.Thread(target=write, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for at in range(8):
        change(ground, {"name": "posts", "fields": [*POSTS["fields"], *([{"name": "more_yet", "type": "bool"}] if at % 2 else [])]})
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(ids(ground)) == 80


# --- the end --------------------------------------------------------------------------------------------------------


def test_nothing_runs_after_closing(ground):
    create(ground, POSTS)
    ground.close()
    ground.close()
    for attempt in (ground.read, ground.run, ground.change_schema):
        with pytest.raises(Unavailable) as refused:
            attempt(lambda stores: stores.schema)
        assert refused.value.code == "stopping"


@on_shared_databases
def test_closing_waits_for_running_bodies_and_refuses_new_ones(shared_url, open_work, notes):
    open_work(shared_url, bare_stores())  # migrates
    work = SqlUnitOfWork(open_database(shared_url), bare_stores(), notes)
    inside = threading.Event()

    def slow(stores):
        inside.set()
        time.sleep(0.2)
        return stores.current().version

    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(work.read, slow)
        inside.wait(5)
        work.close()
        assert running.done() or running.result(1) == 1
        assert running.result() == 1
    with pytest.raises(Unavailable):
        work.read(lambda stores: stores.current())


def test_the_planner_learns_how_much_there_is(ground):
    create(ground, POSTS)
    ground.learn()
    ground.run(lambda stores: [add(f"p{at}", title="x" * 400 + str(at))(stores) for at in range(300)])
    ground.learn()
    if ground.database.dialect == "sqlite":
        told = ground.read(lambda stores: stores.records.command("SELECT stat FROM sqlite_stat1 WHERE tbl = 'posts'"))
        assert {stat.split()[0] for (stat,) in told} == {"300"}
