"""The audit trail on every database: written with what it tells, and only read."""

import re
from datetime import timedelta

import pytest
from pyotp import TOTP

from adapters.outbound.system_clock import Uuid7Ids
from app.testing import backend, client
from app.usecases.refusals import MOST, Refusals
from domain.accounts.audit import Wanted
from domain.accounts.one_time import token as minted_token
from domain.accounts.own_keys import minted_for_account
from domain.actor import SYSTEM
from domain.errors import Conflict, Forbidden
from domain.events import Event
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
    items = [each for each in answer.get_json()["items"] if not each["action"].startswith("accounts.")]
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
    assert len(whole) == 3
    assert [*room.audit.list(limit=1, actor=SYSTEM), *room.audit.list(limit=2, cursor=whole[0].id, actor=SYSTEM)] == whole


def test_it_is_for_owners_and_for_reading(room):
    editor = room.accounts.identify(room.accounts.sign_in("_admins", "editor@example.org", PASSWORD, facts=FACTS).access_token)
    with pytest.raises(Forbidden):
        room.audit.list(limit=1, actor=editor)
    web = client(room)
    by = bearer(web, "owner")
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert web.open("/api/v1/audit", method=method, headers=by).status_code == 405


def test_refused_sign_ins_are_noted_without_what_was_typed(room):
    web = client(room)
    for identity in ("owner@example.org", "my password by mistake"):
        assert web.post("/api/v1/auth/_admins/sign-in", json={"identity": identity, "password": "wrong wrong"}).status_code == 401
    answer = web.get("/api/v1/audit?action=sign_in.refused", headers=bearer(web, "owner"))
    owner = web.get("/api/v1/auth/_admins/me", headers=bearer(web, "owner")).get_json()["id"]
    told = [(each["by"]["kind"], each["target"], each["detail"], each["address"]) for each in answer.get_json()["items"]]
    reason = "_admins: identity or password"
    assert told == [("guest", "", reason, "127.0.0.1"), ("guest", owner, reason, "127.0.0.1")]
    assert "mistake" not in answer.get_data(as_text=True)


def test_whatever_was_shown_and_is_not_good_is_noted_once(room):
    """Codes, links, factors, keys: without what they were."""
    users = {"name": "users", "type": "accounts", "rules": {"update": "id = @request.auth.id"}, "mail": {"pages": {"link": "https://a.example/"}}}
    room.collections.create(users, actor=SYSTEM)
    ann = room.records.create("users", {"email": "ann@example.org", "password": PASSWORD}, actor=SYSTEM, facts=FACTS).id
    web, auth, sent = client(room), "/api/v1/auth/users", {"identity": "ann@example.org", "password": PASSWORD}
    signed = web.post(f"{auth}/sign-in", json=sent).get_json()
    by = {"Authorization": f"Bearer {signed['access_token']}"}
    seed = web.post(f"{auth}/factors/totp", headers=by).get_json()["secret"]
    web.post(f"{auth}/factors/totp/confirm", headers=by, json={"code": TOTP(seed).at(room.clock.now())})
    wrong = TOTP(seed).at(room.clock.now() + timedelta(hours=1))
    ticket = web.post(f"{auth}/sign-in", json=sent).get_json()["ticket"]
    letter = web.post(f"{auth}/code", json={"email": "ann@example.org"}).get_json()["ticket"]
    room.mail.deliver()
    before = room.audit.list(limit=1, actor=SYSTEM)[0].id
    typed = re.search(r"^\d{8}$", room.post.letters[-1].text, re.M)[0]
    other, link = f"{(int(typed) + 1) % 10**8:08}", {"token": minted_token(b"x" * 32)}
    once = {"Authorization": "Bearer srk_" + "0" * 64 + "f1e9a0d5"}
    key = {"Authorization": f"Bearer {minted_for_account(b'y' * 32)}"}
    asked = [
        ("sign_in.refused", ann, "users: second factor", "factors/confirm", {"ticket": ticket, "code": wrong}, {}),
        ("sign_in.refused", ann, "users: second factor", "factors/confirm", {"ticket": ticket, "recovery_code": "aaaa-bbbb-cccc-dddd"}, {}),
        ("step_up.refused", ann, "users: second factor", "step-up", {"code": wrong}, by),
        ("step_up.refused", ann, "users: present password", "email-change", {"email": "b@example.org", "old_password": "wrong one"}, by),
        ("sign_in.refused", "", "users: code", "code/confirm", {"ticket": letter, "code": other}, {}),
        ("sign_in.refused", "", "users: link", "link/confirm", link, {}),
        ("link.refused", "", "users: verification", "verification/confirm", link, {}),
        ("link.refused", "", "users: password_reset", "password-reset/confirm", {**link, "password": "another long one"}, {}),
        ("link.refused", "", "users: email_change", "email-change/confirm", link, {}),
        ("link.refused", "", "users: invitation", "invitation/confirm", {**link, "password": "another long one"}, {}),
        ("key.refused", "", "API key", "sign-out", None, key),
    ]  # fmt: skip
    for _, _, _, path, body, headers in asked:
        assert web.post(f"{auth}/{path}", json=body, headers=headers).status_code in (400, 401), path
    for headers in (key, once):
        assert web.post(f"{auth}/sign-out", headers=headers).status_code == 401
    noted = [each for each in reversed(room.audit.list(limit=100, actor=SYSTEM)) if each.id > before]
    told = [(each.action, each.target, each.detail[:7] if each.action == "key.refused" else each.detail) for each in noted]
    assert told == [(action, target, detail) for action, target, detail, *_ in asked]
    assert {each.address for each in noted} == {"127.0.0.1"}
    assert not any(secret in str(noted) for secret in (wrong, other, link["token"], "wrong one", key["Authorization"][-72:]))


def test_a_refresh_token_that_is_used_again_is_noted_with_its_account(room):
    web = client(room)
    signed = web.post("/api/v1/auth/_admins/sign-in", json={"identity": "owner@example.org", "password": PASSWORD}).get_json()
    again = {"refresh_token": signed["refresh_token"]}
    assert web.post("/api/v1/auth/_admins/refresh", json=again).status_code == 200
    room.clock.advance(minutes=2)
    for _ in range(2):
        assert web.post("/api/v1/auth/_admins/refresh", json=again).status_code == 401
    noted = room.audit.list(limit=10, wanted=Wanted(action="session.reused"), actor=SYSTEM)
    assert [(each.target, each.address) for each in noted] == [(signed["account"]["id"], "127.0.0.1")]


def test_what_is_done_to_collections_and_factors_is_told_with_where_it_came_from(room):
    web = client(room)
    by = bearer(web, "owner")
    seed = web.post("/api/v1/auth/_admins/factors/totp", headers=by).get_json()["secret"]
    web.post("/api/v1/auth/_admins/factors/totp/confirm", headers=by, json={"code": TOTP(seed).at(room.clock.now())})
    web.post("/api/v1/auth/_admins/factors/recovery-codes", headers=by)
    web.delete("/api/v1/auth/_admins/factors/totp", headers=by)
    web.post("/api/v1/collections", headers=by, json={"name": "more"})
    web.patch("/api/v1/collections/more", headers=by, json={"rules": {"list": ""}})
    web.post("/api/v1/collections/undo", headers=by)
    web.delete("/api/v1/collections/more", headers=by)
    noted = list(reversed(room.audit.list(limit=7, actor=SYSTEM)))
    assert [each.action for each in noted] == [
        "factors.added", "factors.renewed", "factors.removed",
        "collections.created", "collections.changed", "collections.changed", "collections.deleted",
    ]  # fmt: skip
    assert {(each.address, bool(each.request)) for each in noted} == {("127.0.0.1", True)}


def test_what_goes_out_and_comes_in_as_a_whole_is_one_entry(room):
    web = client(room)
    by = bearer(web, "owner")
    posts = room.collections.get("posts", actor=SYSTEM).id
    rows = b'{"id": "p1"}\n{"id": "p2"}\n'
    sent = {"data": rows, "headers": {**by, "Content-Type": "application/x-ndjson"}}
    assert web.post("/api/v1/collections/posts/import", **sent).status_code == 200
    assert web.post("/api/v1/collections/posts/import?dry_run=true&skip_bad=true", **sent).status_code == 200
    assert web.get("/api/v1/collections/posts/export", headers=by).status_code == 200
    assert web.get("/api/v1/collections/posts/export").status_code == 404
    noted = [(each.action, each.target, each.detail, each.address) for each in room.audit.list(limit=2, actor=SYSTEM)]
    assert noted == [
        ("records.exported", posts, "posts: 2 records", "127.0.0.1"),
        ("records.imported", posts, "posts: 2 created, 0 changed", "127.0.0.1"),
    ]


def test_a_flood_of_refusals_is_counted_and_fills_nothing(room):
    refusals = Refusals(room.work, room.clock, Uuid7Ids())
    for _ in range(MOST + 40):
        refusals.note("users", "", "identity or password", FACTS)
    room.clock.advance(seconds=61)
    for _ in range(2):
        refusals.note("users", "", "identity or password", FACTS)
    noted = room.audit.list(limit=500, wanted=Wanted(action="sign_in.refused"), actor=SYSTEM)
    assert len(noted) == MOST + 2
    assert [each.detail for each in noted[:2]] == [
        "users: identity or password", "users: identity or password; and 40 more before, which are not listed",
    ]  # fmt: skip


def test_entries_are_found_by_who_what_where_and_when(room):
    web = client(room)
    by = bearer(web, "owner")
    me = web.get("/api/v1/auth/_admins/me", headers=by).get_json()["id"]
    key = web.post("/api/v1/keys", json={"name": "news", "scopes": {"posts": ["list"]}}, headers=by).get_json()["id"]
    moment = web.get(f"/api/v1/audit?target={key}", headers=by).get_json()["items"][0]["moment"]

    def found(**asked):
        return [each["target"] for each in web.get("/api/v1/audit", query_string=asked, headers=by).get_json()["items"]]

    assert key in found(by=me, address="127.0.0.1", since=moment)
    assert found(target=key, until=moment) == found(target=key, by="nobody") == found(target=key, address="10.0.0.1") == []
    for name, value in (("since", "yesterday"), ("until", "x"), ("target", "x" * 201), ("actor", me)):
        refused = web.get("/api/v1/audit", query_string={name: value}, headers=by)
        assert (refused.status_code, refused.get_json()["errors"][0]["pointer"]) == (400, name)


def test_entries_are_kept_for_their_time(room):
    before = room.audit.list(limit=100, actor=SYSTEM)
    assert before
    room.clock.advance(days=364)
    room.housekeeping.run()
    assert room.audit.list(limit=100, actor=SYSTEM) == before
    room.clock.advance(days=2)
    room.housekeeping.run()
    assert room.audit.list(limit=100, actor=SYSTEM) == []


def test_an_account_sees_its_own(room):
    room.collections.create({"name": "users", "type": "accounts"}, actor=SYSTEM)
    for name in ("ann", "bob"):
        room.records.create("users", {"email": f"{name}@example.org", "password": PASSWORD}, actor=SYSTEM, facts=FACTS)
    web = client(room)
    sent = {"identity": "ann@example.org", "password": PASSWORD}
    web.post("/api/v1/auth/users/sign-in", json={**sent, "password": "wrong wrong"})
    web.post("/api/v1/auth/users/sign-in", json={"identity": "bob@example.org", "password": "wrong wrong"})
    signed = web.post("/api/v1/auth/users/sign-in", json=sent).get_json()
    own = web.get("/api/v1/auth/users/audit", headers={"Authorization": f"Bearer {signed['access_token']}"}).get_json()["items"]
    assert [each["action"] for each in own if each["action"] == "sign_in.refused"] == ["sign_in.refused"]
    assert {each["target"] for each in own} <= {signed["account"]["id"], ""}
    assert web.get("/api/v1/auth/users/audit").status_code == 401
    assert web.get("/api/v1/auth/users/audit", headers=bearer(web, "owner")).status_code == 403


def test_what_an_account_does_with_its_own_power_is_noted(room):
    room.collections.create({"name": "users", "type": "accounts", "rules": {"update": "id = @request.auth.id"}}, actor=SYSTEM)
    ann = room.records.create("users", {"email": "ann@example.org", "password": PASSWORD}, actor=SYSTEM, facts=FACTS).id
    web = client(room)
    sent = {"identity": "ann@example.org", "password": PASSWORD}
    token = web.post("/api/v1/auth/users/sign-in", json=sent).get_json()["access_token"]
    by = {"Authorization": f"Bearer {token}"}
    assert web.post("/api/v1/auth/users/step-up", json={"password": PASSWORD}, headers=by).status_code == 204
    changed = {"password": "another of a stillroom", "old_password": PASSWORD}
    assert web.patch(f"/api/v1/collections/users/records/{ann}", json=changed, headers=by).status_code == 200
    token = web.post("/api/v1/auth/users/sign-in", json={**sent, "password": changed["password"]}).get_json()["access_token"]
    web.post("/api/v1/auth/users/sign-out", headers={"Authorization": f"Bearer {token}"})
    noted = list(room.audit.list(limit=100, wanted=Wanted(target=ann), actor=SYSTEM))
    assert [(each.action, each.detail) for each in reversed(noted)] == [
        ("accounts.signed_in", "users password"), ("accounts.stepped_up", "users password"),
        ("accounts.password_changed", "users old_password"), ("accounts.signed_in", "users password"), ("accounts.signed_out", "users"),
    ]  # fmt: skip
    assert {each.actor for each in noted} == {ann}
    assert {(each.address, bool(each.request)) for each in noted} == {("127.0.0.1", True)}


def test_what_is_undone_is_not_noted(room):
    with pytest.raises(ZeroDivisionError):
        room.work.run(lambda stores: (stores.outbox.remark(Event("accounts.signed_in", "2026-11-23T12:00:00.000Z", record="x")), 1 / 0)[0])
    assert room.audit.list(limit=10, wanted=Wanted(target="x"), actor=SYSTEM) == []
