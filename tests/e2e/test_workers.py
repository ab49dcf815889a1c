"""Workers as processes of their own: they run what is due, end what harms, and lose nothing when they are told to end."""

import os
import signal
import time

import pytest

from domain.actor import SYSTEM
from tests.e2e.job_room import Room, alive, children, until
from tests.postgres import fresh_database


# Both engines do the same here, and tests/contract holds them to it: each test runs on one, and on the other with --long.
def on(engine):
    other = "postgresql" if engine == "sqlite" else "sqlite"
    return pytest.mark.parametrize("room", [engine, pytest.param(other, marks=pytest.mark.long)], indirect=True)


@pytest.fixture
def room(request, tmp_path):
    if request.param == "sqlite":
        yield Room(tmp_path / "room")
        return
    with fresh_database(request.getfixturevalue("postgres_server")) as url:
        more = {"STILLROOM_DATABASE_URL": url, "STILLROOM_SECRET_KEY": "kQ3v9ZrX1mB7tLw5YcHd0sNe8GfJu2Pa"}
        yield Room(tmp_path / "room", more)


def states(backend):
    return {(each.name, each.state): each.count for each in backend.jobs.depths(actor=SYSTEM)}


@on("postgresql")
def test_poison_is_given_up_and_everything_else_is_done(room):
    """Segmentation fault, exit, endless loop and endless hunger, between good jobs."""
    with room.backend() as backend:
        for each in range(40):
            backend.jobs.enqueue("note", line=str(each))
        poison = [backend.jobs.enqueue("poison", how=how, priority=1) for how in ("segfault", "exit", "loop", "memory")]
        with room.worker("--burst", "--processes", "2") as worker:
            # Jobs that wait for their second try are due after the burst: it begins again until nothing is.
            worker.wait(60)
        while any(backend.jobs.inspect(id, actor=SYSTEM).state == "waiting" for id in poison):
            with room.worker("--burst") as worker:
                worker.wait(60)
        assert worker.returncode == 0
        assert states(backend) == {("note", "done"): 40, ("poison", "dead"): 4}
        assert sorted(room.lines, key=int) == [str(each) for each in range(40)]
        reasons = [backend.jobs.inspect(id, actor=SYSTEM).reason for id in poison]
        assert reasons[:3] == ["it was ended by signal 11", "it ended its process with 0", "its time limit was over"]
        assert "MemoryError" in reasons[3] or "time limit" in reasons[3]


@on("sqlite")
def test_a_worker_that_is_told_to_end_finishes_and_gives_back(room):
    with room.backend() as backend:
        for each in range(4):
            backend.jobs.enqueue("note", line=str(each), pause=0.8)
        with room.worker("--processes", "1") as worker:
            until(lambda: ("note", "running") in states(backend))
            os.kill(worker.pid, signal.SIGTERM)
            assert worker.wait(15) == 0
        assert ("note", "running") not in states(backend)
        assert len(room.lines) == states(backend).get(("note", "done"), 0) < 4
        with room.worker("--burst") as worker:
            worker.wait(60)
        assert sorted(room.lines) == ["0", "1", "2", "3"]


@on("postgresql")
def test_a_killed_process_is_replaced_and_its_job_runs_again(room):
    with room.backend() as backend:
        id = backend.jobs.enqueue("note", line="x", pause=1.5)
        with room.worker("--processes", "1") as worker:
            until(lambda: ("note", "running") in states(backend))
            [hand] = children(worker.pid)
            os.kill(hand, signal.SIGKILL)
            until(lambda: room.lines == ["x"])
            until(lambda: states(backend) == {("note", "done"): 1})
        assert (backend.jobs.inspect(id, actor=SYSTEM).tries, backend.jobs.inspect(id, actor=SYSTEM).lost) == (1, 0)


@on("sqlite")
def test_a_cancelled_job_is_stopped_while_it_runs(room):
    with room.backend() as backend:
        id = backend.jobs.enqueue("note", line="never", pause=30.0)
        after = backend.jobs.enqueue("note", line="after")
        with room.worker("--processes", "1"):
            until(lambda: ("note", "running") in states(backend))
            backend.jobs.cancel(id, actor=SYSTEM)
            until(lambda: backend.jobs.inspect(after, actor=SYSTEM).state == "done")
        assert room.lines == ["after"]
        assert backend.jobs.inspect(id, actor=SYSTEM).state == "cancelled"


@on("sqlite")
def test_processes_end_with_the_one_that_watches_them(room):
    with room.backend(), room.worker("--processes", "2") as worker:
        until(lambda: len(children(worker.pid)) == 2)
        hands = children(worker.pid)
        worker.kill()
        time.sleep(0.5)
        until(lambda: not any(alive(each) for each in hands), 15)


@pytest.mark.long  # the experiments of tests/faults/jobs are over Redis too
@on("sqlite")
def test_with_redis_workers_are_called_and_go_on_without_it(room, redis_server):
    room.more["STILLROOM_REDIS_URL"] = redis_server.url
    with room.backend() as backend, redis_server.client() as redis, room.worker("--processes", "2") as worker:
        until(lambda: redis.scard("rq:workers") == 2)
        assert "2 kinds of jobs, carried by RQ on Redis, in 2 processes" in room.output
        for each in range(20):
            backend.jobs.enqueue("note", line=str(each))
        until(lambda: states(backend) == {("note", "done"): 20})
        redis_server.kill()
        backend.jobs.enqueue("note", line="without")
        until(lambda: "without" in room.lines)
        redis_server.start()
        until(lambda: redis.scard("rq:workers") == 2)
        worker.terminate()
        assert worker.wait(15) == 0
        assert (redis.scard("rq:workers"), len(room.lines)) == (0, 21)
