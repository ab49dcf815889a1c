"""Acting as an account, on every database: what an owner may do so, what stays the account's own, and what is left in the audit trail."""

import pytest

from app.testing import ToldClock, backend, client
from domain.actor import SYSTEM
from domain.rules.values import RequestFacts

FACTS, PASSWORD = RequestFacts("POST"), "a stillroom of herbs"
OWNED = "owner = @request.auth.id"


@pytest.fixture
def room(database_url):
    with backend(database=database_url, clock=ToldClock()) as room:
        mine = {"list": "id = @request.auth.id", "view": "", "update": "id = @request.auth.id", "delete": "id = @request.auth.id"}
        fields = [{"name": "name", "type": "text"}]
        room.collections.create({"name": "users", "type": "accounts", "fields": fields, "rules": mine}, actor=SYSTEM)
        fields = [{"name": "title", "type": "text"}, {"name": "owner", "type": "relation", "collection": "users"}]
        rules = dict.fromkeys(("list", "view", "create", "update", "delete"), OWNED)
        room.collections.create({"name": "posts", "fields": fields, "rules": rules}, actor=SYSTEM)
        for role in ("owner", "editor"):
            room.accounts.create_admin(f"{role}@example.org", PASSWORD, role)
        yield room


class Asker:
    def __init__(self, room):
        self.web = client(room)

    def __call__(self, method, path, body=None, token=None):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.web.open(f"/api/v1{path}", method=method, json=body, headers=headers)

    def signed_in(self, identity, collection="users"):
        body = {"identity": identity, "password": PASSWORD}
        return self("POST", f"/auth/{collection}/sign-in", body).get_json()["access_token"]


@pytest.fixture
def ask(room):
    return Asker(room)


@pytest.fixture
def ann(room):
    return room.records.create("users", {"email": "ann@example.org", "password": PASSWORD}, actor=SYSTEM, facts=FACTS).id


@pytest.fixture
def owner(ask):
    return ask.signed_in("owner@example.org", "_admins")


def acts(ask, owner, ann):
    answer = ask("POST", "/auth/users/impersonate", {"account": ann}, owner)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert answer.get_json()["expires_in"] == 900
    assert "refresh_token" not in answer.get_json()
    return answer.get_json()["access_token"]


def test_an_owner_does_what_the_account_may_and_no_more(ask, room, owner, ann):
    token = acts(ask, owner, ann)
    assert ask("GET", "/auth/users/me", token=token).get_json()["email"] == "ann@example.org"
    made = ask("POST", "/collections/posts/records", {"title": "hers", "owner": ann}, token)
    assert made.status_code == 201
    room.records.create("posts", {"title": "not hers"}, actor=SYSTEM, facts=FACTS)
    assert [each["title"] for each in ask("GET", "/collections/posts/records", token=token).get_json()["items"]] == ["hers"]
    for path in ("/collections", "/keys", "/audit", "/outbox"):
        assert ask("GET", path, token=token).status_code == 403, path
    assert ask("POST", "/auth/users/impersonate", {"account": ann}, token).status_code == 403


def test_what_makes_the_account_stays_its_owners(ask, room, owner, ann):
    hers, token = ask.signed_in("ann@example.org"), acts(ask, owner, ann)
    own, auth = f"/collections/users/records/{ann}", "/auth/users"
    for method, path, body in (
        ("PATCH", own, {"password": "another of a stillroom", "old_password": PASSWORD}),
        ("PATCH", own, {"email": "x@example.org", "old_password": PASSWORD}),
        ("DELETE", own, None), ("DELETE", "/collections/users/records?filter=name=null&expect=1", None),
        ("POST", f"{auth}/email-change", {"email": "x@example.org", "old_password": PASSWORD}),
        ("POST", f"{auth}/sign-out", None), ("GET", f"{auth}/sessions", None), ("DELETE", f"{auth}/sessions", None),
        ("GET", f"{auth}/factors", None), ("POST", f"{auth}/factors/totp", None), ("POST", f"{auth}/factors/recovery-codes", None),
        ("POST", f"{auth}/factors/passkeys", None), ("POST", f"{auth}/step-up", {"password": PASSWORD}),
        ("GET", f"{auth}/identities", None),
        ("POST", f"{auth}/oauth/acme/link", {"return_to": "https://app.example.org/", "challenge": "v" * 43}),
    ):  # fmt: skip
        answer = ask(method, path, body, token)
        assert (answer.status_code, answer.get_json()["code"]) == (403, "acting_as_another"), (method, path, answer.get_data())
    for part in ("export", "erase"):
        assert ask("POST", f"{auth}/me/{part}", {}, token).status_code in (403, 404, 405)
    assert ask("PATCH", own, {"name": "Ann"}, token).status_code == 200, "what the account says of itself is changed as it would"
    assert ask("GET", f"{auth}/me", token=hers).status_code == 200
    assert ask.signed_in("ann@example.org")


def test_all_of_it_is_in_the_audit_trail(ask, room, owner, ann):
    token = acts(ask, owner, ann)
    post = ask("POST", "/collections/posts/records", {"title": "a secret", "owner": ann}, token).get_json()["id"]
    ask("PATCH", f"/collections/posts/records/{post}", {"title": "b"}, token)
    ask("POST", "/batch", {"operations": [{"method": "delete", "collection": "posts", "id": post}]}, token)
    ask("POST", "/collections/posts/records", {"title": "refused"}, token)
    entries = ask("GET", "/audit", token=owner).get_json()["items"]
    me = ask("GET", "/auth/_admins/me", token=owner).get_json()["id"]
    of_hers = [each for each in reversed(entries) if each["by"]["id"] == me and "sign" not in each["action"]]
    told = [(each["action"], each["target"], each["detail"]) for each in of_hers]
    assert told == [
        ("account.impersonated", ann, "users"),
        ("acting.records.created", post, f"as users {ann}, in posts"),
        ("acting.records.updated", post, f"as users {ann}, in posts"),
        ("acting.records.deleted", post, f"as users {ann}, in posts"),
    ]
    assert all(each["request"] for each in entries if each["action"].startswith("acting."))


def test_it_ends_with_the_admin_and_with_the_account(ask, room, owner, ann):
    def stands(token):
        return ask("GET", "/collections/posts/records", token=token).status_code == 200

    token = acts(ask, owner, ann)
    assert stands(token)
    ask("POST", "/auth/_admins/sign-out", token=owner)
    assert not stands(token)
    owner = ask.signed_in("owner@example.org", "_admins")
    token = acts(ask, owner, ann)
    room.records.update("users", ann, {"password": "another of a stillroom"}, actor=SYSTEM, facts=FACTS)
    assert not stands(token)
    token = acts(ask, owner, ann)
    room.clock.advance(minutes=14)
    assert stands(token)
    room.clock.advance(minutes=1)
    assert not stands(token)


def test_who_may_not_act_is_told_so(ask, room, owner, ann):
    editor, hers = ask.signed_in("editor@example.org", "_admins"), ask.signed_in("ann@example.org")
    for token, status in ((None, 401), (hers, 403), (editor, 403)):
        assert ask("POST", "/auth/users/impersonate", {"account": ann}, token).status_code == status
    for account in ("nobody", "", "x" * 500):
        assert ask("POST", "/auth/users/impersonate", {"account": account}, owner).status_code == 404
    admin = ask("GET", "/auth/_admins/me", token=editor).get_json()["id"]
    assert ask("POST", "/auth/_admins/impersonate", {"account": admin}, owner).status_code == 403
    assert ask("POST", "/auth/users/impersonate", {"account": ann, "hours": 5}, owner).get_json()["code"] == "unknown_field"
    room.records.update("users", ann, {"disabled": True}, actor=SYSTEM, facts=FACTS)
    assert ask("POST", "/auth/users/impersonate", {"account": ann}, owner).get_json()["code"] == "account_disabled"
    room.clock.advance(minutes=11)
    assert ask("POST", "/auth/users/impersonate", {"account": ann}, owner).get_json()["code"] == "step_up_required"
