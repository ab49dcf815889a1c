"""Sign-up by invitation, on every database: good once, for the address that it was sent to, with what was chosen for it."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from app.testing import ToldClock, backend, client
from domain.accounts.roles import EDITOR
from domain.actor import GUEST, SYSTEM, account
from domain.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts
from tests.usecases.test_proofs import letters, token

PASSWORD, FACTS = "a stillroom of herbs", RequestFacts("POST", headers={"accept_language": "en"})
FIELDS = [
    {"name": "name", "type": "text", "required": True}, {"name": "role", "type": "text"}, {"name": "nick", "type": "text"},
    {"name": "rank", "type": "text", "hidden": True}, {"name": "team", "type": "text", "rules": {"write": "nick = 'chief'"}},
]  # fmt: skip
STAFF = {"name": "staff", "type": "accounts", "fields": FIELDS, "rules": {"create": None, "view": "", "list": ""}}
BEA = "bea@example.org"


@pytest.fixture
def clock():
    return ToldClock()


@pytest.fixture
def room(database_url, clock):
    with backend(database=database_url, clock=clock) as room:
        room.collections.create(STAFF, actor=SYSTEM)
        room.accounts.create_admin("owner@example.org", PASSWORD)
        room.accounts.create_admin("editor@example.org", PASSWORD, EDITOR)
        yield room


def admin(room, role="owner"):
    return room.accounts.identify(room.accounts.sign_in("_admins", f"{role}@example.org", PASSWORD, facts=FACTS).access_token)


def invite(room, email=BEA, by=None, collection="staff", **values):
    return room.invitations.invite(collection, email, values, actor=by or admin(room, "editor"), facts=FACTS)


def link(room):
    (letter,) = letters(room)
    return token(letter)


def accept(room, text, password=PASSWORD, collection="staff", **values):
    room.invitations.accept(collection, text, password, values, facts=FACTS)


def sign_in(room, email=BEA):
    return room.accounts.sign_in("staff", email, PASSWORD, facts=FACTS).account.as_object()


def test_who_is_invited_makes_the_account_where_nobody_signs_up(room):
    with pytest.raises(Unauthenticated):
        room.records.create("staff", {"email": BEA, "password": PASSWORD, "name": "Bea"}, actor=GUEST, facts=FACTS)
    made = invite(room, role="cook", rank="7")
    assert [each.id for each in room.invitations.list("staff", limit=9, actor=admin(room))] == [made.id]
    text = link(room)
    accept(room, text, name="Bea", nick="B")
    told = sign_in(room)
    assert (told["verified"], told["name"], told["role"], told["nick"]) == (True, "Bea", "cook", "B")
    whole = room.records.get("staff", told["id"], actor=SYSTEM, facts=FACTS).as_object()
    assert (whole["rank"], whole["disabled"]) == ("7", False)
    assert list(room.invitations.list("staff", limit=9, actor=admin(room))) == []
    with pytest.raises(Unauthenticated):
        accept(room, text, name="Eve")


WRONG = [
    ({"role": "chief"}, "role"), ({"rank": "9"}, "rank"), ({"verified": False}, "verified"), ({"disabled": False}, "disabled"),
    ({"email": "eve@example.org"}, "email"), ({"old_password": PASSWORD}, "old_password"), ({"id": "x"}, "id"), ({"_epoch": 2}, "_epoch"),
    ({"nick": 7}, "nick"), ({"name": "Bea", "role": None}, "role"), ({"role+": "x"}, "role+"), ({"team": "red", "nick": "chief"}, "team"),
]  # fmt: skip


def test_what_was_chosen_or_is_no_sign_up_value_is_refused_and_the_link_stays_good(room):
    invite(room, role="cook")
    text = link(room)
    for values, name in WRONG:
        with pytest.raises(Invalid) as told:
            accept(room, text, **{"name": "Bea", **values})
        assert f"/values/{name}" in [each.pointer for each in told.value.faults]
    accept(room, text, name="Bea")
    assert sign_in(room)["role"] == "cook"


def test_a_role_that_was_not_preset_is_not_chosen_either(room):
    invite(room)
    text = link(room)
    with pytest.raises(Invalid):
        accept(room, text, name="Bea", role="chief")
    with pytest.raises(Invalid, match="tried first"):
        accept(room, text, "password1", name="Bea")
    accept(room, text, name="Bea")


def test_of_many_that_accept_at_once_one_does(room):
    invite(room)
    text = link(room)

    def attempt(at):
        try:
            accept(room, text, f"a stillroom of herbs {at}", name=f"Bea {at}")
        except Unauthenticated:
            return 0
        return 1

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(attempt, range(16))) == 1
    assert len(room.records.list("staff", ListQuery(), actor=SYSTEM, facts=FACTS).rows) == 1


def test_an_invitation_ends(room, clock):
    invite(room)
    text = link(room)
    clock.advance(days=7)
    with pytest.raises(Unauthenticated):
        accept(room, text, name="Bea")
    assert invite(room), "what is over stands in nobody's way"
    clock.advance(days=38)
    room.housekeeping.run()
    assert list(room.invitations.list("staff", limit=9, actor=SYSTEM)) == []


def test_it_is_sent_again_and_withdrawn(room, clock):
    made = invite(room)
    with pytest.raises(Conflict):
        invite(room, "BEA@example.org")
    first = link(room)
    clock.advance(days=6)
    again = room.invitations.send("staff", made.id, actor=admin(room), facts=FACTS)
    assert again.expires > made.expires
    second = link(room)
    with pytest.raises(Unauthenticated):
        accept(room, first, name="Bea")
    room.invitations.withdraw("staff", made.id, actor=admin(room), facts=FACTS)
    with pytest.raises(Unauthenticated):
        accept(room, second, name="Bea")
    for gone in (
        lambda: room.invitations.withdraw("staff", made.id, actor=admin(room), facts=FACTS),
        lambda: room.invitations.send("staff", made.id, actor=admin(room), facts=FACTS),
    ):
        with pytest.raises(NotFound):
            gone()


def test_whether_an_address_has_an_account_is_told_to_nobody(room):
    made = room.records.create("staff", {"email": BEA, "password": PASSWORD, "name": "Bea"}, actor=SYSTEM, facts=FACTS)
    assert invite(room).email == BEA
    assert letters(room) == []
    invite(room, "eve@example.org")
    text = link(room)
    room.records.update("staff", made.id, {"email": "eve@example.org"}, actor=SYSTEM, facts=FACTS)
    with pytest.raises(Unauthenticated):
        accept(room, text, name="Eve")


def test_who_may_invite(room):
    viewer = replace(admin(room, "editor"), role="viewer")
    someone = account("x", "staff")
    for actor in (viewer, someone):
        with pytest.raises(Forbidden):
            invite(room, by=actor)
    with pytest.raises(Unauthenticated):
        invite(room, by=GUEST)
    with pytest.raises(Forbidden, match="owners"):
        invite(room, collection="_admins", admin_role="owner")
    invite(room, by=admin(room), collection="_admins", admin_role="viewer")
    accept(room, link(room), collection="_admins")
    signed = room.accounts.sign_in("_admins", BEA, PASSWORD, facts=FACTS)
    assert room.accounts.identify(signed.access_token).role == "viewer"


def test_it_is_good_for_its_own_collection_and_purpose(room):
    room.collections.create({**STAFF, "name": "others"}, actor=SYSTEM)
    invite(room)
    text = link(room)
    for elsewhere in (
        lambda: accept(room, text, collection="others", name="Bea"),
        lambda: room.proofs.set_password("staff", text, "another room of herbs"),
        lambda: room.proofs.verify("staff", text),
    ):
        with pytest.raises(Unauthenticated):
            elsewhere()


def test_the_page_of_the_link_makes_the_account(room):
    web = client(room)
    body = {"identity": "editor@example.org", "password": PASSWORD}
    by = {"Authorization": f"Bearer {web.post('/api/v1/auth/_admins/sign-in', json=body).get_json()['access_token']}"}
    sent = web.post("/api/v1/auth/staff/invitations", json={"email": BEA, "values": {"name": "Bea"}}, headers=by)
    assert sent.status_code == 201, sent.get_json()
    listed = web.get("/api/v1/auth/staff/invitations", headers=by).get_json()
    assert listed == {"items": [sent.get_json()], "next": None}
    (letter,) = letters(room)
    path = re.search(r"/auth/staff/invitation\?token=\S+", letter.text)[0]
    assert web.get(path).status_code == 200
    assert web.post(path, data={"token": token(letter), "password": "short"}).status_code == 400
    assert "Your account is made" in web.post(path, data={"token": token(letter), "password": PASSWORD}).get_data(as_text=True)
    assert sign_in(room)["name"] == "Bea"
