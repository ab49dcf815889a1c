"""The audit trail on every database: written with what it tells, and only read."""

import pytest

from app.testing import backend, client
from domain.actor import SYSTEM
from domain.errors import Conflict, Forbidden
from domain.rules.values import RequestFacts

PASSWORD, FACTS = "a stillroom of herbs", RequestFacts("POST")


@pytest.fixture
def room(database_url):
    with backend(database=database_url) as room:
        for role in ("owner", "editor"):
            room.accounts.create_admin(f"{role}@example.org", PASSWORD, role)
        room.collections.create({"name": "posts"}, actor=SYSTEM)
        yield room


def bearer(web, role):
    body = {"identity": f"{role}@example.org", "password": PASSWORD}
    return {"Authorization": f"Bearer {web.post('/api/v1/auth/_admins/sign-in', json=body).get_json()['access_token']}"}


def test_it_tells_who_did_what(room):
    web = client(room)
    by = bearer(web, "owner")
    made = web.post("/api/v1/keys", json={"name": "news", "scopes": {"posts": ["list"]}}, headers=by).get_json()
    web.delete(f"/api/v1/keys/{made['id']}", headers=by)
    bob = {"email": "bob@example.org", "password": PASSWORD}
    new = web.post("/api/v1/collections/_admins/records", json=bob, headers=by).get_json()["id"]
    path = f"/api/v1/collections/_admins/records/{new}"
    assert web.patch(path, json={"admin_role": "viewer", "password": "another of these"}, headers=by).status_code == 200
    assert web.delete(path, headers=by).status_code == 204
    answer = web.get("/api/v1/audit", headers=by)
    items = answer.get_json()["items"]
    assert [(each["action"], each["target"], each["detail"]) for each in items[:5]] == [
        ("admin.deleted", new, ""), ("admin.changed", new, "admin_role, password"), ("admin.created", new, "email, password"),
        ("key.revoked", made["id"], ""), ("key.created", made["id"], "news"),
    ]  # fmt: skip
    me = web.get("/api/v1/auth/_admins/me", headers=by).get_json()["id"]
    assert {(each["by"]["kind"], each["by"]["id"]) for each in items[:5]} == {("admin", me)}
    assert items[4]["address"] == "127.0.0.1"
    assert items[4]["request"]
    assert not any(secret in answer.get_data(as_text=True) for secret in (made["key"], "another of these", PASSWORD))
    only = web.get("/api/v1/audit?action=key.created", headers=by).get_json()["items"]
    assert [each["target"] for each in only] == [made["id"]]


def test_what_was_refused_or_undone_leaves_nothing(room):
    owner = room.accounts.identify(room.accounts.sign_in("_admins", "owner@example.org", PASSWORD, facts=FACTS).access_token)
    before = room.audit.list(limit=100, actor=owner)
    with pytest.raises(Conflict):
        room.records.delete("_admins", owner.id, actor=owner, facts=FACTS)
    assert room.audit.list(limit=100, actor=owner) == before


def test_pages_follow_each_other(room):
    whole = room.audit.list(limit=100, actor=SYSTEM)
    assert len(whole) == 2
    assert [*room.audit.list(limit=1, actor=SYSTEM), *room.audit.list(limit=1, cursor=whole[0].id, actor=SYSTEM)] == whole


def test_it_is_for_owners_and_for_reading(room):
    editor = room.accounts.identify(room.accounts.sign_in("_admins", "editor@example.org", PASSWORD, facts=FACTS).access_token)
    with pytest.raises(Forbidden):
        room.audit.list(limit=1, actor=editor)
    web = client(room)
    by = bearer(web, "owner")
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert web.open("/api/v1/audit", method=method, headers=by).status_code == 405
