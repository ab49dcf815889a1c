"""Workers that are slower than their leases, so that others take their jobs over while they run: each claim is counted once, and what is
kept is what the last holder says. The controls take a protection away, and then that is not so."""

import hmac
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from threading import Lock, Thread

import pytest
import redis

from adapters.outbound.rq_carrier import RqCarrier
from app.testing import Noticed, TestBackend, backend
from domain.actor import SYSTEM
from domain.jobs.job import DONE, WAITING
from domain.jobs.outcomes import Failed, Outcome, Succeeded

JOBS, LEASE, LONGEST = 25, timedelta(milliseconds=40), 0.07


# The statements are the same; on SQLite alone it could be that nobody ever meets anybody.
@pytest.fixture(params=[pytest.param("sqlite", marks=pytest.mark.long), "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path) -> str:
    return request.getfixturevalue("postgres_url") if request.param == "postgresql" else f"sqlite:///{tmp_path}/data.db"


def _raced(room: TestBackend) -> list[str]:
    """What does not add up once four workers have done everything."""
    claims: dict[str, list[tuple[int, str]]] = defaultdict(list)
    counting, chance, runs = Lock(), random.Random(7), room.job_runs
    runs.lease = LEASE

    def work() -> None:
        until = time.monotonic() + 30
        while time.monotonic() < until and any(each.state in (WAITING, "running") for each in room.jobs.depths(actor=SYSTEM)):
            for claim in runs.claim(2):
                with counting:
                    claims[claim.job.id].append((claim.job.started or 0, claim.holder))
                    pause, fails = chance.uniform(0, LONGEST), chance.random() < 0.3
                time.sleep(pause)
                outcome: Outcome = Failed("so it is") if fails else Succeeded(f'"{claim.holder}"')
                runs.settle([(claim, outcome)])

    threads = [Thread(target=work) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    rows = room.jobs.list({}, limit=JOBS, actor=SYSTEM)
    assert len(rows) == JOBS
    assert any(each.lost for each in rows), "nobody was overtaken, so nothing was tried"
    miscounted = [each.id for each in rows if len(claims[each.id]) != each.lost + each.tries + (each.state == DONE)]
    overruled = [each.id for each in rows if each.state == DONE and each.result != max(claims[each.id])[1]]
    return [*(f"{id} is miscounted" for id in miscounted), *(f"{id} was ended by who had it no more" for id in overruled)]


def _enqueued(room: TestBackend) -> None:
    if "note" not in room.jobs.tasks:
        room.jobs.register("note", lambda: None, tries=50, wait=timedelta(milliseconds=1))
    for _ in range(JOBS):
        room.jobs.enqueue("note")


def test_each_claim_counts_once_and_the_last_one_is_heard(url: str) -> None:
    with backend(database=url) as room:
        _enqueued(room)
        assert _raced(room) == []


def test_without_the_fence_others_are_heard(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.outbound.sql.jobs._MINE", "state = 'running' AND :holder = :holder")
    with backend(database=url) as room:
        found: list[str] = []
        while not found:  # the more of them, the surer
            _enqueued(room)
            found = _raced(room)


# --- what Redis forgets


@pytest.fixture
def forgetful(redis_url: str) -> Iterator[tuple[TestBackend, "redis.Redis"]]:
    """A hundred jobs, the word of which was lost with everything that Redis had."""
    carrier = RqCarrier(redis_url, lambda text: hmac.digest(b"k" * 32, text.encode(), "sha256"), Noticed())
    with backend(carrier=carrier) as room, redis.Redis.from_url(redis_url) as client:
        room.jobs.register("note", lambda: None)
        for _ in range(100):
            room.jobs.enqueue("note")
        until = time.monotonic() + 10
        while len(client.keys("rq:job:*")) < 100 and time.monotonic() < until:
            time.sleep(0.01)
        client.flushall()
        yield room, client
        carrier.close()


def test_what_redis_forgot_is_run(forgetful: tuple[TestBackend, "redis.Redis"]) -> None:
    room, _ = forgetful
    assert room.job_runs.called(64, None, 0.1) == 0
    assert room.job_runs.drain() == 100


def test_without_looking_it_would_wait_for_ever(forgetful: tuple[TestBackend, "redis.Redis"]) -> None:
    """As a worker would that trusts Redis alone."""
    room, _ = forgetful
    while called := room.job_runs.called(64, None, 0.1):
        for claim in room.job_runs.claim(called):
            room.job_runs.settle([(claim, room.job_runs.run(claim))])
    assert [(each.state, each.count) for each in room.jobs.depths(actor=SYSTEM)] == [("waiting", 100)]
