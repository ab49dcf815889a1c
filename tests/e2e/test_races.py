"""Many clients at once over two server processes: nothing is lost, nothing happens twice, on SQLite and on PostgreSQL."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import pytest

from tests.e2e.engines import served_on
from tests.e2e.server import Server

RECORDS = "/api/v1/collections/things/records"
THINGS = {
    "name": "things",
    "fields": [
        {"name": "n", "type": "integer", "default": 0},
        {"name": "code", "type": "text", "unique": True},
        *({"name": f"part{at}", "type": "text"} for at in range(8)),
    ],
    "rules": {"list": "", "view": "", "create": "", "update": "", "delete": ""},
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served_on(request.param, request, tmp_path_factory) as running:
        made = running.request("POST", "/api/v1/collections", THINGS, running.admin_token())
        assert made.status == 201, made
        yield running


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """Runs `act(0)` … `act(count - 1)`, all started in the same moment."""
    gate = Barrier(count)

    def one(at: int) -> Any:
        gate.wait()
        return act(at)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def create(served: Server, **values: Any) -> dict[str, Any]:
    made = served.request("POST", RECORDS, values)
    assert made.status == 201, made
    return made.body


def get(served: Server, id: str) -> dict[str, Any]:
    return served.request("GET", f"{RECORDS}/{id}").body


def test_two_hundred_parallel_increments_give_two_hundred(served):
    id = create(served)["id"]

    def add(_: int) -> list[int]:
        return [served.request("PATCH", f"{RECORDS}/{id}", {"n+": 1}).status for _ in range(25)]

    statuses = Counter(status for each in at_once(8, add) for status in each)
    after = get(served, id)
    assert statuses == {200: 200}
    assert (after["n"], after["version"]) == (200, 201)


def test_of_fifty_creates_of_one_unique_value_one_succeeds(served):
    answers = at_once(50, lambda at: served.request("POST", RECORDS, {"code": "the one"}))
    assert Counter(answer.status for answer in answers) == {201: 1, 409: 49}
    refused = next(answer for answer in answers if answer.status == 409)
    assert (refused.body["code"], refused.body["errors"][0]["pointer"]) == ("not_unique", "/code")
    listed = served.request("GET", f"{RECORDS}?count=exact&filter=code%3D'the%20one'")
    assert listed.body["total"] == 1


def test_of_fifty_conditional_writes_one_succeeds(served):
    made = served.request("GET", f"{RECORDS}/{create(served)['id']}")
    id, tag = made.body["id"], {name.lower(): value for name, value in made.headers.items()}["etag"]
    answers = at_once(50, lambda at: served.request("PATCH", f"{RECORDS}/{id}", {"n": at + 1}, **{"If-Match": tag}))
    assert Counter(answer.status for answer in answers) == {200: 1, 412: 49}
    winner = next(answer for answer in answers if answer.status == 200)
    assert get(served, id)["n"] == winner.body["n"]


@pytest.mark.parametrize("round", range(2))
def test_of_fifty_buyers_of_one_piece_one_succeeds(served, round):
    id = create(served, n=1)["id"]
    answers = at_once(50, lambda at: served.request("PATCH", f"{RECORDS}/{id}?if=n%20%3E%200", {"n-": 1}))
    assert Counter((answer.status, answer.body.get("code")) for answer in answers) == {(200, None): 1, (412, "condition_failed"): 49}
    assert all("version 2" in answer.body["detail"] for answer in answers if answer.status == 412)
    assert get(served, id)["n"] == 0
    gone = at_once(50, lambda at: served.request("DELETE", f"{RECORDS}/{id}?if=n%20%3D%200"))
    assert Counter(answer.status for answer in gone) == {204: 1, 404: 49}


def test_buyers_who_look_and_then_buy_sell_it_more_than_once(served):
    """The control: the same condition, asked by the client before its change instead of with it."""
    sold = []
    for _ in range(5):
        id = create(served, n=1)["id"]

        def look_and_buy(_: int, id: str = id) -> bool:
            return get(served, id)["n"] > 0 and served.request("PATCH", f"{RECORDS}/{id}", {"n-": 1}).status == 200

        sold.append(sum(at_once(50, look_and_buy)))
    assert max(sold) > 1


def test_parallel_changes_of_different_fields_all_survive(served):
    id = create(served)["id"]

    def write(at: int) -> list[int]:
        return [served.request("PATCH", f"{RECORDS}/{id}", {f"part{at}": f"{turn}"}).status for turn in range(10)]

    statuses = Counter(status for each in at_once(8, write) for status in each)
    after = get(served, id)
    assert statuses == {200: 80}
    assert [after[f"part{at}"] for at in range(8)] == ["9"] * 8
    assert after["version"] == 81


def test_a_parent_deleted_while_children_come_leaves_no_orphan(served):
    token = served.admin_token()
    child = {
        "name": "children",
        "fields": [{"name": "thing", "type": "relation", "collection": "things", "on_delete": "cascade"}],
        "rules": {"list": "", "view": "", "create": ""},
    }
    assert served.request("POST", "/api/v1/collections", child, token).status == 201
    id = create(served)["id"]

    def act(at: int) -> int:
        if at == 5:
            return served.request("DELETE", f"{RECORDS}/{id}").status
        return served.request("POST", "/api/v1/collections/children/records", {"thing": id}).status

    statuses = Counter(at_once(16, act))
    assert statuses[204] == 1
    assert set(statuses) <= {204, 201, 400}
    left = served.request("GET", "/api/v1/collections/children/records?count=exact")
    assert left.body["total"] == 0


def test_a_killed_server_has_lost_nothing_that_it_acknowledged(served):
    acknowledged: list[str] = []
    stop = Event()

    def load(at: int) -> None:
        for turn in range(2000):
            if stop.is_set():
                return
            try:
                made = served.request("POST", RECORDS, {"code": f"{at}-{turn}"})
            except OSError:
                return
            if made.status == 201:
                acknowledged.append(made.body["id"])

    with ThreadPoolExecutor(8) as pool:
        running = [pool.submit(load, at) for at in range(8)]
        while len(acknowledged) < 150 and not all(each.done() for each in running):
            stop.wait(0.01)
        served.kill()
        stop.set()
    served.start()
    kept = set()
    cursor = ""
    while True:
        page = served.request("GET", f"{RECORDS}?limit=500&fields=id{cursor}").body
        kept |= {item["id"] for item in page["items"]}
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert len(acknowledged) >= 150
    assert set(acknowledged) <= kept
