"""Accounts that sign in by a name: beside their address or in its place, over HTTP and on every database."""

import pytest

from app import testing
from domain.actor import SYSTEM
from domain.errors import Invalid
from domain.rules.values import RequestFacts

PASSWORD = "a quiet room at the back"
NAME = {"name": "username", "type": "text", "unique": True, "fold": True, "max": 40}
BOTH = {"name": "users", "type": "accounts", "fields": [NAME], "identity": ["email", "username"],
        "rules": {"create": "", "view": "", "update": "id = @request.auth.id"}}  # fmt: skip
ALONE = {**BOTH, "identity": ["username"]}


@pytest.fixture
def room(database_url):
    with testing.backend(database=database_url) as room:
        yield room


@pytest.fixture
def both(room):
    room.collections.create(BOTH, actor=SYSTEM)
    return Door(room)


@pytest.fixture
def alone(room):
    room.collections.create(ALONE, actor=SYSTEM)
    return Door(room)


class Door:
    def __init__(self, room):
        self.room, self.web = room, testing.client(room)

    def sign_up(self, **values):
        return self.web.post("/api/v1/collections/users/records", json={"password": PASSWORD, **values})

    def sign_in(self, identity, password=PASSWORD):
        return self.web.post("/api/v1/auth/users/sign-in", json={"identity": identity, "password": password})

    def change(self, signed, **body):
        told = signed.get_json()
        path, headers = f"/api/v1/collections/users/records/{told['account']['id']}", {"Authorization": f"Bearer {told['access_token']}"}
        return self.web.patch(path, json=body, headers=headers)


def codes(answer):
    return [(each["pointer"], each["code"]) for each in answer.get_json()["errors"]]


def test_an_account_signs_in_by_its_address_and_by_its_name(both):
    id = both.sign_up(email="ann@example.org", username="Ann").get_json()["id"]
    for identity in ("ann@example.org", "ANN@example.org", "Ann", "ann", "ANN"):
        answer = both.sign_in(identity)
        assert (answer.status_code, answer.get_json()["account"]["id"]) == (200, id), identity
    for identity in ("an", "ann ", "Änn", "ann\u0000", "", "users", "ann@example.or", "a" * 255):
        assert (both.sign_in(identity).status_code, identity) in ((401, identity), (400, identity))
    assert both.sign_in("ann", "another password").get_json()["code"] == "invalid_credentials"


def test_nobodys_name_stands_in_the_way_of_an_address(both):
    """A name that is somebody's address, or would be one by another way of writing."""
    both.sign_up(email="ann@example.org", username="ann")
    for name in ("ann@example.org", "ANN@EXAMPLE.ORG", "x@y"):
        refused = both.sign_up(email="eve@example.org", username=name)
        assert (refused.status_code, codes(refused)) == (400, [("/username", "invalid_identity")])
    eve = both.sign_up(email="eve@example.org", username="eve")
    signed = both.sign_in("eve")
    refused = both.change(signed, username="ann@example.org", old_password=PASSWORD)
    assert (refused.status_code, codes(refused)) == (400, [("/username", "invalid_identity")])
    both.room.records.update("users", eve.get_json()["id"], {"username": "evelyn"}, actor=SYSTEM, facts=RequestFacts("POST"))
    assert both.sign_in("ann@example.org").get_json()["account"]["username"] == "ann"


def test_two_that_are_the_same_but_for_case_are_one(both):
    both.sign_up(email="ann@example.org", username="Straße")
    refused = both.sign_up(email="bob@example.org", username="STRASSE")
    assert (refused.status_code, refused.get_json()["code"]) == (409, "not_unique")


def test_who_has_no_name_signs_in_by_the_address_alone(both):
    both.sign_up(email="ann@example.org")
    both.sign_up(email="bob@example.org", username="")
    assert both.sign_in("ann@example.org").status_code == 200
    assert both.sign_in("").status_code in (400, 401)


def test_a_name_alone_is_enough_where_the_collection_says_so(alone):
    made = alone.sign_up(username="ann")
    assert (made.status_code, made.get_json()["anonymous"]) == (201, False)
    assert alone.sign_in("Ann").status_code == 200
    refused = alone.sign_up(email="bob@example.org")
    assert (refused.status_code, codes(refused)) == (400, [("/username", "required")])
    with_both = alone.sign_up(username="cem", email="cem@example.org")
    assert with_both.status_code == 201
    assert alone.sign_in("cem@example.org").status_code == 401
    assert alone.sign_in("cem").status_code == 200


def test_without_an_address_letters_go_nowhere_and_the_answers_are_the_same(alone):
    alone.sign_up(username="ann")
    alone.sign_up(username="cem", email="cem@example.org")
    ask = lambda email: alone.web.post("/api/v1/auth/users/password-reset", json={"email": email})
    known, unknown = ask("cem@example.org"), ask("ann@example.org")
    assert (known.status_code, known.data) == (unknown.status_code, unknown.data)


def test_a_change_of_the_name_takes_the_password_and_ends_the_other_sessions(alone):
    alone.sign_up(username="ann")
    first, second = alone.sign_in("ann"), alone.sign_in("ann")
    refused = alone.change(first, username="anna")
    assert (refused.status_code, codes(refused)) == (400, [("/old_password", "required")])
    assert alone.change(first, username="anna", old_password=PASSWORD).status_code == 200
    refreshed = alone.web.post("/api/v1/auth/users/refresh", json={"refresh_token": second.get_json()["refresh_token"]})
    assert refreshed.status_code == 401
    assert (alone.sign_in("ann").status_code, alone.sign_in("anna").status_code) == (401, 200)
    emptied = alone.change(alone.sign_in("anna"), username="", old_password=PASSWORD)
    assert (emptied.status_code, codes(emptied)) == (400, [("/username", "required")])


def test_an_anonymous_account_takes_a_name(room):
    room.collections.create({**ALONE, "anonymous": {"days": 30}}, actor=SYSTEM)
    door = Door(room)
    signed = door.web.post("/api/v1/auth/users/anonymous", json={})
    assert door.change(signed, username="ann").status_code == 400
    named = door.change(signed, username="ann", password=PASSWORD)
    assert (named.status_code, named.get_json()["anonymous"]) == (200, False)
    assert door.sign_in("ann").status_code == 200


def test_what_is_told_of_the_ways_to_sign_in(both):
    assert both.web.get("/api/v1/auth/users/methods").get_json()["identity"] == ["email", "username"]


@pytest.mark.sqlite_suffices
@pytest.mark.parametrize(
    "identity, pointer",
    [
        ([], "/identity"), ("email", "/identity"), (["email", "email"], "/identity"), (["username", "phone"], "/identity"),
        ([7], "/identity"),
        (["email", "nick"], "/identity/1"), (["plain"], "/identity/0"), (["email", "age"], "/identity/1"), (["verified"], "/identity/0"),
    ],
)  # fmt: skip
def test_what_nobody_could_sign_in_by_is_refused(room, identity, pointer):
    more = {"phone": {"type": "text", "unique": True}, "plain": {"type": "text"}, "age": {"type": "integer"}}
    fields = [NAME, *({"name": name, **each} for name, each in more.items())]
    with pytest.raises(Invalid) as refused:
        room.collections.create({**BOTH, "fields": fields, "identity": identity}, actor=SYSTEM)
    assert refused.value.faults[0].pointer == pointer


def test_it_follows_a_rename_and_holds_its_field(both):
    both.sign_up(email="ann@example.org", username="ann")
    change = lambda **body: both.room.collections.change("users", body, actor=SYSTEM)
    with pytest.raises(Exception, match="unique"):
        change(fields=[{**NAME, "unique": False}])
    with pytest.raises(Exception, match="no field `username`"):
        change(fields=[], drop=["username"])
    assert change(fields=[{**NAME, "name": "handle", "was": "username"}]).identity == ("email", "handle")
    assert both.sign_in("ann").status_code == 200
    assert change(identity=None).identity == ("email",)
    assert both.sign_in("ann").status_code == 401


def test_addresses_may_be_left_out_and_be_needed_again(both):
    both.sign_up(email="ann@example.org", username="ann")
    change = lambda identity: both.room.collections.change("users", {"identity": identity}, actor=SYSTEM)
    change(["username"])
    bob = both.sign_up(username="bob").get_json()["id"]
    change(["email", "username"])
    assert codes(both.sign_up(username="cem")) == [("/email", "required")]
    assert both.sign_in("bob").status_code == 200
    change(["email"])
    assert both.sign_in("bob").status_code == 401
    both.room.records.update("users", bob, {"email": "bob@example.org"}, actor=SYSTEM, facts=RequestFacts("POST"))
    assert both.sign_in("bob@example.org").status_code == 200
