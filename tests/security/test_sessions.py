"""Sessions under attack and in races, over real worker processes on each engine."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier, Event
from time import sleep
from typing import Any

import jwt
import pytest

from tests.e2e.server import Answer
from tests.postgres import connect
from tests.security.lines import Lines, lines
from tests.security.target import API, COLLECTIONS, DEFINITIONS, PASSWORD, Target, address

USERS = f"{API}/auth/users"


@dataclass
class Pair:
    """What a sign-in answered."""

    access: str
    refresh: str


@pytest.fixture
def dora(target: Target) -> Iterator[str]:
    """The id of an account that a test may do with as it likes."""
    id = target.make("users", email=address("dora"), password=PASSWORD, name="dora")
    yield id
    target.records("DELETE", "users", id, by="admin")


@pytest.fixture
def workers(target: Target) -> Iterator[Lines]:
    with lines(target.server) as found:
        yield found


def sign_in(target: Target, password: str = PASSWORD, name: str = "dora") -> Pair:
    signed = target.ask("POST", f"{USERS}/sign-in", {"identity": address(name), "password": password})
    assert signed.status == 200, signed
    return Pair(signed.body["access_token"], signed.body["refresh_token"])


def refresh(target: Target, token: str) -> Answer:
    """Over a connection of its own, so that any worker may answer."""
    return target.server.request("POST", f"{USERS}/refresh", {"refresh_token": token})


def statuses(answers: list[Answer]) -> list[int]:
    return [each.status for each in answers]


def execute(target: Target, statement: str) -> list[Any]:
    """Past the server, as time would: in the database itself."""
    if target.engine == "sqlite":
        with sqlite3.connect(target.server.data_dir / "stillroom.db", timeout=20) as connection:
            return connection.execute(statement).fetchall()
    with connect(target.server.settings["STILLROOM_DATABASE_URL"]) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def let_the_grace_pass(target: Target, account: str) -> None:
    execute(target, f"UPDATE _sessions SET rotated = '2020-01-01T00:00:00.000Z' WHERE account = '{account}'")


# --- T07, R08: refresh tokens


def test_fifty_uses_of_one_refresh_token_are_one_turn(target: Target, dora: str) -> None:
    """R08: everybody who asks at once is told the same new token, there is still one session, and it goes on."""
    signed = sign_in(target)
    gate = Barrier(50)

    def use(_: int) -> Answer:
        gate.wait()
        return refresh(target, signed.refresh)

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(use, range(50)))
    assert Counter(statuses(answers)) == {200: 50}
    assert len({each.body["refresh_token"] for each in answers}) == 1
    listed = target.ask("GET", f"{USERS}/sessions", token=answers[0].body["access_token"])
    assert len(listed.body["items"]) == 1
    assert refresh(target, answers[7].body["refresh_token"]).status == 200


def test_a_token_that_is_used_again_later_ends_its_session(target: Target, dora: str, workers: Lines) -> None:
    """T07: whoever is the thief, neither goes on."""
    signed, other = sign_in(target), sign_in(target)
    moved = refresh(target, signed.refresh)
    let_the_grace_pass(target, dora)
    again = refresh(target, signed.refresh)
    assert (again.status, again.body["code"]) == (401, "invalid_refresh_token")
    assert statuses(workers.ask("GET", f"{USERS}/me", token=moved.body["access_token"])) == [401, 401]
    assert refresh(target, moved.body["refresh_token"]).status == 401
    assert statuses(workers.ask("GET", f"{USERS}/me", token=other.access)) == [200, 200]


def test_fifty_uses_of_a_stolen_token_give_nothing(target: Target, dora: str) -> None:
    signed = sign_in(target)
    refresh(target, signed.refresh)
    let_the_grace_pass(target, dora)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: refresh(target, signed.refresh), range(50)))
    assert Counter(statuses(answers)) == {401: 50}


def test_only_digests_lie_in_the_database(target: Target, dora: str) -> None:
    signed = sign_in(target)
    moved = refresh(target, signed.refresh).body["refresh_token"]
    kept = json.dumps([[str(value) for value in row] for row in execute(target, "SELECT * FROM _sessions")])
    for token in (signed.refresh, moved):
        assert token[4:26] not in kept
        assert token[26:] not in kept


def test_sign_out_races_refresh_and_wins(target: Target, dora: str) -> None:
    """Once a sign-out was answered, nothing of the session is good, whoever refreshes at the same time."""
    for _ in range(5):
        signed = sign_in(target)
        gate = Barrier(2)

        def turn(signed: Pair = signed, gate: Barrier = gate) -> Answer:
            gate.wait()
            return refresh(target, signed.refresh)

        with ThreadPoolExecutor(1) as pool:
            refreshing = pool.submit(turn)
            gate.wait()
            assert target.server.request("POST", f"{USERS}/sign-out", token=signed.access).status == 204
            answer = refreshing.result()
        assert answer.status in (200, 401)
        if answer.status == 200:
            assert target.ask("GET", f"{USERS}/me", token=answer.body["access_token"]).status == 401
            assert refresh(target, answer.body["refresh_token"]).status == 401


# --- T06: what ends a session ends it at once in every process


def by_sign_out(target: Target, id: str, signed: Pair) -> Any:
    return target.ask("POST", f"{USERS}/sign-out", token=signed.access)


def by_its_refresh_token(target: Target, id: str, signed: Pair) -> Any:
    return target.ask("POST", f"{USERS}/sign-out", {"refresh_token": signed.refresh})


def by_another_session(target: Target, id: str, signed: Pair) -> Any:
    return target.ask("DELETE", f"{USERS}/sessions", token=sign_in(target).access)


def by_an_admin(target: Target, id: str, signed: Pair) -> Any:
    return target.ask("DELETE", f"{USERS}/sessions?account={id}", by="admin")


def by_a_new_password(target: Target, id: str, signed: Pair) -> Any:
    return target.records("PATCH", "users", id, {"password": "another room of herbs"}, by="admin")


def by_a_new_address(target: Target, id: str, signed: Pair) -> Any:
    return target.records("PATCH", "users", id, {"email": address("doris")}, by="admin")


def by_deletion(target: Target, id: str, signed: Pair) -> Any:
    return target.records("DELETE", "users", id, by="admin")


def by_its_state(target: Target, id: str, signed: Pair) -> Any:
    """What the `auth` rule reads; it is put back at once, which brings nobody's tokens back."""
    rules = next(each["rules"] for each in DEFINITIONS if each["name"] == "users")
    rule = {"rules": {**rules, "auth": "clearance != 'banned'"}}
    assert target.ask("PATCH", f"{COLLECTIONS}/users", rule, by="admin").status == 200
    banned = target.records("PATCH", "users", id, {"clearance": "banned"}, by="admin")
    assert refresh(target, signed.refresh).status == 403
    target.ask("PATCH", f"{COLLECTIONS}/users", {"rules": rules}, by="admin")
    return banned


def by_being_disabled(target: Target, id: str, signed: Pair) -> Any:
    """Enabled again at once, which brings nothing back."""
    disabled = target.records("PATCH", "users", id, {"disabled": True}, by="admin")
    target.records("PATCH", "users", id, {"disabled": False}, by="admin")
    return disabled


ENDINGS = (
    by_sign_out, by_its_refresh_token, by_another_session, by_an_admin, by_a_new_password, by_a_new_address, by_deletion, by_its_state,
    by_being_disabled,
)  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_ends_a_session_is_felt_by_every_process_at_once(target: Target, dora: str, workers: Lines, ending: Any) -> None:
    """There is no message between processes that could be late: each finds out by the first statement of the next request."""
    signed = sign_in(target)
    assert statuses(workers.ask("GET", f"{USERS}/me", token=signed.access)) == [200, 200]
    assert ending(target, dora, signed).status in (200, 204)
    for path in (f"{USERS}/me", f"{COLLECTIONS}/posts/records?limit=1", f"{USERS}/sessions"):
        assert statuses(workers.ask("GET", path, token=signed.access)) == [401, 401], path
    if ending is not by_its_state:  # what ends by it are tokens; whether the session goes on is asked of the rule
        assert statuses(workers.ask("POST", f"{USERS}/refresh", {"refresh_token": signed.refresh})) == [401, 401]


def test_the_session_that_changes_its_password_goes_on_alone(target: Target, dora: str, workers: Lines) -> None:
    here, elsewhere = sign_in(target), sign_in(target)
    body = {"password": "another room of herbs", "old_password": PASSWORD}
    assert target.records("PATCH", "users", dora, body, token=here.access).status == 200
    for token in (here.access, elsewhere.access):
        assert statuses(workers.ask("GET", f"{USERS}/me", token=token)) == [401, 401]
    assert refresh(target, elsewhere.refresh).status == 401
    moved = refresh(target, here.refresh)
    assert moved.status == 200
    assert statuses(workers.ask("GET", f"{USERS}/me", token=moved.body["access_token"])) == [200, 200]


# --- T05: each token is good for its own purpose alone. A further kind of token joins by a row here.

# What it is sent to, and how.
DOORS: dict[str, Any] = {
    "access": lambda target, text: target.ask("GET", f"{USERS}/me", headers={"Authorization": f"Bearer {text}"}),
    "admin": lambda target, text: target.ask("GET", COLLECTIONS, headers={"Authorization": f"Bearer {text}"}),
    "refresh": lambda target, text: target.ask("POST", f"{USERS}/refresh", {"refresh_token": text}),
    "setup": lambda target, text: target.ask("POST", f"{API}/setup", {"token": text, "email": "eve@example.org", "password": PASSWORD}),
}  # fmt: skip


def test_a_token_is_good_at_its_own_door_alone(target: Target, dora: str) -> None:
    signed = sign_in(target)
    made = {"access": signed.access, "refresh": signed.refresh, "admin": target.tokens["admin"]}
    for kind, text in made.items():
        for door, send in DOORS.items():
            if door != kind:
                assert send(target, text).status in (400, 401, 403), (kind, door)
    for kind, text in made.items():
        assert DOORS[kind](target, text).status == 200, kind


# --- T08, T12, Z25


def test_an_id_that_is_taken_again_gets_no_old_session(target: Target, dora: str) -> None:
    """T08: ids of accounts are ours; and sessions go with their account, so that one who had its id and its epoch finds none."""
    sign_in(target)
    target.records("DELETE", "users", dora, by="admin")
    made = target.records("POST", "users", "", {"id": dora, "email": address("dora"), "password": PASSWORD})
    assert made.status == 400
    assert execute(target, f"SELECT count(*) FROM _sessions WHERE account = '{dora}'")[0][0] == 0


def test_no_refresh_token_is_taken_from_an_address_or_a_header(target: Target, dora: str) -> None:
    """T12."""
    signed = sign_in(target)
    assert target.ask("POST", f"{USERS}/refresh?refresh_token={signed.refresh}", {}).status == 400
    for headers in ({"X-Refresh-Token": signed.refresh}, {"Cookie": f"refresh_token={signed.refresh}"}):
        assert target.ask("POST", f"{USERS}/refresh", {}, headers=headers).status == 400
    assert refresh(target, signed.refresh).status == 200


def test_sessions_of_others_are_as_unknown_as_none(target: Target, dora: str) -> None:
    """Z25."""
    signed = sign_in(target)
    mine = target.ask("GET", f"{USERS}/sessions", token=signed.access).body["items"][0]["id"]
    nothing = "01990000-0000-7000-8000-000000000000"
    for theirs, none in (
        (f"{USERS}/sessions/{mine}", f"{USERS}/sessions/{nothing}"),
        (f"{USERS}/sessions/{mine}?account={dora}", f"{USERS}/sessions/{nothing}?account={nothing}"),
        (f"{USERS}/sessions?account={dora}", f"{USERS}/sessions?account={nothing}"),
    ):
        assert target.ask("DELETE", theirs, by="bob").told == target.ask("DELETE", none, by="bob").told
        assert target.ask("DELETE", theirs, by="bob").status == 404
    assert target.ask("GET", f"{USERS}/sessions?account={dora}", by="bob").status == 404
    assert target.ask("GET", f"{USERS}/me", token=signed.access).status == 200


# --- T15: rotation


def test_keys_rotate_under_traffic_and_nobody_notices(target: Target, dora: str) -> None:
    """Nothing is refused; what was issued by a request that began after the command had ended is signed with the new key."""
    old = sign_in(target)
    stop, after, seen = Event(), Event(), list[tuple[bool, Answer]]()

    def traffic(_: int) -> None:
        token = sign_in_apart(target).refresh
        while not stop.is_set():
            late = after.is_set()
            answer = refresh(target, token)
            seen.append((late, answer))
            token = answer.body["refresh_token"]
            me = target.server.request("GET", f"{USERS}/me", token=answer.body["access_token"])
            assert me.status == 200, me
            sleep(0.02)

    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(traffic, at) for at in range(2)]
        try:
            done = target.server.command("keys", "rotate")
            after.set()
            assert done.returncode == 0, done.stderr
            while len([late for late, _ in seen if late]) < 10:
                assert not any(each.done() for each in running)
                sleep(0.02)
        finally:
            stop.set()
            for each in running:
                each.result()
    kid = done.stdout.split("the key ")[1].split(" ")[0]
    kids = [(late, jwt.get_unverified_header(answer.body["access_token"])["kid"]) for late, answer in seen]
    assert {each for late, each in kids if late} == {kid}
    assert jwt.get_unverified_header(old.access)["kid"] in {each for late, each in kids if not late}
    with lines(target.server) as workers:
        assert statuses(workers.ask("GET", f"{USERS}/me", token=old.access)) == [200, 200]
    assert kid in [each["kid"] for each in target.ask("GET", "/.well-known/jwks.json").body["keys"]]


def sign_in_apart(target: Target) -> Pair:
    """By a connection of its own: that of the target is for one thread."""
    signed = target.server.request("POST", f"{USERS}/sign-in", {"identity": address("dora"), "password": PASSWORD})
    return Pair(signed.body["access_token"], signed.body["refresh_token"])
