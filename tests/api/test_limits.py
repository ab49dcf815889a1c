"""Limits over the API: of collections, of routes, of all requests and of signing in; what is told, and what is not."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.settings import Settings
from app.testing import TestBackend, backend, client
from domain.actor import SYSTEM
from domain.errors import Unavailable
from domain.limits.addresses import read_networks
from domain.rules.values import RequestFacts
from ports.observer import LimitReached
from tests.api.doors import problem

PASSWORD = "correct horse battery"
OPEN = dict.fromkeys(("list", "view", "create", "update", "delete"), "")
USERS = {"name": "users", "type": "accounts", "rules": {**OPEN, "update": "id = @request.auth.id"}}
RECORDS = "/api/v1/collections/things/records"


@pytest.fixture
def opened() -> Iterator[Callable[..., tuple[TestBackend, FlaskClient]]]:
    rooms: list[TestBackend] = []

    def make(policies: str = "off", proxies: str = "", **definition: Any) -> tuple[TestBackend, FlaskClient]:
        room = backend(limits=policies)
        rooms.append(room)
        room.collections.create(USERS, actor=SYSTEM)
        things = {"name": "things", "fields": [{"name": "n", "type": "integer"}], "rules": OPEN, **definition}
        room.collections.create(things, actor=SYSTEM)
        return room, client(room, Settings(trusted_proxies=read_networks(proxies)))

    yield make
    for each in rooms:
        each.close()


def bearer(web: FlaskClient, room: TestBackend, name: str, collection: str = "users") -> dict[str, str]:
    if collection == "_admins":
        room.accounts.create_admin(f"{name}@example.org", PASSWORD)
    else:
        made = web.post("/api/v1/collections/users/records", json={"email": f"{name}@example.org", "password": PASSWORD})
        assert made.status_code == 201
    answer = sign_in(web, name, collection=collection)
    return {"Authorization": f"Bearer {answer.get_json()['access_token']}"}


def sign_in(web: FlaskClient, name: str, password: str = PASSWORD, collection: str = "users", **headers: str) -> Any:
    body = {"identity": f"{name}@example.org", "password": password}
    return web.post(f"/api/v1/auth/{collection}/sign-in", json=body, headers={k.replace("_", "-"): v for k, v in headers.items()})


def codes(answers: list[Any]) -> list[int]:
    return [each.status_code for each in answers]


ACTS: dict[str, Callable[[FlaskClient, str, dict[str, str]], Any]] = {
    "list": lambda web, kept, by: web.get(RECORDS, headers=by),
    "view": lambda web, kept, by: web.get(f"{RECORDS}/{kept}", headers=by),
    "create": lambda web, kept, by: web.post(RECORDS, json={"n": 1}, headers=by),
    "update": lambda web, kept, by: web.patch(f"{RECORDS}/{kept}", json={"n": 2}, headers=by),
    "delete": lambda web, kept, by: web.delete(f"{RECORDS}/{web.post(RECORDS, json={'n': 1}).get_json()['id']}", headers=by),
}


@pytest.mark.parametrize("action", ACTS)
def test_an_action_is_limited_for_each_actor_and_no_other_is(opened, action):
    room, web = opened(limits={action: "2/minute"})
    kept = room.records.create("things", {"n": 1}, actor=SYSTEM, facts=RequestFacts("POST")).id
    ann, bob, admin = bearer(web, room, "ann"), bearer(web, room, "bob"), bearer(web, room, "root", "_admins")
    other = "view" if action == "list" else "list"
    for by in (ann, bob):
        seen = [ACTS[action](web, kept, by) for _ in range(3)]
        assert codes(seen)[:2] == [seen[0].status_code] * 2
        assert seen[0].status_code < 300
        assert problem(seen[2])["code"] == "too_many_requests"
        assert seen[2].headers["Retry-After"] == "60"
        assert ACTS[other](web, kept, by).status_code < 300
    # Admins are not bound, and their answers tell of no limit.
    free = [ACTS[action](web, kept, admin) for _ in range(4)]
    assert all(each.status_code < 300 and "RateLimit" not in each.headers for each in free)


def test_what_is_left_is_told_and_time_brings_it_back(opened):
    room, web = opened(limits={"list": "2/minute"})
    told = [web.get(RECORDS).headers for _ in range(3)]
    assert [each["RateLimit-Policy"] for each in told] == ['"things.list";q=2;w=60'] * 3
    assert [each["RateLimit"] for each in told] == ['"things.list";r=1;t=60', '"things.list";r=0;t=60', '"things.list";r=0;t=60']
    room.clock.advance(seconds=45)
    assert web.get(RECORDS).headers["Retry-After"] == "15"
    room.clock.advance(seconds=15)
    assert web.get(RECORDS).headers["RateLimit"] == '"things.list";r=1;t=60'
    assert [each.limit for each in room.observer.observations if isinstance(each, LimitReached)] == ["things.list"] * 2


def test_aggregates_and_exports_count_as_lists(opened):
    _, web = opened(limits={"list": "3/minute"})
    export = "/api/v1/collections/things/export"
    assert codes([web.get(RECORDS), web.get(f"{RECORDS}/aggregate"), web.get(export), web.get(export)]) == [200, 200, 200, 429]


def test_files_of_all_records_are_limited_by_default(opened):
    _, web = opened("sign-in=9/minute")
    assert codes([web.get("/api/v1/collections/things/export") for _ in range(11)]) == [200] * 10 + [429]


def test_a_refused_create_leaves_nothing(opened):
    _, web = opened(limits={"create": "1/minute"})
    assert codes([web.post(RECORDS, json={"n": 1}) for _ in range(3)]) == [201, 429, 429]
    assert web.get(RECORDS, query_string={"count": "exact"}).get_json()["total"] == 1


def test_a_limit_of_what_is_for_admins_is_not_told(opened):
    """Nor counted: its answer is that of a collection that is not there."""
    _, web = opened(rules={}, limits={"list": "1/minute", "create": "1/minute"})
    for path in (RECORDS, "/api/v1/collections/nowhere/records"):
        answers = [web.get(path) for _ in range(3)]
        told = {(each.status_code, each.get_json()["code"], each.headers.get("RateLimit")) for each in answers}
        assert told == {(404, "not_found", None)}


def test_the_definition_keeps_and_answers_its_limits(opened):
    room, web = opened(limits={"create": "10/minute", "list": "5/15 minutes", "view": None})
    by = bearer(web, room, "root", "_admins")
    path = "/api/v1/collections/things"
    assert web.get(path, headers=by).get_json()["limits"] == {"list": "5/15 minutes", "create": "10/minute"}
    # Read, edited and sent back, as clients do.
    told = web.get(path, headers=by).get_json()
    assert web.patch(path, json=told, headers=by).get_json()["limits"] == told["limits"]
    assert web.patch(path, json={"name": "items"}, headers=by).get_json()["limits"] == told["limits"]
    assert web.patch("/api/v1/collections/items", json={"limits": {}}, headers=by).get_json()["limits"] is None
    room.collections.undo(actor=SYSTEM)
    assert web.get("/api/v1/collections/items", headers=by).get_json()["limits"] == told["limits"]


@pytest.mark.parametrize(
    "limits, pointer, code",
    [
        ("10/minute", "/limits", "not_an_object"),
        ([], "/limits", "not_an_object"),
        ({"lst": "10/minute"}, "/limits/lst", "unknown_field"),
        ({"auth": "10/minute"}, "/limits/auth", "unknown_field"),
        ({"list": "often"}, "/limits/list", "invalid_limit"),
        ({"list": 10}, "/limits/list", "invalid_limit"),
        ({"list": "0/minute"}, "/limits/list", "invalid_limit"),
        ({"list": {"count": 1}}, "/limits/list", "invalid_limit"),
    ],
)
def test_what_is_no_limit_is_refused_with_its_place(opened, limits, pointer, code):
    room, web = opened()
    by = bearer(web, room, "root", "_admins")
    answer = web.patch("/api/v1/collections/things", json={"limits": limits}, headers=by)
    assert answer.status_code == 400
    assert [(each["pointer"], each["code"]) for each in problem(answer)["errors"]] == [(pointer, code)]


def test_views_have_limits_of_reading_alone(opened):
    room, web = opened()
    query = {"source": "things", "columns": [{"name": "n", "path": "n"}]}
    view = {"name": "seen", "type": "view", "query": query, "rules": {"list": ""}, "limits": {"list": "1/minute"}}
    room.collections.create(view, actor=SYSTEM)
    assert codes([web.get("/api/v1/collections/seen/records") for _ in range(2)]) == [200, 429]
    by = bearer(web, room, "root", "_admins")
    answer = web.patch("/api/v1/collections/seen", json={"limits": {"create": "1/minute"}}, headers=by)
    assert problem(answer)["hint"] == "actions are list, view"


def test_a_renamed_collection_counts_on(opened):
    room, web = opened(limits={"list": "2/minute"})
    assert web.get(RECORDS).status_code == 200
    room.collections.change("things", {"name": "items"}, actor=SYSTEM)
    assert codes([web.get("/api/v1/collections/items/records") for _ in range(2)]) == [200, 429]


def test_routes_are_limited_by_actor_and_by_nothing_else(opened):
    room, web = opened("list_records=2/minute")
    ann, admin = bearer(web, room, "ann"), bearer(web, room, "root", "_admins")
    assert codes([web.get(RECORDS, headers=ann), web.get("/api/v1/collections/users/records", headers=ann)]) == [200, 200]
    refused = web.get(RECORDS, headers=ann)
    assert problem(refused)["detail"] == "too many requests: the limit `list_records` is 2/minute"
    assert (refused.headers["RateLimit"], refused.headers["Retry-After"]) == ('"list_records";r=0;t=60', "60")
    assert web.get(RECORDS).headers["RateLimit"] == '"list_records";r=1;t=60'
    assert codes([web.get(RECORDS, headers=admin) for _ in range(4)]) == [200] * 4
    assert web.get(f"{RECORDS}/aggregate", headers=ann).status_code == 200
    # A token that is no good buys no bucket of its own.
    assert codes([web.get(RECORDS, headers={"Authorization": f"Bearer made.up.{n}"}) for n in range(3)]) == [401, 429, 429]


def test_all_requests_of_an_actor_together(opened):
    room, web = opened("requests=3/minute")
    ann = bearer(web, room, "ann")
    asks = [web.get(RECORDS, headers=ann), web.post(RECORDS, json={}, headers=ann), web.get("/api/v1/auth/users/me", headers=ann)]
    assert codes(asks) == [200, 201, 200]
    assert problem(web.get(RECORDS, headers=ann))["detail"] == "too many requests: the limit `requests` is 3/minute"
    assert web.get("/livez").status_code == 200


def test_sign_in_by_address_and_identity_whether_there_is_such_an_account_or_not(opened):
    room, web = opened("sign-in=3/minute, sign-in-identity=off", proxies="127.0.0.1")
    bearer(web, room, "ann")
    room.clock.advance(minutes=1)
    told = {}
    for name in ("ann", "nobody"):
        answers = [sign_in(web, name, "not her password", X_Forwarded_For="203.0.113.7") for _ in range(5)]
        assert codes(answers) == [401] * 3 + [429] * 2
        told[name] = [{**each.get_json(), "request_id": ""} | {"left": each.headers["RateLimit"]} for each in answers]
    # The address counts on over identities, so only what is left for it differs.
    assert [{**each, "left": ""} for each in told["ann"]] == [{**each, "left": ""} for each in told["nobody"]]
    # The right password is not even looked at here, and is good elsewhere.
    assert sign_in(web, "ann", X_Forwarded_For="203.0.113.7").status_code == 429
    assert sign_in(web, "ANN", X_Forwarded_For="203.0.113.7").status_code == 429
    assert sign_in(web, "ann", X_Forwarded_For="203.0.113.8").status_code == 200


def test_one_password_tried_on_many_accounts(opened):
    _, web = opened("sign-in-address=5/minute")
    assert codes([sign_in(web, f"somebody{n}") for n in range(7)]) == [401] * 5 + [429] * 2


def test_one_account_tried_from_many_addresses_and_nobody_told_of_the_others(opened):
    _, web = opened("sign-in-identity=5/hour", proxies="127.0.0.1")
    answers = [sign_in(web, "ann", X_Forwarded_For=f"203.0.113.{n}") for n in range(7)]
    assert codes(answers) == [401] * 5 + [429] * 2
    assert {each.headers["RateLimit"] for each in answers[:5]} == {'"sign-in-address";r=59;t=60, "sign-in";r=9;t=60'}
    assert answers[-1].headers["Retry-After"] == "3600"
    # One address alone uses up no more than its own limit lets it.
    assert codes([sign_in(web, "bea", X_Forwarded_For="203.0.113.50") for _ in range(12)]) == [401] * 5 + [429] * 7


def test_what_one_address_is_refused_uses_up_nobodys_identity(opened):
    _, web = opened("sign-in=3/minute, sign-in-identity=5/hour", proxies="127.0.0.1")
    assert codes([sign_in(web, "ann", X_Forwarded_For="203.0.113.1") for _ in range(20)]) == [401] * 3 + [429] * 17
    assert codes([sign_in(web, "ann", X_Forwarded_For="203.0.113.2") for _ in range(3)]) == [401, 401, 429]


def test_a_stolen_token_does_not_guess_the_password(opened):
    room, web = opened("password-check=3/minute")
    ann = bearer(web, room, "ann")
    id = web.get("/api/v1/auth/users/me", headers=ann).get_json()["id"]
    path = f"/api/v1/collections/users/records/{id}"
    bodies = [{"password": "another good one", "old_password": f"guess number {n}"} for n in range(4)]
    answers = [web.patch(path, json=body, headers=ann) for body in bodies]
    assert codes(answers) == [400, 400, 400, 429]
    assert answers[0].get_json()["code"] == "wrong_password"
    right = {"password": "another good one", "old_password": PASSWORD}
    assert web.patch(path, json=right, headers=ann).status_code == 429
    room.clock.advance(minutes=1)
    assert web.patch(path, json=right, headers=ann).status_code == 200


def test_an_account_asks_for_few_archives(opened):
    room, web = opened("export_personal_data=2/hour")
    ann, bob = bearer(web, room, "ann"), bearer(web, room, "bob")
    assert codes([web.get("/api/v1/auth/users/personal-data", headers=ann) for _ in range(3)]) == [200, 200, 429]
    assert web.get("/api/v1/auth/users/personal-data", headers=bob).status_code == 200


def test_an_account_makes_few_keys_in_a_row(opened):
    room, web = opened("create_account_key=2/hour")
    room.collections.change("users", {"api_keys": {"max": 1}, "rules": {"view": ""}}, actor=SYSTEM)
    ann, body = bearer(web, room, "ann"), {"name": "x", "scopes": {"users": ["view"]}}
    answers = []
    for _ in range(3):
        answers.append(web.post("/api/v1/auth/users/api-keys", headers=ann, json=body))
        web.delete("/api/v1/auth/users/api-keys", headers=ann)
    assert codes(answers) == [201, 201, 429]


def test_the_setup_token_is_not_guessed(opened):
    _, web = opened("create_first_admin=2/minute")
    body = {"token": "made up", "email": "eve@example.org", "password": PASSWORD}
    assert codes([web.post("/api/v1/setup", json=body) for _ in range(3)]) == [403, 403, 429]


class Broken:
    def hit(self, meters: Any) -> Any:
        raise Unavailable("limits cannot be counted at the moment")


def test_where_nothing_can_be_counted_what_is_limited_is_not_served(opened):
    room, web = opened("list_records=2/minute, sign-in=3/minute", limits={"create": "3/minute"})
    room.limits._counter = Broken()
    answers = [web.get(RECORDS), web.post(RECORDS, json={"n": 1}), sign_in(web, "ann")]
    assert [(each.status_code, problem(each)["code"], each.headers["Retry-After"]) for each in answers] == [(503, "unavailable", "1")] * 3
    assert web.get("/api/v1/capabilities").status_code == 200


def test_no_identity_is_too_odd_or_too_long_to_be_counted(opened):
    _, web = opened("sign-in=2/minute")
    for identity in ("", " ", "a\u0301", "\ufdfa" * 50_000, "\u202e", "a" * 250_000):
        body = {"identity": identity, "password": "not a password of anybody"}
        assert codes([web.post("/api/v1/auth/users/sign-in", json=body) for _ in range(3)]) == [401, 401, 429]


def test_without_limits_nothing_is_told_of_them(opened):
    _, web = opened()
    assert not [name for name in web.get(RECORDS).headers if name[0].lower().startswith("ratelimit")]


def test_who_tries_refresh_tokens_is_counted_by_address(opened):
    _, web = opened("requests=3/minute")
    tries = [web.post("/api/v1/auth/users/refresh", json={"refresh_token": f"srt_{'A' * 64}{at}"}) for at in range(5)]
    assert codes(tries) == [401, 401, 401, 429, 429]
