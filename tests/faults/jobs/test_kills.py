"""Jobs and events while what asks for them, carries them and runs them is killed: nothing is lost, nothing runs twice at a time, and each
record says what came of it. `make faults` kills for minutes, over thousands of jobs."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.actor import SYSTEM
from tests.e2e.job_room import Room, children, until
from tests.faults.jobs.experiment import Experiment
from tests.postgres import fresh_database
from tests.redis_server import RedisServer

SECRET = "kQ3v9ZrX1mB7tLw5YcHd0sNe8GfJu2Pa"
KILLS = {"kill_a_hand": 5.0, "kill_a_worker": 1.0, "kill_all_of_a_worker": 0.5, "kill_an_asker": 3.0}
REDIS = {"flush_redis": 3.0, "restart_redis": 1.0, "hang_redis": 1.0}


@pytest.fixture
def postgres(postgres_server: str) -> Iterator[dict[str, str]]:
    with fresh_database(postgres_server) as url:
        yield {"STILLROOM_DATABASE_URL": url, "STILLROOM_SECRET_KEY": SECRET}


def settings_of(engine: str, request: pytest.FixtureRequest) -> dict[str, str]:
    return {} if engine == "sqlite" else request.getfixturevalue("postgres")


def told(experiment: Experiment) -> str:
    found = experiment.found()
    return f"{len(found.jobs)} jobs, {len(found.runs)} notes of runs, {dict(experiment.kills)}"


@pytest.mark.long
@pytest.mark.parametrize("carried", ["embedded", "rq"])
def test_a_worker_that_was_paused_is_not_heard_any_more(
    carried: str, postgres: dict[str, str], redis_server: RedisServer, tmp_path: Path
) -> None:
    """As a machine that is suspended: whoever took its job over is right, and it goes on with others."""
    room = Room(tmp_path / "room", postgres | ({"STILLROOM_REDIS_URL": redis_server.url} if carried == "rq" else {}))
    with room.backend() as backend, room.worker("--processes", "1") as paused:
        id = backend.jobs.enqueue("note", line="x", pause=2.0)
        until(lambda: backend.jobs.inspect(id, actor=SYSTEM).state == "running")
        pids = [paused.pid, *children(paused.pid)]
        for each in pids:
            os.kill(each, signal.SIGSTOP)
        with room.worker("--processes", "1"):
            until(lambda: backend.jobs.inspect(id, actor=SYSTEM).state == "done", 60)
        job = backend.jobs.inspect(id, actor=SYSTEM)
        assert (job.lost, job.tries, room.lines) == (1, 0, ["x"])
        for each in pids:
            os.kill(each, signal.SIGCONT)
        after = backend.jobs.enqueue("note", line="after")
        until(lambda: backend.jobs.inspect(after, actor=SYSTEM).state == "done", 30)
        assert backend.jobs.inspect(id, actor=SYSTEM) == job


def test_killed_for_seconds(postgres: dict[str, str], redis_server: RedisServer, tmp_path: Path) -> None:
    """Without what takes half a minute to be noticed: a worker that is gone with all its processes."""
    experiment = Experiment(tmp_path / "room", postgres, redis_server, processes=1)
    experiment.run(40, {"kill_a_hand": 3.0, "kill_an_asker": 1.0, "flush_redis": 2.0}, every=0.3, patience=60, most=4)
    assert experiment.kills.total() >= 2
    assert "carried by RQ on Redis" in experiment.output
    assert experiment.found().faults() == []


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("carried", ["embedded", "rq"])
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_killed_for_minutes(
    engine: str, carried: str, request: pytest.FixtureRequest, redis_server: RedisServer, tmp_path: Path
) -> None:
    redis = redis_server if carried == "rq" else None
    experiment = Experiment(tmp_path / "room", settings_of(engine, request), redis, askers=2, workers=2)
    experiment.run(2500, KILLS | (REDIS if redis else {}), every=1.0, patience=1200)
    print(f"{engine}, {carried}: {told(experiment)}")
    assert experiment.found().faults() == []
