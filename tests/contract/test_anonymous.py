"""Accounts without a name, on every database: made where the collection has them, named later without losing anything, gone when unused."""

import pytest

from app.testing import ToldClock, backend, client
from domain.actor import GUEST, SYSTEM
from domain.errors import Conflict, Forbidden, Invalid, Unauthenticated
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts

PASSWORD, FACTS = "a stillroom of herbs", RequestFacts("POST")
USERS = {
    "name": "users", "type": "accounts",
    "fields": [{"name": "nick", "type": "text"}, {"name": "role", "type": "text"}],
    "rules": {"list": "", "view": "", "create": "", "update": "id = @request.auth.id"}, "anonymous": {"days": 40},
}  # fmt: skip
NOTES = {
    "name": "notes", "fields": [{"name": "text", "type": "text"}, {"name": "owner", "type": "relation", "collection": "users",
                                                                  "default": "@request.auth.id", "on_delete": "cascade"}],
    "rules": {
        "list": "owner = @request.auth.id", "view": "", "create": "owner = @request.auth.id", "update": "@request.auth.anonymous = false",
    },
}  # fmt: skip
NAMED = {"email": "ann@example.org", "password": PASSWORD}


@pytest.fixture
def clock():
    return ToldClock()


@pytest.fixture
def room(database_url, clock):
    with backend(database=database_url, clock=clock) as room:
        room.collections.create(USERS, actor=SYSTEM)
        room.collections.create(NOTES, actor=SYSTEM)
        yield room


def nobody(room, **values):
    return room.anonymous.sign_in("users", values, facts=FACTS)


def known(room, signed):
    return room.accounts.identify(signed.access_token)


def change(room, who, by=None, **values):
    return room.records.update("users", who.id, values, actor=by or who, facts=FACTS).as_object()


def all_of(room, name="users"):
    return [row[0] for row in room.records.list(name, ListQuery(fields="id"), actor=SYSTEM, facts=FACTS).rows]


def test_it_takes_a_name_and_keeps_what_it_has(room):
    signed = nobody(room, nick="a")
    told = signed.account.as_object()
    assert (told["anonymous"], told["email"], told["verified"], told["nick"]) == (True, None, False, "a")
    ann = known(room, signed)
    note = room.records.create("notes", {"text": "x"}, actor=ann, facts=FACTS).id
    with pytest.raises(Exception, match="no such record"):
        room.records.update("notes", note, {"text": "y"}, actor=ann, facts=FACTS)
    assert change(room, ann, **NAMED)["id"] == ann.id
    with pytest.raises(Unauthenticated):
        change(room, ann, nick="old token")
    again = room.sessions.refresh("users", signed.refresh_token, facts=FACTS)
    told = again.account.as_object()
    assert (told["anonymous"], told["email"], told["verified"]) == (False, "ann@example.org", False)
    assert room.records.update("notes", note, {"text": "y"}, actor=known(room, again), facts=FACTS).as_object()["owner"] == ann.id
    assert room.accounts.sign_in("users", NAMED["email"], PASSWORD, facts=FACTS).account.id == ann.id
    with pytest.raises(Invalid, match="present password"):
        change(room, known(room, again), password="another room of herbs")


def test_a_name_is_taken_whole_and_is_nobody_elses(room):
    room.records.create("users", NAMED, actor=GUEST, facts=FACTS)
    ann = known(room, nobody(room))
    for half in ({"email": "new@example.org"}, {"password": PASSWORD}):
        with pytest.raises(Invalid, match="together"):
            change(room, ann, **half)
    with pytest.raises(Conflict):
        change(room, ann, **NAMED)
    with pytest.raises(Invalid, match="no address"):
        room.proofs.ask_email_change("users", "new@example.org", None, actor=ann, facts=FACTS)
    with pytest.raises(Invalid):
        change(room, ann, email="", password=PASSWORD)
    assert room.accounts.me("users", actor=ann, facts=FACTS).as_object()["anonymous"] is True


def test_nobody_writes_that_they_are_anonymous(room):
    ann = known(room, nobody(room))
    for by in (ann, SYSTEM):
        for value in (True, False, None):
            with pytest.raises(Invalid, match="anonymous"):
                change(room, ann, by=by, anonymous=value)
    for values in ({"anonymous": False}, {"role": "chief"}, {"email": "x@example.org"}, {"verified": True}, {"disabled": True}):
        with pytest.raises(Invalid):
            nobody(room, **values)
    with pytest.raises(Invalid, match="anonymous"):
        room.records.create("users", {**NAMED, "anonymous": True}, actor=SYSTEM, facts=FACTS)
    with pytest.raises(Invalid, match="email"):
        room.records.create("users", {"password": PASSWORD}, actor=GUEST, facts=FACTS)


def test_there_are_none_where_the_collection_says_nothing_or_its_rule_says_no(room):
    room.collections.change("users", {"rules": {**USERS["rules"], "auth": "anonymous = false"}}, actor=SYSTEM)
    before = all_of(room)
    with pytest.raises(Forbidden):
        nobody(room)
    assert all_of(room) == before
    room.collections.change("users", {"anonymous": None}, actor=SYSTEM)
    with pytest.raises(Forbidden, match="no anonymous accounts"):
        nobody(room)
    with pytest.raises(Forbidden):
        room.anonymous.sign_in("_admins", {}, facts=FACTS)
    for wrong in ({"days": 0}, {"days": "1"}, {"weeks": 1}, True):
        with pytest.raises(Invalid):
            room.collections.change("users", {"anonymous": wrong}, actor=SYSTEM)
    with pytest.raises(Invalid, match="only accounts"):
        room.collections.change("notes", {"anonymous": {"days": 1}}, actor=SYSTEM)


def test_what_nobody_uses_goes_and_what_somebody_uses_stays(room, clock):
    unused, used, named = (nobody(room) for _ in range(3))
    change(room, known(room, named), **NAMED)
    room.records.create("notes", {"text": "x"}, actor=known(room, unused), facts=FACTS)
    clock.advance(days=25)
    room.sessions.refresh("users", used.refresh_token, facts=FACTS)
    clock.advance(days=16)
    room.housekeeping.run()
    assert set(all_of(room)) == {used.account.id, named.account.id}
    assert all_of(room, "notes") == []


def test_over_http_it_is_a_sign_in_that_names_nobody(room):
    web = client(room)
    answer = web.post("/api/v1/auth/users/anonymous", json={"device": "phone"})
    assert answer.status_code == 200, answer.get_json()
    by = {"Authorization": f"Bearer {answer.get_json()['access_token']}"}
    (session,) = web.get("/api/v1/auth/users/sessions", headers=by).get_json()["items"]
    assert (session["method"], session["device"]) == ("anonymous", "phone")
    wrong = web.post("/api/v1/auth/users/sign-in", json={"identity": "", "password": PASSWORD})
    assert wrong.status_code == 401
    cookie = web.post("/api/v1/auth/users/anonymous", json={"mode": "cookie"}, headers={"Origin": "http://localhost"})
    assert cookie.status_code == 201, cookie.get_json()
