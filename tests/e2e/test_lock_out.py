"""Who floods an account from everywhere tries no more than its limits let him, and keeps its owner out of nothing: over two processes.
What is counted here lies in no database, so the second one is for --long."""

import itertools
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pyotp
import pytest

from tests.e2e.engines import served_on
from tests.e2e.server import Answer, Server

USERS = "/api/v1/auth/users"
PASSWORD = "a quiet room at the back"
TRIED, WRONG_FACTOR, ADDRESSES = 12, 9, 1_000
LIMITS = f"sign-in-identity={TRIED}/hour, second-factor={WRONG_FACTOR}/hour, sign-in-device=20/hour, mail=off"


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {"STILLROOM_LIMITS": LIMITS, "STILLROOM_TRUSTED_PROXIES": "127.0.0.0/8"}
    with served_on(request.param, request, tmp_path_factory, **settings) as running:
        definition = {"name": "users", "type": "accounts", "fields": [], "rules": {"create": "", "view": ""}}
        assert running.request("POST", "/api/v1/collections", definition, running.admin_token()).status == 201
        yield running


def sign_up(served: Server, email: str) -> None:
    assert served.request("POST", "/api/v1/collections/users/records", {"email": email, "password": PASSWORD}).status == 201


def ask(served: Server, path: str, body: dict[str, str], at: int, device: str = "") -> Answer:
    """From the address with this number."""
    headers = {"X_Forwarded_For": f"10.9.{at // 250}.{at % 250}", **({"X_Device_Token": device} if device else {})}
    return served.request("POST", f"{USERS}/{path}", body, **headers)


def sign_in(served: Server, email: str, at: int, password: str = PASSWORD, device: str = "") -> Answer:
    return ask(served, "sign-in", {"identity": email, "password": password}, at, device)


def test_an_owner_gets_in_through_a_flood_from_a_thousand_addresses(served: Server) -> None:
    """A02, R07: of a thousand tries at most as many are made as the limit says, and the owner signs in all the while."""
    sign_up(served, "ann@example.org")
    device = sign_in(served, "ann@example.org", 0).body["device_token"]
    owner: list[Answer] = []
    with ThreadPoolExecutor(13) as pool:
        flood = pool.map(lambda at: sign_in(served, "ann@example.org", 1 + at, "guess"), range(ADDRESSES))
        for _ in range(5):
            owner.append(_patient(served, device))
            device = owner[-1].body["device_token"]
        seen = Counter(each.status for each in flood)
    # One of the twelve was the owner's first sign-in. Those that found all places taken were counted as well.
    assert seen[401] + seen[503] == TRIED - 1, seen
    assert seen[429] == ADDRESSES - TRIED + 1
    assert [each.status for each in owner] == [200] * 5
    # Not from elsewhere, nor with the token of somebody else.
    sign_up(served, "bob@example.org")
    bobs = sign_in(served, "bob@example.org", 2_001).body["device_token"]
    assert [sign_in(served, "ann@example.org", 2_002, device=each).status for each in ("", bobs, device[:-1])] == [429] * 3


def _patient(served: Server, device: str) -> Answer:
    """The owner, whom a pool that is full turns away as it does others, comes back when it says so."""
    for _ in range(5):
        answer = sign_in(served, "ann@example.org", 2_000, device=device)
        if answer.status != 503:
            return answer
        time.sleep(int({name.lower(): value for name, value in answer.headers.items()}["retry-after"]))
    return answer


def test_two_hundred_wrong_codes_at_once_are_no_more_than_the_limit_and_keep_no_owner_out(served: Server) -> None:
    """R07: over many tickets, by somebody who has the password."""
    sign_up(served, "cora@example.org")
    signed = sign_in(served, "cora@example.org", 3_000).body
    totp = served.request("POST", f"{USERS}/factors/totp", {}, signed["access_token"]).body
    codes = pyotp.TOTP(totp["secret"])
    confirmed = served.request("POST", f"{USERS}/factors/totp/confirm", {"code": codes.at(int(time.time()) - 30)}, signed["access_token"])
    assert confirmed.status == 200, confirmed
    tickets = [sign_in(served, "cora@example.org", 3_001 + at).body["ticket"] for at in range(5)]
    bodies = itertools.islice(itertools.cycle({"ticket": each, "code": "000000"} for each in tickets), 200)
    with ThreadPoolExecutor(50) as pool:
        seen = Counter(each.body["code"] for each in pool.map(lambda body: ask(served, "factors/confirm", body, 3_100), bodies))
    # One was shown when the app was set up.
    assert seen["invalid_factor"] == WRONG_FACTOR - 1, seen
    ticket = sign_in(served, "cora@example.org", 3_200, device=signed["device_token"]).body["ticket"]
    right = {"ticket": ticket, "code": codes.at(int(time.time()))}
    assert ask(served, "factors/confirm", right, 3_200).status == 429
    assert ask(served, "factors/confirm", right, 3_200, device=signed["device_token"]).status == 200
