"""What each actor is told of the collections, and that nothing of the rest shows in it."""

from typing import Any

import pytest

from app.testing import TestBackend, backend, client
from domain.actor import GUEST, SYSTEM, Actor
from domain.rules.values import RequestFacts

FACTS = RequestFacts("GET")
USERS = {
    "name": "users", "type": "accounts", "fields": [{"name": "role", "type": "text"}],
    "rules": {"view": "id = @request.auth.id", "create": "", "update": "id = @request.auth.id"},
}  # fmt: skip
STAFF = "@request.auth.role = 'staff'"
PLAIN = [{"name": "title", "type": "text", "required": True}, {"name": "author", "type": "relation", "collection": "users"}]
SHOP = {"list": "title != ''", "view": "", "create": "@request.auth.id != ''"}


def test_everybody_is_told_what_they_may_try() -> None:
    with backend() as room:
        _make(room, USERS, {"name": "shop", "fields": PLAIN, "rules": SHOP}, {"name": "safe", "fields": PLAIN})
        told = {each.collection.name: each for each in _outlines(room, GUEST)}
        assert list(told) == ["shop", "users"]
        assert told["shop"].actions == ("list", "view", "create")
        assert told["users"].actions == ("view", "create", "update")
        assert [each.name for each in told["users"].creatable] == ["email", "email_visible", "language"]
        assert told["users"].masked == {"email"}
        assert [(each.name, each.collection, each.many) for each in told["shop"].related] == [("author", "users", False)]
        everything = {each.collection.name: each for each in _outlines(room, SYSTEM)}
        assert list(everything) == ["_admins", "safe", "shop", "users"]
        assert everything["safe"].actions == ("list", "view", "create", "update", "delete")
        assert "verified" in [each.name for each in everything["users"].creatable]
        assert {each.name for each in everything["users"].related} == {"shop_via_author", "safe_via_author"}


ALL = {"guest", "ann", "sue", "admin"}
FIELDS: list[tuple[dict[str, Any], set[str], set[str]]] = [
    # the options of a field, to whom it is shown, who may write it
    ({}, ALL, ALL),
    ({"hidden": True}, {"admin"}, {"admin"}),
    ({"rules": {"view": None}}, {"admin"}, ALL),
    ({"rules": {"write": None}}, ALL, {"admin"}),
    ({"rules": {"view": STAFF, "write": STAFF}}, {"sue", "admin"}, {"sue", "admin"}),
    ({"rules": {"view": "author = @request.auth.id"}}, {"ann", "sue", "admin"}, ALL),
    ({"rules": {"view": "title = 'open'", "write": "@request.body.title = 'x'"}}, ALL, ALL),
]


@pytest.mark.parametrize(("options", "seen_by", "written_by"), FIELDS)
def test_fields_are_told_to_those_for_whom_no_rule_closes_them(options: dict[str, Any], seen_by: set[str], written_by: set[str]) -> None:
    with backend() as room:
        fields = [*PLAIN, {"name": "extra", "type": "text", **options}]
        _make(room, USERS, {"name": "shop", "fields": fields, "rules": dict.fromkeys(("list", "view", "create"), "")})
        people = {"guest": GUEST, "ann": _account(room, "ann", "member"), "sue": _account(room, "sue", "staff"), "admin": SYSTEM}
        shops = {name: next(each for each in _outlines(room, actor) if each.collection.name == "shop") for name, actor in people.items()}
        assert {name for name, shop in shops.items() if "extra" in [each.name for each in shop.shown]} == seen_by
        assert {name for name, shop in shops.items() if "extra" in [each.name for each in shop.creatable]} == written_by


def test_what_one_may_not_know_changes_no_byte_of_the_document() -> None:
    documents = []
    for is_richer in (False, True):
        with backend() as room:
            _make(room, USERS)
            extra = [
                {"name": "secret", "type": "json", "hidden": True},
                {"name": "locked", "type": "text", "rules": {"view": None, "write": None}},
                {"name": "wage", "type": "decimal", "scale": 2, "rules": {"view": STAFF, "write": STAFF}},
            ]  # fmt: skip
            rules = {**SHOP, "list": "title != 'x'", "create": STAFF} if is_richer else SHOP
            _make(room, {"name": "shop", "fields": PLAIN + (extra if is_richer else []), "rules": rules})
            if is_richer:
                _make(room, {"name": "safe", "fields": PLAIN, "checks": [{"name": "odd", "rule": "title != 'odd'"}]})
                _make(room, {"name": "sums", "type": "view", "query": {"source": "safe", "columns": [{"name": "by", "path": "author"}]}})
            _account(room, "ann", "member")
            door = client(room)
            body = {"identity": "ann@example.org", "password": "correct horse battery"}
            token = door.post("/api/v1/auth/users/sign-in", json=body).get_json()["access_token"]
            answers = [door.get("/api/v1/openapi.json", headers=each) for each in ({}, {"Authorization": f"Bearer {token}"})]
            documents.append([(each.data, each.headers["ETag"]) for each in answers])
    assert documents[0] == documents[1]


def test_a_document_is_made_once_for_all_who_may_know_the_same() -> None:
    with backend() as room:
        _make(room, USERS, {"name": "shop", "fields": PLAIN, "rules": SHOP})
        ann, ben = (_account(room, name, "member") for name in ("ann", "ben"))
        keys = [room.outlines.known_to(actor, FACTS).key for actor in (ann, ben)]
        assert keys[0] == keys[1]
        _make(room, {"name": "more"})
        assert room.outlines.known_to(ann, FACTS).key != keys[0]


def _make(room: TestBackend, *definitions: dict[str, Any]) -> None:
    for each in definitions:
        room.collections.create(each, actor=SYSTEM)


def _account(room: TestBackend, name: str, role: str) -> Actor:
    values = {"email": f"{name}@example.org", "password": "correct horse battery", "role": role}
    return Actor("account", room.records.create("users", values, actor=SYSTEM, facts=FACTS).id, "users", 1)


def _outlines(room: TestBackend, actor: Actor) -> tuple[Any, ...]:
    return room.outlines.known_to(actor, FACTS).outlines()
