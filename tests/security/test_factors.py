"""Second factors under attack and in races, over real worker processes on each engine."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pyotp
import pytest

from tests.authenticator import Authenticator
from tests.e2e.server import Answer
from tests.security.target import API, PASSWORD, Target, address

USERS = f"{API}/auth/users"
AT_ONCE = 50


class Dora:
    """An account with an app, that a test may do with as it likes."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.id = target.make("users", email=address("dora"), password=PASSWORD, name="dora")
        self.token = self.sign_in().body["access_token"]
        proposal = target.ask("POST", f"{USERS}/factors/totp", token=self.token)
        assert proposal.status == 201, proposal
        self.app = pyotp.TOTP(proposal.body["secret"])
        confirmed = target.ask("POST", f"{USERS}/factors/totp/confirm", {"code": self.code(-1)}, token=self.token)
        assert confirmed.status == 200, confirmed
        self.recovery = confirmed.body["recovery_codes"]

    def code(self, steps: int = 0) -> str:
        return str(self.app.at(int(time.time()) + 30 * steps))

    def sign_in(self) -> Answer:
        """Over a connection of its own: the answer has members that other refusals have not."""
        return self.target.server.request("POST", f"{USERS}/sign-in", {"identity": address("dora"), "password": PASSWORD})

    def ticket(self) -> str:
        asked = self.sign_in()
        assert (asked.status, asked.body["code"]) == (401, "second_factor_required")
        found: str = asked.body["ticket"]
        return found

    def sessions(self) -> int:
        return len(self.target.ask("GET", f"{USERS}/sessions", token=self.token).body["items"])


@pytest.fixture
def dora(target: Target) -> Iterator[Dora]:
    made = Dora(target)
    yield made
    target.records("DELETE", "users", made.id, by="admin")


def at_once(target: Target, bodies: list[dict[str, Any]]) -> Counter[int]:
    gate = Barrier(len(bodies))

    def confirm(body: dict[str, Any]) -> int:
        gate.wait()
        return target.server.request("POST", f"{USERS}/factors/confirm", body).status

    with ThreadPoolExecutor(len(bodies)) as pool:
        return Counter(pool.map(confirm, bodies))


def test_fifty_uses_of_one_ticket_and_code_open_one_session(dora: Dora) -> None:
    """R05"""
    before, body = dora.sessions(), {"ticket": dora.ticket(), "code": dora.code()}
    assert at_once(dora.target, [body] * AT_ONCE)[200] == 1
    assert dora.sessions() == before + 1


def test_one_code_over_many_tickets_opens_one_session(dora: Dora) -> None:
    before, code = dora.sessions(), dora.code()
    tickets = [dora.ticket() for _ in range(8)]
    assert at_once(dora.target, [{"ticket": each, "code": code} for each in tickets]) == {200: 1, 401: 7}
    assert dora.sessions() == before + 1


def test_one_recovery_code_over_many_tickets_opens_one_session(dora: Dora) -> None:
    tickets = [dora.ticket() for _ in range(8)]
    assert at_once(dora.target, [{"ticket": each, "recovery_code": dora.recovery[0]} for each in tickets]) == {200: 1, 401: 7}


def test_of_many_wrong_codes_at_once_no_more_are_judged_than_a_ticket_has_tries(dora: Dora) -> None:
    """A04: the ticket is dead after five tries, and the right code too late."""
    ticket = dora.ticket()
    assert at_once(dora.target, [{"ticket": ticket, "code": f"00000{at % 10}"} for at in range(20)])[200] == 0
    answer = dora.target.server.request("POST", f"{USERS}/factors/confirm", {"ticket": ticket, "code": dora.code()})
    assert (answer.status, answer.body["code"]) == (401, "invalid_one_time")


def test_one_answer_of_a_passkey_opens_one_session(dora: Dora) -> None:
    """A17"""
    target = dora.target
    passkey = Authenticator(f"http://localhost:{target.server.port}", "localhost")
    new = target.ask("POST", f"{USERS}/factors/passkeys", token=dora.token).body
    body = {"ticket": new["ticket"], "name": "key", "credential": passkey.create(new["options"])}
    assert target.ask("POST", f"{USERS}/factors/passkeys/confirm", body, token=dora.token).status == 201
    asked = target.ask("POST", f"{USERS}/passkey").body
    told = {"ticket": asked["ticket"], "passkey": passkey.get(asked["options"])}
    assert at_once(target, [told] * 20) == {200: 1, 401: 19}


def test_a_ticket_opens_nothing_else(dora: Dora) -> None:
    """A14, T05"""
    ticket, target = dora.ticket(), dora.target
    for method, path in (("GET", "me"), ("GET", "sessions"), ("GET", "factors"), ("POST", "factors/totp"), ("DELETE", "factors")):
        assert target.ask(method, f"{USERS}/{path}", token=ticket).status == 401, path
    bodies = {"refresh": {"refresh_token": ticket}, "verification/confirm": {"token": ticket}, "link/confirm": {"token": ticket},
              "email-change/confirm": {"token": ticket}, "code/confirm": {"ticket": ticket, "code": dora.code()},
              "password-reset/confirm": {"token": ticket, "password": "a third quiet room"}}  # fmt: skip
    for path, body in bodies.items():
        assert target.ask("POST", f"{USERS}/{path}", body).status == 401, path
    other = target.server.request("POST", f"{API}/auth/folks/factors/confirm", {"ticket": ticket, "code": dora.code()})
    assert (other.status, other.body["code"]) == (401, "invalid_one_time")
