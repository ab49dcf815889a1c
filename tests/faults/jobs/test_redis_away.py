"""A server whose Redis is stopped, hangs, is flushed or full: it goes on answering, and every job that was asked for meanwhile runs."""

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.job_room import Room, until
from tests.e2e.server import Server
from tests.redis_server import RedisServer

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
CLIENTS, SECONDS, SLOWEST, LATEST = 4, 20.0, 1.5, 60.0


def _full(redis: RedisServer) -> None:
    with redis.client() as client:
        client.config_set("maxmemory", 1)


def _flushed(redis: RedisServer) -> None:
    with redis.client() as client:
        client.flushall()


OUTAGES: dict[str, tuple[Callable[[RedisServer], object], Callable[[RedisServer], object]]] = {
    "stopped": (RedisServer.kill, RedisServer.start),
    "hung": (lambda redis: redis.signal(signal.SIGSTOP), lambda redis: redis.signal(signal.SIGCONT)),
    "flushed": (_flushed, _flushed),
    "full": (_full, lambda redis: None),
}


@pytest.fixture
def room(redis_server: RedisServer, tmp_path: Path) -> Room:
    return Room(tmp_path / "room", {"STILLROOM_REDIS_URL": redis_server.url})


@pytest.fixture
def server(room: Room) -> Iterator[Server]:
    running = Server(room.folder / "data", workers=1, settings=room.settings)
    running.data_dir.mkdir()
    yield running.start()
    running.end()


@pytest.mark.parametrize("outage", OUTAGES)
def test_requests_are_answered_and_jobs_run(outage: str, room: Room, server: Server, redis_server: RedisServer) -> None:
    begin, end = OUTAGES[outage]
    token = server.admin_token()
    posts = {"name": "posts", "fields": [{"name": "title", "type": "text"}]}
    assert server.request("POST", "/api/v1/collections", posts, token).status == 201
    ids: list[str] = []
    took: list[float] = []

    def ask(client: int) -> None:
        over = time.monotonic() + SECONDS
        while time.monotonic() < over:
            id, began = f"{outage}{client}x{len(ids)}x{time.monotonic_ns()}", time.monotonic()
            assert server.request("POST", "/api/v1/collections/posts/records", {"id": id, "title": "x"}, token).status == 201
            took.append(time.monotonic() - began)
            ids.append(id)

    begin(redis_server)
    with ThreadPoolExecutor(CLIENTS) as clients:
        for asked in [clients.submit(ask, each) for each in range(CLIENTS)]:
            asked.result()
    end(redis_server)
    began = time.monotonic()
    until(lambda: set(ids) <= set(room.lines), LATEST)
    slowest, late = sorted(took)[int(len(took) * 0.99)], time.monotonic() - began
    print(f"{outage}: {len(ids)} creates, 99 % within {slowest * 1000:.0f} ms, the last job {late:.1f} s after its return")
    assert slowest < SLOWEST
