"""Races beyond those of single records: a last piece that fifty want, schema changes under writes, the first admin, one address."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import pytest

from tests.e2e.server import Server
from tests.security.target import API, COLLECTIONS, OPEN, PASSWORD, Target, keeps_promises


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """Runs `act(0)` … `act(count - 1)`, all started in the same moment."""
    gate = Barrier(count)

    def one(at: int) -> Any:
        gate.wait()
        return act(at)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


@pytest.fixture
def shop(target: Target) -> Any:
    """A collection of its own, gone afterwards."""
    definition = {
        "name": "shop",
        "fields": [{"name": "stock", "type": "integer", "min": 0}, {"name": "a", "type": "text"}, {"name": "b", "type": "text"}],
        "rules": {**OPEN, "update": "stock > 0"},
    }
    assert target.ask("POST", COLLECTIONS, definition, by="admin").status == 201
    yield target
    assert target.ask("DELETE", f"{COLLECTIONS}/shop", by="admin").status == 204


def test_the_last_piece_is_sold_once(shop: Target) -> None:
    """R02: the rule that asks for stock and the change that takes it are one."""
    id = shop.make("shop", stock=1)
    answers = at_once(50, lambda at: shop.server.request("PATCH", f"{COLLECTIONS}/shop/records/{id}", {"stock-": 1}))
    assert Counter(answer.status for answer in answers) in ({200: 1, 404: 49}, {200: 1, 400: 49})
    assert shop.records("GET", "shop", id).body["stock"] == 0


def test_a_limit_holds_without_a_rule(shop: Target) -> None:
    """Twenty pieces, fifty buyers of one or two: never below nothing, and what was taken is what is missing."""
    id = shop.make("shop", stock=20)
    answers = at_once(50, lambda at: shop.server.request("PATCH", f"{COLLECTIONS}/shop/records/{id}", {"stock-": 1 + at % 2}))
    taken = sum(1 + at % 2 for at, answer in enumerate(answers) if answer.status == 200)
    assert set(Counter(answer.status for answer in answers)) <= {200, 400, 404}
    assert shop.records("GET", "shop", id).body["stock"] == 20 - taken >= 0


def test_one_address_signs_up_once(target: Target) -> None:
    """R03, however it is written."""
    written = ("race@example.org", "RACE@example.org", "Race@Example.org", "ｒace@example.org")
    answers = at_once(16, lambda at: target.server.request("POST", f"{COLLECTIONS}/folks/records",
            {"email": written[at % 4], "password": PASSWORD}))
    statuses = Counter(answer.status for answer in answers)
    assert statuses[201] == 1
    assert set(statuses) <= {201, 409, 503}
    keys = [unicodedata.normalize("NFKC", item["email"]).casefold() for item in target.listed("folks", "admin", limit="500").body["items"]]
    assert keys.count("race@example.org") == 1
    for answer in answers:
        if answer.status == 201:
            assert target.records("DELETE", "folks", answer.body["id"], by="admin").status == 204


def test_writes_meet_a_changing_schema(shop: Target) -> None:
    """R12: a field comes, goes and comes back with another type, while two processes write. Each write is refused or lands."""
    stop = Event()
    seen: Counter[int] = Counter()
    kept: dict[str, dict[str, Any]] = {}
    fields = [{"name": "stock", "type": "integer"}, {"name": "a", "type": "text"}, {"name": "b", "type": "text"}]
    shapes = [fields, fields[:2], [fields[1], fields[0]], [*fields[:2], {"name": "c", "type": "text"}, fields[2]],
        [{"name": "b", "type": "integer"}, *fields[:2]], fields[:2]]

    def write(at: int) -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            values: dict[str, Any] = {"a": f"a-{at}-{turn}", "stock": turn, **({"b": f"b-{turn}"} if turn % 2 else {})}
            answer = shop.server.request("POST", f"{COLLECTIONS}/shop/records", values)
            seen[answer.status] += 1
            if answer.status == 201:
                kept[answer.body["id"]] = values
            else:
                assert answer.status in (400, 503), answer

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(write, at) for at in range(4)]
        changed, there = 0, {each["name"] for each in shop.ask("GET", f"{COLLECTIONS}/shop", by="admin").body["fields"]}
        for round in range(18):
            wanted = shapes[round % len(shapes)]
            names = {each["name"] for each in wanted}
            body = {"fields": wanted, "rules": OPEN, "drop": sorted(there - names)}
            answer = shop.ask("PATCH", f"{COLLECTIONS}/shop", body, by="admin")
            changed += answer.status == 200
            there = names if answer.status == 200 else there
        stop.set()
        for each in running:
            each.result()
    assert changed >= 15
    assert seen[201] > 20
    assert seen[503] <= seen[201] // 5
    listed = {item["id"]: item for item in shop._all("shop")}
    for id, values in kept.items():
        assert (listed[id]["a"], listed[id]["stock"]) == (values["a"], values["stock"])
        assert listed[id].get("b") in (None, values.get("b"))
        assert listed[id].get("c") is None


def test_a_collection_is_made_once_and_goes_once(target: Target) -> None:
    made = at_once(12, lambda at: target.server.request("POST", COLLECTIONS,
            {"name": "single", "fields": [{"name": f"f{at}", "type": "text"}]}, target.tokens["admin"]))
    assert Counter(answer.status for answer in made)[201] == 1, Counter(answer.status for answer in made)
    assert {answer.status for answer in made} <= {201, 409, 503}
    gone = at_once(12, lambda at: target.server.request("DELETE", f"{COLLECTIONS}/single", None, target.tokens["admin"]))
    assert Counter(answer.status for answer in gone)[204] == 1
    assert {answer.status for answer in gone} <= {204, 404, 503}


def test_the_first_admin_is_one(tmp_path_factory: pytest.TempPathFactory) -> None:
    """R13, X01: the token of the start, brought by many at once to two processes; afterwards it is worth nothing."""
    server = Server(tmp_path_factory.mktemp("first") / "data", workers=2)
    try:
        target = Target(server.start(), "sqlite")
        assert target.ask("POST", f"{API}/auth/_admins/sign-in", {"identity": "admin0@example.org", "password": PASSWORD}).status == 401
        token = _printed_token(server)
        bodies = [{"token": token, "email": f"admin{at}@example.org", "password": PASSWORD} for at in range(16)]
        answers = at_once(16, lambda at: server.request("POST", f"{API}/setup", bodies[at]))
        statuses = Counter(answer.status for answer in answers)
        assert statuses[201] == 1, statuses
        assert set(statuses) <= {201, 403, 503}
        winner = next(at for at, answer in enumerate(answers) if answer.status == 201)
        signed = target.ask("POST", f"{API}/auth/_admins/sign-in", {"identity": f"admin{winner}@example.org", "password": PASSWORD})
        admin = signed.body["access_token"]
        assert target.ask("GET", f"{COLLECTIONS}/_admins/records?count=exact", token=admin).body["total"] == 1
        late = target.ask("POST", f"{API}/setup", {**bodies[0], "email": "late@example.org"})
        assert late.status == 403
        keeps_promises(late, b"", "POST")
    finally:
        server.end()


def _printed_token(server: Server) -> str:
    """The only long random word of what the server says when it starts without an admin."""
    found = re.search(r"[A-Za-z0-9_-]{43}", server.output)
    assert found is not None, server.output
    return found.group()
