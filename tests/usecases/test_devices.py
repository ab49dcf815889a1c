"""A flood of attempts from everywhere keeps no owner out: a device that was signed in before is counted apart."""

import pytest

from app import testing
from domain.actor import GUEST, SYSTEM
from domain.errors import TooMany, Unauthenticated
from domain.limits.visits import Visit
from domain.rules.values import RequestFacts
from tests.usecases.test_accounts import ANN, PASSWORD, USERS, sign_up
from tests.usecases.test_factors import BAD_FACTOR, App, confirm, refusal

BOB = "bob@example.org"
LIMITS = "sign-in=3/hour, sign-in-address=20/hour, sign-in-identity=6/hour, sign-in-device=4/hour, second-factor=5/hour"


@pytest.fixture
def room():
    with testing.backend(limits=LIMITS) as room:
        room.collections.create(USERS, actor=SYSTEM)
        sign_up(room)
        sign_up(room, BOB)
        yield room


def facts(address="198.51.100.1", device=""):
    return RequestFacts("POST", visit=Visit(address, device=device))


def sign_in(room, password=PASSWORD, *, address="198.51.100.1", device="", email=ANN, name="users"):
    return room.accounts.sign_in(name, email, password, facts=facts(address, device))


def outcome(room, password="not the password", **how):
    try:
        sign_in(room, password, **how)
    except Unauthenticated:
        return "tried"
    except TooMany as refused:
        return refused.detail.split("`")[1]
    return "in"


def flooded(room, email=ANN):
    """From forty addresses, until nobody from elsewhere is looked at any more."""
    seen = [outcome(room, address=f"203.0.113.{at}", email=email) for at in range(40)]
    assert seen[-1] == "sign-in-identity"
    return seen.count("tried")


def test_a_flood_does_not_keep_out_a_device_that_is_known(room):
    device = sign_in(room).device_token
    # One attempt of the six was the owner's own.
    assert flooded(room) == 5
    assert outcome(room, PASSWORD) == "sign-in-identity"
    assert outcome(room, PASSWORD, device=device) == "in"
    # Wherever it is now.
    assert outcome(room, PASSWORD, device=device, address="192.0.2.77") == "in"


def test_nor_do_others_at_its_own_address(room):
    device = sign_in(room).device_token
    assert [outcome(room) for _ in range(3)] == ["tried", "tried", "sign-in"]
    assert outcome(room, PASSWORD, device=device) == "in"


def test_a_device_has_so_many_attempts_and_is_then_one_of_the_many(room):
    device = sign_in(room).device_token
    assert [outcome(room, device=device, address="192.0.2.77") for _ in range(4)] == ["tried"] * 4
    assert [outcome(room, device=device, address="192.0.2.77") for _ in range(4)] == ["tried"] * 3 + ["sign-in"]
    room.clock.advance(hours=1)
    assert outcome(room, PASSWORD, device=device) == "in"


def test_what_a_device_tries_uses_up_nobody_elses(room):
    device = sign_in(room).device_token
    assert [outcome(room, device=device) for _ in range(4)] == ["tried"] * 4
    assert flooded(room) == 5


def test_another_account_is_tried_with_all_others(room):
    """Whoever has an account has a token of it."""
    bobs = [sign_in(room, email=BOB, address=f"192.0.2.{at}").device_token for at in range(3)]
    seen = [outcome(room, device=bobs[at % 3], address=f"203.0.113.{at}") for at in range(20)]
    assert (seen.count("tried"), seen[-1]) == (6, "sign-in-identity")
    # An address without an account is no exception.
    seen = [outcome(room, device=bobs[0], address=f"203.0.113.{at}", email="nobody@example.org") for at in range(20)]
    assert (seen.count("tried"), seen[-1]) == (6, "sign-in-identity")


@pytest.mark.parametrize("forged", [
    lambda token, bobs: token[:-1] + ("A" if token[-1] != "A" else "Q"), lambda token, bobs: "sdt_" + token.replace("sdt_", "1", 1),
    lambda token, bobs: ".".join([*token.split(".")[:2], bobs.split(".")[2], token.split(".")[3]]), lambda token, bobs: "",
    lambda token, bobs: ".".join([bobs.split(".")[0], token.split(".")[1], *bobs.split(".")[2:]]),
])  # fmt: skip
def test_no_token_is_made_up(room, forged):
    device, bobs = sign_in(room).device_token, sign_in(room, email=BOB).device_token
    flooded(room)
    assert outcome(room, PASSWORD, device=forged(device, bobs)) == "sign-in-identity"


def test_a_token_is_of_its_collection(room):
    room.collections.create({**USERS, "name": "staff"}, actor=SYSTEM)
    room.records.create("staff", {"email": ANN, "password": PASSWORD}, actor=GUEST, facts=facts())
    device = sign_in(room, name="staff").device_token
    flooded(room)
    assert outcome(room, PASSWORD, device=device) == "sign-in-identity"


def test_after_a_new_password_older_tokens_are_worth_nothing_and_the_session_that_goes_on_gets_another(room):
    thief, owner = sign_in(room, address="192.0.2.1"), sign_in(room)
    who = room.accounts.identify(owner.access_token)
    body = {"password": "another quiet room", "old_password": PASSWORD}
    room.records.update("users", who.id, body, actor=who, facts=facts())
    flooded(room)
    for each in (thief, owner):
        assert outcome(room, "another quiet room", device=each.device_token) == "sign-in-identity"
    again = room.sessions.refresh("users", owner.refresh_token, facts=facts())
    assert outcome(room, "another quiet room", device=again.device_token) == "in"


def test_second_factors_of_a_known_device_are_counted_apart_as_well(room):
    signed = sign_in(room)
    app = App(room, signed)
    tickets = [sign_in(room, address=f"192.0.2.{at}") for at in range(2)]
    seen = [refusal(lambda: confirm(room, tickets[at // 4], facts=facts(), code="000000")) for at in range(6)]  # noqa: B023
    assert seen[:5] == [BAD_FACTOR] * 5
    assert seen[5][0] is TooMany
    fresh = room.clock.advance(minutes=2) or sign_in(room, device=signed.device_token)
    assert refusal(lambda: confirm(room, fresh, facts=facts(), code=app.next()))[0] is TooMany
    assert confirm(room, fresh, facts=facts(device=signed.device_token), code=app.next()).access_token


def test_without_a_limit_of_their_own_devices_are_not_told_apart():
    with testing.backend(limits="sign-in-device=off, sign-in=2/hour") as room:
        room.collections.create(USERS, actor=SYSTEM)
        sign_up(room)
        device = sign_in(room).device_token
        assert [outcome(room, device=device) for _ in range(3)] == ["tried", "sign-in", "sign-in"]
