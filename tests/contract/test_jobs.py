"""Jobs on every database, whoever carries them: there with the caller's transaction or not at all, held by one worker at a time, never
lost and never endless."""

import hmac
import re
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from time import sleep

import pytest

from adapters.inbound.cli.jobs import list_ as show_jobs
from adapters.outbound.embedded_carrier import EmbeddedCarrier
from adapters.outbound.rq_carrier import RqCarrier
from adapters.outbound.sql.jobs import _STATEMENTS, _written
from app.testing import Noticed, backend
from domain.actor import SYSTEM
from domain.errors import Conflict, Invalid, NotFound, Unavailable
from domain.jobs.job import DEAD_KEPT
from domain.jobs.outcomes import Failed, Succeeded
from domain.jobs.retrying import MOST_LOST
from domain.rules.values import RequestFacts
from ports.observer import JobFailed, JobLost
from tests.postgres import fresh_database

LEASE, SHORT = timedelta(seconds=30), timedelta(milliseconds=1)
FACTS = RequestFacts("POST")


# In memory it is the embedded one too: `:memory:` is a database like any other, and there is nobody to be carried to.
pytestmark = pytest.mark.parametrize(
    ("database_url", "carrier"),
    [
        pytest.param("sqlite-memory", "embedded", marks=pytest.mark.long), ("sqlite", "embedded"), ("postgresql", "embedded"),
        ("sqlite", "rq"), pytest.param("postgresql", "rq", marks=pytest.mark.long),
    ],
    indirect=True,
)  # fmt: skip


@pytest.fixture
def carrier(request):
    if request.param == "embedded":
        yield EmbeddedCarrier()
        return
    carrier = RqCarrier(request.getfixturevalue("redis_url"), lambda text: hmac.digest(b"k" * 32, text.encode(), "sha256"), Noticed())
    yield carrier
    carrier.close()


@pytest.fixture
def room(database_url, carrier):
    with backend(database=database_url, carrier=carrier) as room:
        yield room


@pytest.fixture
def ran(room):
    ran = []
    room.jobs.register("note", lambda post, times=1: ran.append((post, times)))
    return ran


def fails(room, name="fail", **options):
    def fail() -> None:
        raise ValueError("a secret")

    room.jobs.register(name, fail, **options)


def claim(room, limit=10, lease=LEASE, holder="h1", queues=None):
    return room.work.run(lambda stores: stores.jobs.claim(holder, lease, room.jobs.tasks.keys(), queues, limit))


def inspect(room, id):
    return room.jobs.inspect(id, actor=SYSTEM)


def test_a_job_runs_once_with_its_arguments(room, ran):
    id = room.jobs.enqueue("note", post="p1", times=2)
    assert (inspect(room, id).state, room.job_runs.drain(), ran) == ("waiting", 1, [("p1", 2)])
    job = inspect(room, id)
    assert (job.state, job.tries, job.result) == ("done", 0, None)
    assert job.created <= job.started <= job.ended
    assert room.job_runs.drain() == 0


def test_a_job_comes_and_goes_with_the_transaction_that_asks_for_it(room, ran):
    room.collections.create({"name": "posts", "fields": [{"name": "title", "type": "text"}]}, actor=SYSTEM)

    def both(title):
        room.records.create("posts", {"id": title, "title": title}, actor=SYSTEM, facts=FACTS)
        room.jobs.enqueue("note", post=title)
        if title == "bad":
            raise Conflict("not this one")

    room.work.run(lambda stores: both("good"))
    with pytest.raises(Conflict):
        room.work.run(lambda stores: both("bad"))
    room.job_runs.drain()
    assert ran == [("good", 1)]


def test_wrong_arguments_are_named(room, ran):
    def typed(post: str, times: int = 1, tags: list[str] | None = None) -> None: ...

    room.jobs.register("typed", typed)
    with pytest.raises(Invalid) as refused:
        room.jobs.enqueue("typed", pots="p1", times="2", tags=["a", 1])
    assert [(each.pointer, each.code) for each in refused.value.faults] == [
        ("/pots", "unknown_field"), ("/post", "required"), ("/times", "unfit_argument"), ("/tags", "unfit_argument"),
    ]  # fmt: skip
    assert refused.value.hint == "did you mean `post`?"
    with pytest.raises(Invalid) as refused:
        room.jobs.enqueue("nite", post="p1")
    assert (refused.value.code, refused.value.hint) == ("unknown_job", "did you mean `note`?")
    assert room.jobs.list({}, actor=SYSTEM) == []


def test_the_urgent_come_first_and_the_later_later(room, ran):
    room.jobs.enqueue("note", post="third")
    room.jobs.enqueue("note", post="first", priority=2)
    room.jobs.enqueue("note", post="second", priority=1)
    later = room.jobs.enqueue("note", post="later", at=timedelta(milliseconds=300))
    room.jobs.enqueue("note", post="next year", at=datetime(2100, 1, 1, tzinfo=UTC))
    assert room.job_runs.drain() == 3
    assert [post for post, _ in ran] == ["first", "second", "third"]
    sleep(0.35)
    assert (room.job_runs.drain(), inspect(room, later).state) == (1, "done")


def test_a_worker_takes_its_queues_alone_and_what_it_knows(room, ran):
    room.jobs.register("mail", lambda: None, queue="mail")
    room.jobs.enqueue("note", post="p1")
    room.jobs.enqueue("mail")
    assert [each.job.name for each in claim(room, queues=["mail"])] == ["mail"]
    assert room.work.run(lambda stores: stores.jobs.claim("h2", LEASE, ["other"], None, 10)) == []
    assert [each.job.name for each in claim(room, holder="h3")] == ["note"]


BINDS = {"waiting": (True, False, False), "unfinished": (True, True, False), "kept": (True, True, True)}


@pytest.mark.parametrize(("once", "binds"), BINDS.items())
def test_a_key_binds_for_as_long_as_its_job_says(room, once, binds):
    room.jobs.register("digest", lambda: None, once=once)
    first = room.jobs.enqueue("digest", key="monday")
    found = [room.jobs.enqueue("digest", key="monday") == first]
    [held] = claim(room, limit=1)
    found.append(room.jobs.enqueue("digest", key="monday") == first)
    room.job_runs.settle([(held, Succeeded(None))])
    found.append(room.jobs.enqueue("digest", key="monday") == first)
    assert tuple(found) == binds
    assert room.jobs.enqueue("digest", key="tuesday") != first
    assert room.jobs.enqueue("digest") != room.jobs.enqueue("digest")


def test_one_of_many_that_ask_with_a_key_at_once_adds_a_job(room, ran):
    ready, ids = Barrier(8), []

    def ask():
        ready.wait()
        ids.append(room.jobs.enqueue("note", key="k", post="p"))

    threads = [Thread(target=ask) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert (len(ids), len(set(ids)), room.job_runs.drain()) == (8, 1, 1)


def test_a_failure_is_tried_again_later_and_then_given_up(room):
    fails(room, tries=2, wait=timedelta(milliseconds=80))
    id = room.jobs.enqueue("fail")
    assert room.job_runs.drain() == 1
    job = inspect(room, id)
    assert (job.state, job.tries) == ("waiting", 1)
    assert job.reason.startswith("ValueError in fail, line")
    sleep(0.12)
    room.job_runs.drain()
    assert (inspect(room, id).state, inspect(room, id).tries) == ("dead", 2)
    assert [each.attempt for each in room.observer.observations if isinstance(each, JobFailed)] == [1, 2]
    assert "secret" not in str(room.observer.observations)


def test_the_dead_are_retried_or_dropped(room):
    fails(room, tries=1)
    id = room.jobs.enqueue("fail")
    room.job_runs.drain()
    room.jobs.retry(id, actor=SYSTEM)
    assert (inspect(room, id).state, inspect(room, id).tries) == ("waiting", 0)
    with pytest.raises(Conflict):
        room.jobs.retry(id, actor=SYSTEM)
    room.jobs.drop(id, actor=SYSTEM)
    with pytest.raises(NotFound):
        inspect(room, id)


def test_a_retry_gives_way_to_another_with_its_key(room):
    fails(room, tries=1)
    id = room.jobs.enqueue("fail", key="k")
    room.job_runs.drain()
    room.jobs.enqueue("fail", key="k")
    with pytest.raises(Conflict):
        room.jobs.retry(id, actor=SYSTEM)
    assert inspect(room, id).state == "dead"


def test_a_late_worker_cannot_say_what_came_of_anothers_run(room, ran):
    id = room.jobs.enqueue("note", post="p")
    [late] = claim(room, lease=SHORT)
    sleep(0.01)
    assert room.job_runs.keep("h1", [id]) == {id}  # nobody was there to take it
    claim(room, lease=SHORT)
    room.work.run(lambda stores: stores.jobs.keep("h1", SHORT, [id]))
    sleep(0.01)
    room.job_runs.claim(1)  # sees that it was let go, and takes it
    assert inspect(room, id).lost == 1
    assert room.job_runs.keep("h1", [id]) == frozenset()
    room.job_runs.settle([(late, Failed("late"))])
    room.job_runs.settle([(late, Succeeded('"late"'))])
    room.job_runs.give_back("h1", [id])
    job = inspect(room, id)
    assert (job.state, job.tries, job.result) == ("running", 0, None)
    assert [each.times for each in room.observer.observations if isinstance(each, JobLost)] == [1]


def test_what_takes_its_worker_with_it_each_time_is_given_up(room, ran):
    id = room.jobs.enqueue("note", post="p")
    for _ in range(MOST_LOST):
        claim(room, lease=SHORT)
        sleep(0.005)
        room.work.run(lambda stores: stores.jobs.lapse(MOST_LOST, DEAD_KEPT))
    job = inspect(room, id)
    assert (job.state, job.lost, job.reason, room.job_runs.drain(), ran) == ("dead", MOST_LOST, "lost", 0, [])


def test_what_is_given_back_has_lost_nothing(room, ran):
    ids = [room.jobs.enqueue("note", post=str(each)) for each in range(3)]
    claim(room)
    room.job_runs.give_back("h1", ids[1:])
    assert [inspect(room, id).state for id in ids] == ["running", "waiting", "waiting"]
    assert (room.job_runs.drain(), len(ran)) == (2, 2)
    assert all(inspect(room, id).lost == inspect(room, id).tries == 0 for id in ids)


def test_a_cancelled_job_is_nobodys(room, ran):
    waiting, running = (room.jobs.enqueue("note", post=each, priority=at) for at, each in enumerate(("waiting", "running")))
    [held] = claim(room, limit=1)
    for id in (waiting, running):
        room.jobs.cancel(id, actor=SYSTEM)
        assert inspect(room, id).state == "cancelled"
    assert room.job_runs.keep("h1", [running]) == frozenset()
    room.job_runs.settle([(held, Succeeded('"late"'))])
    assert (inspect(room, running).state, room.job_runs.drain(), ran) == ("cancelled", 0, [])
    with pytest.raises(Conflict):
        room.jobs.cancel(waiting, actor=SYSTEM)


def test_results_and_progress_are_kept_for_their_time(room):
    def count(upto: int) -> dict[str, int]:
        room.jobs.progress(0.5, "half")
        seen.append((inspect(room, ids[0]).progress, inspect(room, ids[0]).note))
        return {"counted": upto}

    seen, ids = [], []
    room.jobs.register("count", count, kept=timedelta(milliseconds=50))
    room.jobs.register("odd", lambda: object())
    ids.append(room.jobs.enqueue("count", upto=3))
    odd = room.jobs.enqueue("odd")
    room.job_runs.drain()
    assert (seen, inspect(room, ids[0]).result) == ([(0.5, "half")], {"counted": 3})
    assert (inspect(room, odd).state, inspect(room, odd).reason) == ("done", "the result are no JSON")
    sleep(0.06)
    assert room.housekeeping.run().failed == ()
    assert [each.id for each in room.jobs.list({}, actor=SYSTEM)] == [odd]


def test_the_list_is_by_state_name_and_queue(room, ran):
    fails(room, tries=1, queue="slow")
    ids = [room.jobs.enqueue("note", post=str(each)) for each in range(3)]
    dead = room.jobs.enqueue("fail")
    room.job_runs.drain(queues=["slow"])
    listed = lambda wanted, **more: [each.id for each in room.jobs.list(wanted, actor=SYSTEM, **more)]
    assert listed({}) == [dead, *reversed(ids)]
    assert listed({"state": "dead", "queue": "slow"}) == listed({"name": "fail"}) == [dead]
    assert listed({"state": "waiting"}, before=ids[2], limit=1) == [ids[1]]
    depths = {(each.queue, each.name, each.state): each.count for each in room.jobs.depths(actor=SYSTEM)}
    assert depths == {("default", "note", "waiting"): 3, ("slow", "fail", "dead"): 1}
    with pytest.raises(Invalid):
        room.jobs.list({"state": "gone"}, actor=SYSTEM)


def test_two_workers_never_hold_the_same_job(room, ran):
    for each in range(200):
        room.jobs.enqueue("note", post=str(each))
    taken, ready = [], Barrier(4)

    def work(holder):
        ready.wait()
        while claims := claim(room, limit=7, holder=holder):
            taken.extend(each.job.id for each in claims)

    threads = [Thread(target=work, args=(f"h{each}",)) for each in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert (len(taken), len(set(taken))) == (200, 200)


def test_an_enqueue_is_one_insert(room, ran, monkeypatch):
    seen = []
    room.jobs.enqueue("note", post="p")
    execute = room.work.database.execute
    monkeypatch.setattr(type(room.work.database), "execute", lambda self, connection, text, arguments: (
        seen.append(text.split("(")[0].strip()) or execute(connection, text, arguments)
    ))  # fmt: skip
    room.jobs.enqueue("note", post="p", key="k")
    assert [each for each in seen if each.startswith(("INSERT", "UPDATE", "SELECT id"))] == ["INSERT INTO _jobs"]


def test_more_than_may_wait_are_refused_with_what_came_with_them(database_url, carrier):
    with backend(database=database_url, carrier=carrier, most_jobs=20) as room:
        room.jobs.register("note", lambda: None)
        room.collections.create({"name": "posts"}, actor=SYSTEM)

        def amplified(many):
            room.records.create("posts", {"id": f"p{many}"}, actor=SYSTEM, facts=FACTS)
            for _ in range(many):
                room.jobs.enqueue("note")

        room.work.run(lambda stores: amplified(15))
        with pytest.raises(Unavailable) as refused:
            room.work.run(lambda stores: amplified(1000))
        assert refused.value.code == "too_many_jobs"
        assert room.work.read(lambda stores: stores.jobs.waiting(1000)) == 15
        with pytest.raises(NotFound):
            room.records.get("posts", "p1000", actor=SYSTEM, facts=FACTS)
        room.job_runs.drain()
        sleep(1.05)  # a crowd is counted again after a second
        room.work.run(lambda stores: amplified(16))


def test_the_command_says_since_when_work_waits(room, capsys):
    room.jobs.register("note", lambda: None)
    room.jobs.register("later", lambda: None)
    room.jobs.enqueue("note", at=datetime.now(UTC) - timedelta(minutes=2))
    room.jobs.enqueue("later", at=timedelta(hours=1))
    show_jobs(lambda: nullcontext(room.jobs))
    said = capsys.readouterr().out
    assert re.search(r"^default: note, 1 waiting, the first was due 1[12]\d s ago$", said, re.M), said
    assert re.search(r"^default: later, 1 waiting$", said, re.M), said


def test_a_claim_reads_what_is_due_alone_whatever_waits_behind_it(database_url, carrier):
    """By its plan: knowing nothing of the rows yet, PostgreSQL would sort all of them, and read past those that are for later."""
    # In a database of its own: one that others have used is not one of which nothing is known.
    fresh = fresh_database(database_url) if database_url.startswith("postgresql") else nullcontext(database_url)
    with fresh as url, backend(database=url, carrier=carrier) as room:
        dialect = room.work.database.dialect
        binds = {":names": "ARRAY['note']", ":at_most": "64", ":holder": "'h'", ":lease": "1000"}
        if dialect == "sqlite":
            binds[":names"] = "'[\"note\"]'"
        statement = _written(_STATEMENTS["claim"], dialect, queues=False)
        for name, value in binds.items():
            statement = statement.replace(name, value)
        explain = "EXPLAIN QUERY PLAN" if dialect == "sqlite" else "EXPLAIN (COSTS off)"
        plan = str(room.work.run(lambda stores: stores.jobs._session.command(f"{explain} {statement}")))
    wanted = "USING INDEX _ix__jobs_waiting" if dialect == "sqlite" else "Index Cond: ((priority = each.priority) AND (due <="
    assert wanted in plan
