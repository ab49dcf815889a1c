"""Providers, identities and begun sign-ins on every database."""

from dataclasses import replace

import pytest

from app.testing import backend
from domain.accounts.providers import Provider
from domain.actor import SYSTEM
from domain.rules.values import RequestFacts
from ports.identities import KeptIdentity
from tests.e2e.test_races import at_once

FACTS, NOW, LATER = RequestFacts("POST"), "2026-11-23T12:00:00.000Z", "2026-11-23T12:10:00.000Z"
GIVEN = Provider("google", "google", "https://accounts.google.com", "us", ("openid",), ("https://app.example.org/in",), True, NOW, NOW)
ANN = KeptIdentity("i1", "https://issuer.example", "s-1", "a1", "google", "ann@example.org", NOW, NOW)


@pytest.fixture
def room(database_url):
    with backend(database=database_url) as room:
        for name in ("users", "staff"):
            room.collections.create({"name": name, "type": "accounts", "rules": {"create": ""}}, actor=SYSTEM)
        yield room


def run(room, what, name="users"):
    return room.work.run(lambda stores: what(stores, stores.schema.collection(name)))


def test_a_provider_is_kept_replaced_and_removed(room):
    run(room, lambda stores, users: stores.providers.put(users, GIVEN, b"\x00sealed"))
    assert run(room, lambda stores, users: stores.providers.find(users, "google")) == (GIVEN, b"\x00sealed")
    other = replace(GIVEN, scopes=("openid", "email"), signs_up=False, created=LATER, updated=LATER)
    run(room, lambda stores, users: stores.providers.put(users, other, b"another"))
    assert run(room, lambda stores, users: stores.providers.find(users, "google")) == (replace(other, created=NOW), b"another")
    assert run(room, lambda stores, staff: stores.providers.all(staff), "staff") == []
    assert [run(room, lambda stores, users: stores.providers.remove(users, "google")) for _ in range(2)] == [True, False]


def test_a_person_is_one_account(room):
    assert run(room, lambda stores, users: stores.identities.add(users, ANN)) is True
    assert run(room, lambda stores, users: stores.identities.add(users, replace(ANN, id="i2", account="a2"))) is False
    assert run(room, lambda stores, users: stores.identities.find(users, ANN.issuer, "s-1")) == "a1"
    for issuer, subject in ((ANN.issuer, "S-1"), ("https://issuer.example/", "s-1")):
        assert run(room, lambda stores, users: stores.identities.find(users, issuer, subject)) is None  # noqa: B023 - called at once
    assert run(room, lambda stores, staff: stores.identities.find(staff, ANN.issuer, "s-1"), "staff") is None
    run(room, lambda stores, users: stores.identities.use(users, ANN.issuer, "s-1", LATER))
    assert run(room, lambda stores, users: stores.identities.of_account(users, "a1")) == [replace(ANN, used=LATER)]
    assert run(room, lambda stores, users: stores.identities.remove(users, "a2", "i1")) is False
    assert run(room, lambda stores, users: stores.identities.remove(users, "a1", "i1")) is True


def test_they_go_with_their_account(room):
    ann = room.records.create("users", {"email": "a@example.org", "password": "correct horse"}, actor=SYSTEM, facts=FACTS).id
    run(room, lambda stores, users: stores.identities.add(users, replace(ANN, account=ann)))
    room.records.delete("users", ann, actor=SYSTEM, facts=FACTS)
    assert run(room, lambda stores, users: stores.identities.find(users, ANN.issuer, "s-1")) is None


def test_a_begun_sign_in_is_taken_once(room):
    run(room, lambda stores, users: stores.identities.begin("d", users, "asked", b"\xffkept", LATER))
    for name, step, now in (("staff", "asked", NOW), ("users", "came", NOW), ("users", "asked", LATER)):
        assert run(room, lambda stores, of: stores.identities.take_begun("d", of, step, now), name) is None  # noqa: B023 - called at once
    assert run(room, lambda stores, users: stores.identities.find_begun("d", users, "asked", NOW)) == b"\xffkept"
    taken = at_once(8, lambda _: run(room, lambda stores, users: stores.identities.take_begun("d", users, "asked", NOW)))
    assert sorted(map(str, taken)) == [*["None"] * 7, "b'\\xffkept'"]


def test_what_is_over_is_swept(room):
    run(room, lambda stores, users: stores.identities.begin("d", users, "asked", b"x", NOW))
    run(room, lambda stores, users: stores.identities.begin("e", users, "asked", b"x", LATER))
    assert run(room, lambda stores, _: stores.identities.sweep(NOW, 10)) == 1
    assert run(room, lambda stores, users: stores.identities.find_begun("e", users, "asked", NOW)) == b"x"
