"""What docs/api.md and docs/accounts.md claim, asked of a backend over its API."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.testing import TestBackend, backend, client
from domain.actor import SYSTEM
from tests.docs.blocks import definitions

ADMIN = {"email": "ann@example.org", "password": "quiet river at dawn"}
BEA = {"name": "Bea", "email": "Bea@example.org", "password": "Bea counts the planes"}
NUMBERS = {
    "name": "numbers",
    "fields": [{"name": "n", "type": "integer", "max": 10}, {"name": "m", "type": "integer", "default": 0}],
    "rules": {"list": "", "view": "", "create": "", "update": "", "delete": ""},
}


@pytest.fixture
def room() -> Iterator[TestBackend]:
    with backend() as room:
        for definition in (*definitions("accounts.md"), NUMBERS):
            room.collections.create(definition, actor=SYSTEM)
        yield room


@pytest.fixture
def web(room: TestBackend) -> FlaskClient:
    return client(room)


def test_an_account_lives_as_the_page_tells(web: FlaskClient) -> None:
    made = web.post("/api/v1/collections/users/records", json=BEA)
    assert made.status_code == 201
    assert made.get_json()["email"] is None
    assert "password" not in made.get_json()
    token = _signed_in(web, "users", "bea@EXAMPLE.org", BEA["password"])
    assert token["expires_in"] == 900
    me = web.get("/api/v1/auth/users/me", headers=_bearer(token))
    assert me.get_json()["email"] == BEA["email"]
    _change_password(web, made.get_json()["id"], token)


def _change_password(web: FlaskClient, id: str, token: dict[str, Any]) -> None:
    path, new = f"/api/v1/collections/users/records/{id}", "Bea counts the clouds"
    assert _code(web.patch(path, json={"password": new}, headers=_bearer(token))) == (400, "required")
    wrong = {"password": new, "old_password": "Bea counts the cars"}
    assert _code(web.patch(path, json=wrong, headers=_bearer(token))) == (400, "wrong_password")
    right = {"password": new, "old_password": BEA["password"]}
    assert web.patch(path, json=right, headers=_bearer(token)).status_code == 200
    assert _code(web.get("/api/v1/auth/users/me", headers=_bearer(token))) == (401, "session_ended")
    assert _signed_in(web, "users", BEA["email"], new)["account"]["id"] == id


def test_wrong_address_and_wrong_password_are_answered_alike(web: FlaskClient) -> None:
    web.post("/api/v1/collections/users/records", json=BEA)
    tries = [(BEA["email"], "Carl counts the planes"), ("carl@example.org", BEA["password"])]
    assert {_code(_sign_in(web, "users", *each)) for each in tries} == {(401, "invalid_credentials")}


def test_an_address_that_is_taken_is_refused_in_the_open(web: FlaskClient) -> None:
    assert web.post("/api/v1/collections/users/records", json=BEA).status_code == 201
    again = web.post("/api/v1/collections/users/records", json={**BEA, "email": "bea@example.org"})
    assert _code(again) == (409, "not_unique")


def test_a_cascade_does_not_ask_the_rules_of_what_goes_with_it(room: TestBackend, web: FlaskClient) -> None:
    about = {"name": "about", "type": "relation", "collection": "numbers", "on_delete": "cascade"}
    room.collections.create({"name": "remarks", "fields": [about], "rules": {"view": "", "create": ""}}, actor=SYSTEM)
    number = web.post("/api/v1/collections/numbers/records", json={}).get_json()["id"]
    remark = web.post("/api/v1/collections/remarks/records", json={"about": number}).get_json()["id"]
    assert web.delete(f"/api/v1/collections/remarks/records/{remark}").status_code == 401
    assert web.delete(f"/api/v1/collections/numbers/records/{number}").status_code == 204
    assert web.get(f"/api/v1/collections/remarks/records/{remark}").status_code == 404


def test_the_auth_rule_keeps_an_account_out(room: TestBackend, web: FlaskClient) -> None:
    id = web.post("/api/v1/collections/users/records", json=BEA).get_json()["id"]
    room.accounts.create_admin(**ADMIN)
    admin = _bearer(_signed_in(web, "_admins", **_identity(ADMIN)))
    assert web.patch(f"/api/v1/collections/users/records/{id}", json={"banned": True}, headers=admin).status_code == 200
    assert _code(_sign_in(web, "users", BEA["email"], BEA["password"])) == (403, "sign_in_refused")


def test_the_setup_token_is_good_once(room: TestBackend, web: FlaskClient) -> None:
    body = {"token": room.accounts.setup_token(), **ADMIN}
    assert web.post("/api/v1/setup", json=body).status_code == 201
    assert _code(web.post("/api/v1/setup", json=body)) == (403, "setup_refused")
    assert room.accounts.setup_token() is None


def test_increments_add_keep_limits_and_start_at_nothing(web: FlaskClient) -> None:
    path = "/api/v1/collections/numbers/records"
    one = web.post(path, json={"n": 3}).get_json()["id"]
    assert web.patch(f"{path}/{one}", json={"n+": 2, "m-": 4}).get_json()["n"] == 5
    assert _code(web.patch(f"{path}/{one}", json={"n+": 6})) == (400, "out_of_range")
    none = web.post(path, json={}).get_json()["id"]
    assert web.patch(f"{path}/{none}", json={"n+": 1}).get_json()["n"] == 1


def test_tags_of_any_answer_make_a_condition(web: FlaskClient) -> None:
    path = "/api/v1/collections/numbers/records"
    made = web.post(path, json={"n": 1})
    one = f"{path}/{made.get_json()['id']}"
    got = web.get(one).headers["ETag"]
    assert got.startswith('"v1-')
    assert web.get(one, headers={"If-None-Match": got}).status_code == 304
    assert web.get(f"{one}?fields=n", headers={"If-None-Match": got}).status_code == 200
    changed = web.patch(one, json={"n": 2}, headers={"If-Match": made.headers["ETag"]})
    assert changed.status_code == 200
    assert _code(web.patch(one, json={"n": 3}, headers={"If-Match": got})) == (412, "precondition_failed")
    assert web.delete(one, headers={"If-Match": f'"v9-x", {changed.headers["ETag"]}'}).status_code == 204


def test_a_list_goes_on_by_its_cursor(web: FlaskClient) -> None:
    path = "/api/v1/collections/numbers/records"
    for n in (3, None, 1, 2):
        web.post(path, json={"n": n})
    first = web.get(f"{path}?sort=-n&limit=3&count=exact&fields=n")
    assert first.get_json()["items"] == [{"n": 3}, {"n": 2}, {"n": 1}]
    assert first.get_json()["total"] == 4
    following = web.get(first.headers["Link"].partition(">")[0][1:]).get_json()
    assert following == {"items": [{"n": None}], "next": None, "total": 4}
    assert _code(web.get(f"{path}?cursor={first.get_json()['next']}")) == (400, "invalid_cursor")
    assert _code(web.get(f"{path}?filter=n>1&sort=-n&cursor={first.get_json()['next']}")) == (400, "cursor_of_another_list")
    assert _code(web.get(f"{path}?cursor=x&page=2")) == (400, "contradiction")


def _sign_in(web: FlaskClient, collection: str, identity: str, password: str) -> TestResponse:
    return web.post(f"/api/v1/auth/{collection}/sign-in", json={"identity": identity, "password": password})


def _signed_in(web: FlaskClient, collection: str, identity: str, password: str) -> dict[str, Any]:
    answer: dict[str, Any] = _sign_in(web, collection, identity, password).get_json()
    return answer


def _identity(person: dict[str, str]) -> dict[str, str]:
    return {"identity": person["email"], "password": person["password"]}


def _bearer(signed_in: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {signed_in['access_token']}"}


def _code(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["code"]
