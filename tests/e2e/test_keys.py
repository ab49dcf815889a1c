"""Requests that are sent again under a key, over processes that run and processes that die: one effect, one answer."""

import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from threading import Barrier
from typing import Any

import pytest

from tests.e2e.server import ROOT, Answer, Server
from tests.postgres import fresh_database

RECORDS = "/api/v1/collections/orders/records"
ORDERS = {
    "name": "orders",
    "fields": [{"name": "n", "type": "integer", "default": 0}],
    "rules": {"list": "", "view": "", "create": "", "update": "", "delete": ""},
}
AT_ONCE = 50


@dataclass
class Through(Server):
    """A server of another application over the same data."""

    target: str = "wsgi:app"

    def launch(self) -> None:
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(self.port), "--no-ws", self.target]
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=self.environment(), stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
        )


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests of an engine, since starting takes longer than they do."""
    folder = tmp_path_factory.mktemp(request.param)
    with ExitStack() as opened:
        settings = {}
        if request.param == "postgresql":
            url = opened.enter_context(fresh_database(request.getfixturevalue("postgres_server")))
            settings = {"STILLROOM_DATABASE_URL": url, "STILLROOM_SECRET_KEY": "kQ3v9ZrX1mB7tLw5YcHd0sNe8GfJu2Pa"}
        server = Server(folder / "data", workers=2, settings=settings)
        opened.callback(server.end)
        server.token = server.start().admin_token()  # type: ignore[attr-defined]
        yield server


@pytest.fixture
def served(running: Server) -> Iterator[Server]:
    """With no order yet."""
    token = running.token  # type: ignore[attr-defined]
    made = running.request("POST", "/api/v1/collections", ORDERS, token)
    assert made.status == 201, made
    yield running
    assert running.request("DELETE", "/api/v1/collections/orders", None, token).status == 204


@pytest.fixture
def through(served: Server) -> Iterator[Callable[[str], Server]]:
    """`through("tests.e2e.dying:app")`: another application over the data of `served`, running."""
    started: list[Server] = []

    def start(target: str) -> Server:
        one = Through(served.data_dir, settings=served.settings, target=target)
        started.append(one)
        return one.start()

    yield start
    for each in started:
        each.end()


@pytest.fixture
def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


def orders(served: Server) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = served.request("GET", f"{RECORDS}?limit=200").body["items"]
    return found


def at_once(act: Callable[[int], Answer]) -> list[Answer]:
    gate = Barrier(AT_ONCE)

    def one(at: int) -> Answer:
        gate.wait()
        return act(at)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(AT_ONCE)))


def replayed(answer: Answer) -> bool:
    return {name.lower(): value for name, value in answer.headers.items()}.get("idempotency-replayed") == "true"


def test_of_fifty_at_once_over_two_processes_one_is_carried_out_and_all_get_its_answer(served, key):
    answers = at_once(lambda at: served.request("POST", RECORDS, {"n": 1}, **key))
    assert Counter(each.status for each in answers) == {201: AT_ONCE}
    assert len({each.body["id"] for each in answers}) == 1
    assert Counter(map(replayed, answers)) == {False: 1, True: AT_ONCE - 1}
    assert len(orders(served)) == 1
    place = f"{RECORDS}/{answers[0].body['id']}"
    added = at_once(lambda at: served.request("PATCH", place, {"n+": 1}, **key))
    assert [(each.status, each.body["n"], each.body["version"]) for each in added] == [(200, 2, 2)] * AT_ONCE
    assert served.request("GET", place).body["n"] == 2


def test_of_fifty_other_requests_at_once_under_one_key_one_is_carried_out_and_the_others_are_refused(served, key):
    token = served.token
    answers = at_once(lambda at: served.request("POST", RECORDS, {"n": at}, token, **key))
    assert Counter(each.status for each in answers) == {201: 1, 422: AT_ONCE - 1}
    assert {each.body["code"] for each in answers if each.status == 422} == {"idempotency_key_reused"}
    assert len(orders(served)) == 1


def died_and_sent_again(served: Server, dying: Server, key: dict[str, str], moment: str) -> Answer:
    """To a process that is killed with it, and then to one that lives."""
    with pytest.raises(OSError):
        dying.request("POST", RECORDS, {"n": 1}, **key, **{"X-Die": moment})
    return served.request("POST", RECORDS, {"n": 1}, **key)


def test_a_process_that_dies_between_commit_and_answer_has_done_it_and_its_answer_is_there(served, through, key):
    again = died_and_sent_again(served, through("tests.e2e.dying:app"), key, "after")
    assert (again.status, replayed(again)) == (201, True)
    assert [each["id"] for each in orders(served)] == [again.body["id"]]


@pytest.mark.long
def test_a_process_that_dies_before_its_commit_has_done_nothing(served, through, key):
    again = died_and_sent_again(served, through("tests.e2e.dying:app"), key, "before")
    assert (again.status, replayed(again)) == (201, False)
    assert [each["id"] for each in orders(served)] == [again.body["id"]]


def test_with_the_key_in_a_transaction_of_its_own_it_is_done_twice(served, through, key):
    """The control: were the test before blind, it would pass here too."""
    again = died_and_sent_again(served, through("tests.e2e.dying:late"), key, "after")
    assert (again.status, replayed(again)) == (201, False)
    assert len(orders(served)) == 2
