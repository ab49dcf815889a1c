"""Decisions that rest on records which they do not change: somebody stays on call, as long as each batch names what it looked at."""

from threading import Barrier

import pytest

from tests.e2e.server import Answer, Server
from tests.e2e.test_races import at_once
from tests.faults.money.callers import records
from tests.faults.money.conftest import Ground

DOCTORS = {"name": "doctors", "fields": [{"name": "on_call", "type": "bool"}]}
ROUNDS = 8


@pytest.fixture
def doctors(ground: Ground) -> Ground:
    server, admin = ground
    made = server.request("POST", "/api/v1/collections", DOCTORS, admin)
    assert made.status in (201, 409), made
    return ground


def on_call_after(doctors: Ground, number: int, *, names_both: bool) -> int:
    """Two of them look at once, see each other, and sign off at once."""
    server, admin = doctors
    pair = [f"{'pinned' if names_both else 'loose'}-{number}-{at}" for at in range(2)]
    for id in pair:
        assert server.request("POST", records("doctors"), {"id": id, "on_call": True}, admin).status == 201
    both_have_looked = Barrier(2)

    def sign_off(at: int) -> Answer:
        seen = {id: server.request("GET", records("doctors", id), token=admin).body for id in pair}
        assert all(each["on_call"] for each in seen.values())
        both_have_looked.wait(10)
        named = pair if names_both else [pair[at]]
        operations = [_operation(id, seen[id]["version"], leaves=id == pair[at]) for id in named]
        return server.request("POST", "/api/v1/batch", {"operations": operations}, admin)

    answers = at_once(2, sign_off)
    assert {each.status for each in answers} <= {200, 412}, answers
    return sum(_is_on_call(server, admin, id) for id in pair)


def _operation(id: str, version: int, *, leaves: bool) -> dict[str, object]:
    values = {"on_call": False} if leaves else {}
    return {"method": "update", "collection": "doctors", "id": id, "if_version": version, "values": values}


def _is_on_call(server: Server, admin: str, id: str) -> bool:
    return bool(server.request("GET", records("doctors", id), token=admin).body["on_call"])


def test_somebody_stays_on_call_if_batches_name_what_they_looked_at(doctors: Ground) -> None:
    assert [on_call_after(doctors, number, names_both=True) for number in range(ROUNDS)] == [1] * ROUNDS


def test_nobody_stays_on_call_if_batches_name_only_what_they_change(doctors: Ground) -> None:
    assert on_call_after(doctors, 0, names_both=False) == 0
