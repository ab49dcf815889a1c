"""Keys that accounts make for their programs, in races and while they are used, over real worker processes on each engine."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier, Event
from time import monotonic, sleep
from typing import Any

import pytest

from tests.e2e.server import Answer
from tests.security.lines import Lines, lines
from tests.security.target import API, COLLECTIONS, PASSWORD, Target, address

TENANTS = {
    "name": "tenants", "type": "accounts", "api_keys": {"max": 5}, "fields": [{"name": "name", "type": "text"}],
    "rules": {"view": "id = @request.auth.id", "update": "id = @request.auth.id"},
}  # fmt: skip
OWNED = "owner = @request.auth.id"
TASKS = {
    "name": "tasks", "rules": dict.fromkeys(("list", "view", "create"), OWNED),
    "fields": [{"name": "owner", "type": "relation", "collection": "tenants", "default": "@request.auth.id", "on_delete": "cascade"}],
}  # fmt: skip
KEYS, TASK = f"{API}/auth/tenants/api-keys", f"{COLLECTIONS}/tasks/records"
WANTED = {"name": "a program", "scopes": {"tasks": ["list", "create"]}}


@dataclass
class Tenant:
    target: Target
    id: str
    token: str

    def key(self) -> dict[str, Any]:
        made = self.target.ask("POST", KEYS, WANTED, token=self.token)
        assert made.status == 201, made
        found: dict[str, Any] = made.body
        return found


@pytest.fixture
def tenant(target: Target) -> Iterator[Tenant]:
    for definition in (TENANTS, TASKS):
        assert target.ask("POST", COLLECTIONS, definition, by="admin").status == 201
    id = target.make("tenants", email=address("erin"), password=PASSWORD)
    signed = target.ask("POST", f"{API}/auth/tenants/sign-in", {"identity": address("erin"), "password": PASSWORD})
    yield Tenant(target, id, signed.body["access_token"])
    for name in ("tasks", "tenants"):
        for each in target.listed(name, "admin").body["items"]:
            target.records("DELETE", name, each["id"], by="admin")
        assert target.ask("DELETE", f"{COLLECTIONS}/{name}", by="admin").status == 204


@pytest.fixture
def workers(target: Target) -> Iterator[Lines]:
    with lines(target.server) as found:
        yield found


def test_twenty_that_are_asked_for_at_once_are_five(target: Target, tenant: Tenant) -> None:
    gate = Barrier(20)

    def make(_: int) -> Answer:
        gate.wait()
        return target.server.request("POST", KEYS, WANTED, tenant.token)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(make, range(20)))
    assert Counter(each.status for each in answers) == {201: 5, 409: 15}
    assert {each.body["code"] for each in answers if each.status == 409} == {"too_many_keys"}
    listed = target.ask("GET", KEYS, token=tenant.token).body["items"]
    assert {each["id"] for each in listed} == {each.body["id"] for each in answers if each.status == 201}


def test_a_key_that_is_revoked_while_it_is_used_does_nothing_from_then_on(target: Target, tenant: Tenant, workers: Lines) -> None:
    made, stop, began = tenant.key(), Event(), list[float]()

    def use(_: int) -> list[tuple[float, int]]:
        seen = []
        while not stop.is_set():
            at = monotonic()
            seen.append((at, target.server.request("POST", TASK, {}, made["key"]).status))
            began.append(at)
        return seen

    with ThreadPoolExecutor(6) as pool:
        using = [pool.submit(use, each) for each in range(6)]
        while len(began) < 30:
            sleep(0.01)
        assert target.ask("DELETE", f"{KEYS}/{made['id']}", token=tenant.token).status == 204
        revoked = monotonic()
        assert [each.status for each in workers.ask("GET", TASK, token=made["key"])] == [401, 401]
        sleep(0.3)
        stop.set()
        seen = [each for task in using for each in task.result()]
    assert {status for at, status in seen if at > revoked} == {401}
    assert {status for _, status in seen} == {201, 401}
    there = target.ask("GET", f"{TASK}?count=exact&limit=1", by="admin").body["total"]
    assert there == [status for _, status in seen].count(201), "whoever was answered 201 has a record, and nobody else"


def by_an_admin(tenant: Tenant, key: str) -> Any:
    return tenant.target.ask("DELETE", f"{KEYS}?account={tenant.id}", by="admin")


def by_its_state(tenant: Tenant, key: str) -> Any:
    return tenant.target.records("PATCH", "tenants", tenant.id, {"disabled": True}, by="admin")


def by_the_switch(tenant: Tenant, key: str) -> Any:
    return tenant.target.ask("PATCH", f"{COLLECTIONS}/tenants", {"api_keys": None}, by="admin")


@pytest.mark.parametrize("end", [by_an_admin, by_its_state, by_the_switch])
def test_what_ends_a_key_ends_it_in_every_process_at_once(
    target: Target, tenant: Tenant, workers: Lines, end: Callable[[Tenant, str], Any]
) -> None:
    key = tenant.key()["key"]
    assert [each.status for each in workers.ask("GET", TASK, token=key)] == [200, 200], "each process knows it by now"
    assert end(tenant, key).status in (200, 204)
    assert [each.status for each in workers.ask("GET", TASK, token=key)] == [401, 401]


def test_a_password_that_the_account_changes_itself_leaves_them_alone(target: Target, tenant: Tenant, workers: Lines) -> None:
    key, change = tenant.key()["key"], {"password": "another room of herbs", "old_password": PASSWORD}
    assert [each.status for each in workers.ask("GET", TASK, token=key)] == [200, 200]
    assert target.records("PATCH", "tenants", tenant.id, change, token=tenant.token).status == 200
    assert [each.status for each in workers.ask("GET", TASK, token=key)] == [200, 200]
    assert target.ask("GET", KEYS, token=tenant.token).status == 401
