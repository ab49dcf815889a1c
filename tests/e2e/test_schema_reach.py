"""A request that starts after a schema change was acknowledged is served under it, in every process."""

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.server import ROOT, Server, free_port

ROUNDS = 200
LIST = "/api/v1/collections/things/records"
OPEN, CLOSED = {"rules": {"list": ""}}, {"rules": {"list": None}}
THINGS = {"name": "things", "fields": [], "rules": {"list": None, "view": ""}}

SECRET = {"STILLROOM_SECRET_KEY": "kQ3v9ZrX1mB7tLw5YcHd0sNe8GfJu2Pa"}


class Process:
    """One server process on a port of its own, over data that others share; its connection is kept."""

    def __init__(self, settings: dict[str, str], target: str) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(self.port), "--no-ws", target]
        self._process = subprocess.Popen(command, cwd=ROOT, env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        self._wait()

    def _wait(self) -> None:
        for _ in range(600):
            try:
                if self.request("GET", "/livez")[0] == 200:
                    return
            except OSError:
                self._connection.close()
            time.sleep(0.05)
        raise AssertionError("the process did not answer")

    def request(self, method: str, path: str, body: object = None, token: str = "") -> tuple[int, dict]:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self._connection.getresponse()
        content = answer.read()
        return answer.status, json.loads(content) if content else {}

    def end(self) -> None:
        self._connection.close()
        self._process.terminate()
        self._process.wait(20)


@pytest.fixture(params=["sqlite", "postgresql"])
def prepared(request: pytest.FixtureRequest, server: Callable[..., Server]) -> tuple[dict[str, str], str]:
    """The environment of a migrated backend with an open collection, and an admin's token; its first server has stopped."""
    settings = {}
    if request.param == "postgresql":
        settings = {"STILLROOM_DATABASE_URL": request.getfixturevalue("postgres_url"), **SECRET}
    first = server(workers=1, **settings)
    token = first.admin_token()
    assert first.request("POST", "/api/v1/collections", THINGS, token).status == 201
    first.stop()
    return first.environment(), token


@pytest.fixture
def start(prepared: tuple[dict[str, str], str]) -> Iterator[Callable[[str], Process]]:
    started: list[Process] = []

    def one(target: str) -> Process:
        started.append(Process(prepared[0], target))
        return started[-1]

    yield one
    for each in started:
        each.end()


def stale_answers(changing: list[Process], asked: list[Process], token: str) -> int:
    """Opens and closes the list rule in turn, through one process, and asks another at once; how often it answered by the old rule."""
    stale = 0
    for turn in range(ROUNDS):
        here, there = changing[turn % len(changing)], asked[turn % len(asked)]
        is_open = turn % 2 == 0
        status, _ = here.request("PATCH", "/api/v1/collections/things", OPEN if is_open else CLOSED, token)
        assert status == 200
        stale += there.request("GET", LIST)[0] != (200 if is_open else 401)
    return stale


def test_a_change_is_served_at_once_by_the_other_process(start, prepared):
    one, other = start("wsgi:app"), start("wsgi:app")
    assert stale_answers([one, other], [other, one], prepared[1]) == 0


def test_a_new_field_is_there_at_once_for_reads_and_writes_of_the_other_process(start, prepared):
    one, other = start("wsgi:app"), start("wsgi:app")
    token = prepared[1]
    for turn in range(20):
        field = {"name": f"extra{turn}", "type": "integer", "default": turn}
        gone = [f"extra{turn - 1}"] if turn else []
        status, _ = one.request("PATCH", "/api/v1/collections/things", {"fields": [field], "drop": gone}, token)
        assert status == 200
        status, made = other.request("POST", LIST, {f"extra{turn}": 7}, token)
        assert (status, made[f"extra{turn}"]) == (201, 7)
        status, seen = one.request("GET", f"{LIST}/{made['id']}", token=token)
        assert set(seen) == {"id", "version", "created", "updated", f"extra{turn}"}
        one, other = other, one


@pytest.mark.sqlite_suffices
def test_without_version_checks_the_other_process_stays_behind(start, prepared):
    """The control: were the first test blind, it would pass here too."""
    one, other = start("wsgi:app"), start("tests.e2e.unchecked:app")
    assert other.request("GET", LIST)[0] == 401
    assert stale_answers([one], [other], prepared[1]) > ROUNDS // 4
