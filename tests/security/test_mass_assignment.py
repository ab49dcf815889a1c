"""Fields that a client may not write: refused by name in whatever way they come, and never applied."""

from typing import Any

import pytest

from tests.security.target import COLLECTIONS, PASSWORD, PLAIN, Target, address, sign_in

SIGN_UP = {"email": "eve@example.org", "password": PASSWORD, "name": "eve"}
# What sign-ups of other backends have been tricked with; `role` and `balance` are there, but hidden.
PRIVILEGES: dict[str, Any] = {
    "verified": True, "disabled": True, "disabled+": 1, "anonymous": False,
    "role": "editor", "balance": 1_000_000, "tokenKey": "x", "token_key": "x", "passwordHash": "x",
    "password_hash": "x", "_password": "x", "_epoch": 99, "epoch": 99,
    "isAdmin": True, "is_admin": True, "admin": True, "superuser": True, "collectionId": "_admins", "collectionName": "_admins",
    "collection": "_admins", "type": "admin", "emailVisibility": True,
    "created": "2000-01-01T00:00:00.000Z", "updated": "2000-01-01T00:00:00.000Z", "version": 1, "id": "chosen-by-me", "tenant": "other",
    "expand": {"owner": {}}, "old_password": PASSWORD, "_key_email": "x",
    "passwordConfirm": PASSWORD, "__proto__": {"admin": True}, "constructor": {"prototype": {"admin": True}}, "$set": {"role": "editor"},
    "@jsonPayload": '{"role": "editor"}', "values": {"role": "editor"},
    "user[role]": "editor", "role.": "editor", "Role": "editor", "ROLE": "editor", "role ": "editor", " role": "editor", "rolе": "editor",
    "role\u200b": "editor", "role+": "editor", "role-": "editor", "+role": "editor",
    "verified+": 1, "verified-": 1, "balance+": 1000, "balance-": -1000, "email+": "x", "password+": "x", "manage": True,
    "rules": {"list": ""}, "rating": 9, "rating+": 8, "rating-": 1, "clearance": "top", "clearance+": "top",
}  # fmt: skip


@pytest.mark.parametrize("by", ["", "bob"])
def test_a_sign_up_grants_itself_nothing(target: Target, by: str) -> None:
    with target.unchanged():
        for name, value in PRIVILEGES.items():
            seen = target.records("POST", "users", "", {**SIGN_UP, name: value}, by=by)
            assert seen.status == 400, (name, seen)
            # Named as it was sent, or as the field that a modifier belongs to.
            assert any(each["pointer"].startswith("/") for each in seen.body["errors"]), (name, seen.body)
        assert sign_in(target, "eve").status == 401


def test_an_account_grants_itself_nothing(target: Target) -> None:
    with target.unchanged():
        for name, value in PRIVILEGES.items():
            if name == "old_password":
                continue
            seen = target.records("PATCH", "users", target.ids["bob"], {name: value}, by="bob")
            assert seen.status == 400, (name, seen)
            # Beside something that is allowed it takes that with it.
            both = target.records("PATCH", "users", target.ids["bob"], {"name": "robert", name: value}, by="bob")
            assert both.status == 400, (name, both)
    whole = target.records("GET", "users", target.ids["bob"], by="admin").body
    assert (whole["role"], whole["balance"], whole["verified"], whole["name"]) == ("member", 0, False, "bob")
    assert (whole["rating"], whole["clearance"]) == (1, "none")


def test_hidden_and_missing_fields_are_refused_in_the_same_words(target: Target) -> None:
    """Byte for byte as by a collection that has no such field."""
    for collection, hidden in (("posts", "secret"), ("posts", "locker"), ("users", "role"), ("users", "balance"), ("users", "balance+"),
            ("posts", "secret-"), ("posts", "cost"), ("posts", "cost+"), ("users", "rating"), ("users", "rating-")):
        told = [target.records("POST", each, "", {hidden: "x", "title": "x", **SIGN_UP}, by="bob") for each in (collection,
                PLAIN[collection])]
        assert [each.status for each in told] == [400, 400]
        assert _without_id(told[0].content) == _without_id(told[1].content), hidden


def _without_id(content: bytes) -> bytes:
    return content[: content.rindex(b'"request_id"')]


def test_a_record_is_not_given_to_somebody_else(target: Target) -> None:
    """Who owns it is asked when it is made and when it is changed, not once (M05)."""
    alice, bob = target.ids["alice"], target.ids["bob"]
    with target.unchanged():
        assert target.records("POST", "posts", "", {"title": "x", "owner": alice}, by="bob").status == 403
        assert target.records("POST", "posts", "", {"title": "x", "owner": ""}, by="bob").status == 403
        assert target.records("POST", "posts", "", {"title": "x", "owner": None}, by="bob").status == 403
        assert target.records("POST", "posts", "", {"title": "x"}).status in (401, 403)
        assert target.records("POST", "posts", "", {"title": "x", "owner": bob}).status in (401, 403)
        for id in ("live-alice", "draft-alice"):
            for body in ({"owner": bob}, {"title": "mine", "owner": bob}, {"n+": 1}, {}, {"owner": bob, "status": "live"}):
                assert target.records("PATCH", "posts", id, body, by="bob").status == 404, (id, body)
            assert target.records("DELETE", "posts", id, by="bob").status == 404
            assert target.records("PUT", "posts", id, {"title": "x"}, by="bob").status == 405


def test_fields_with_write_rules_are_asked_in_every_way_to_write(target: Target) -> None:
    """M04, M05: by a create, a change and a modifier; what the sender may see is named, what it may not is unknown."""
    bob = target.ids["bob"]
    with target.unchanged():
        for body in ({"clearance": "top"}, {"name": "robert", "clearance": "top"}, {"clearance": None}, {"clearance": "none"}):
            seen = target.records("PATCH", "users", bob, body, by="bob")
            assert [(each["pointer"], each["code"]) for each in seen.body["errors"]] == [("/clearance", "not_writable")], body
        for id, status in (("live-alice", 404), ("draft-alice", 404)):
            assert target.records("PATCH", "posts", id, {"phone": "mine"}, by="bob").status == status
        for body in ({"title": "x", "owner": bob, "cost": "1"}, {"title": "x", "owner": bob, "cost": None}):
            assert target.records("POST", "posts", "", body, by="bob").status == 400, body
        # The address of an account is its own to show; others are told alike, whether there is such an account or not.
        for by in ("", "alice"):
            told = [target.records("PATCH", "users", id, {"email_visible": True}, by=by).told for id in (bob, "no-such-account")]
            assert told[0] == told[1]
            assert told[0][0] in (400, 404)


def test_an_existing_id_is_not_taken_over(target: Target) -> None:
    """Neither by a create that brings the id, nor where it belongs to a record that the sender may not see."""
    with target.unchanged():
        for id in ("live-alice", "draft-alice", "live-bob"):
            seen = target.records("POST", "posts", "", {"id": id, "title": "taken"}, by="bob")
            assert seen.status == 409, (id, seen)
        seen = target.records("POST", "users", "", {**SIGN_UP, "id": target.ids["alice"]}, by="bob")
        assert seen.status == 400


def test_who_may_not_create_learns_nothing_from_unique_fields(target: Target) -> None:
    """The rule comes before the index, so a taken value and a free one are refused alike."""
    with target.unchanged():
        told = [
            target.records("POST", "guarded", "", {"key": key, "owner": target.ids["alice"]}, by="bob").told
            for key in ("key of alice", "a key that nobody has")
        ]
        assert told[0] == told[1]
        assert told[0][0] == 403


def test_other_peoples_sign_in_data_is_theirs(target: Target) -> None:
    with target.unchanged():
        for body in ({"email": "bob2@example.org"}, {"password": "another long one"},
                {"password": "another long one", "old_password": PASSWORD}, {"name": "x"}):
            for by in ("", "bob"):
                told = [target.records("PATCH", "users", id, body, by=by).told for id in (target.ids["alice"], "no-such-account")]
                assert told[0] == told[1], (body, by)
                assert told[0][0] in (403, 404), (body, by)
        # A stolen token alone changes neither password nor address (A16).
        for body in ({"email": "bob2@example.org"}, {"password": "another long one"},
            {"password": "another long one", "old_password": "not the present one"},
                     {"password": "another long one", "old_password": None},
                     {"password": "another long one", "old_password": {"$ne": ""}}):  # fmt: skip
            assert target.records("PATCH", "users", target.ids["bob"], body, by="bob").status in (400, 401, 403), body
        assert sign_in(target, "bob").status == 200


def test_admins_are_not_made_over_the_records(target: Target) -> None:
    with target.unchanged():
        body = {"email": "eve@example.org", "password": PASSWORD}
        for by in ("", "bob"):
            assert target.records("POST", "_admins", "", body, by=by).status == 404
            assert target.ask("GET", f"{COLLECTIONS}/_admins/records", by=by).status == 404
            assert target.ask("POST", COLLECTIONS, {"name": "_admins", "type": "accounts"}, by=by).status in (401, 403)
        for path in (f"{COLLECTIONS}/_admins", f"{COLLECTIONS}/users"):
            for by in ("", "bob"):
                assert target.ask("PATCH", path, {"rules": {"list": "", "create": ""}}, by=by).status in (401, 403)
                assert target.ask("DELETE", path, by=by).status in (401, 403)
        assert target.ask("PATCH", f"{COLLECTIONS}/_admins", {"rules": {"list": ""}}, by="admin").status == 403
        assert target.ask("DELETE", f"{COLLECTIONS}/_admins", by="admin").status == 403


def test_an_address_is_one_however_it_is_written(target: Target) -> None:
    with target.unchanged():
        for written in ("ALICE@example.org", "Alice@Example.ORG", "ａlice@example.org", "alice@ｅxample.org"):
            seen = target.records("POST", "users", "", {**SIGN_UP, "email": written})
            assert seen.status == 409, (written, seen)
            assert address("alice") not in seen.content.decode()
