"""Writes that are tried and undone, over HTTP and the whole backend, on every database alike."""

import pytest

from app.testing import backend as make_backend
from app.testing import client
from domain.actor import SYSTEM

API = "/api/v1/collections"
TEAMS = {"name": "teams", "fields": [{"name": "name", "type": "text", "unique": True}],
         "rules": {"list": "", "view": "", "create": "", "update": "", "delete": ""}}  # fmt: skip
PLAYERS = {"name": "players", "fields": [{"name": "team", "type": "relation", "collection": "teams", "on_delete": "cascade"}],
           "rules": {"list": "", "view": "", "create": "", "delete": ""}}  # fmt: skip
USERS = {"name": "users", "type": "accounts", "fields": [], "rules": {"view": "", "create": ""}}
KEY = {"Idempotency-Key": '"5f3a0c1e-7d11-4a52-9d0e-2b1f"'}


@pytest.fixture
def backend(database_url):
    with make_backend(database=database_url) as made:
        for each in (TEAMS, PLAYERS, USERS):
            made.collections.create(each, actor=SYSTEM)
        yield made


@pytest.fixture
def web(backend):
    return client(backend)


@pytest.fixture
def reds(web):
    made = web.post(f"{API}/teams/records", json={"name": "reds"})
    assert web.post(f"{API}/players/records", json={"team": made.get_json()["id"]}).status_code == 201
    return made.headers["Location"]


def everything(backend, web):
    """Records, and what is written beside them in their transactions."""
    records = [web.get(f"{API}/{name}/records?count=exact").get_json() for name in ("teams", "players")]
    while backend.work.run(lambda stores: stores.outbox.arrange(1000)):
        pass
    return records, [each.event for each in backend.work.read(lambda stores: stores.outbox.after(0, 100))]


def test_each_write_answers_as_it_would_and_keeps_nothing(backend, web, reds):
    before = everything(backend, web)
    made = web.post(f"{API}/teams/records?dry_run=true", json={"id": "blues", "name": "blues"}, headers=KEY)
    assert (made.status_code, made.headers["Dry-Run"], made.get_json()["name"]) == (200, "true", "blues")
    assert not {"Location", "ETag"} & set(made.headers.keys())
    changed = web.patch(f"{reds}?dry_run=true", json={"name": "greens"}, headers=KEY)
    assert (changed.status_code, changed.get_json()["name"], changed.get_json()["version"]) == (200, "greens", 2)
    gone = web.delete(f"{reds}?dry_run=true", headers=KEY)
    assert (gone.status_code, gone.headers["Dry-Run"]) == (204, "true")
    assert everything(backend, web) == before
    assert [each.kind for each in before[1]].count("records.created") == 2
    # The key was not used up, and the same write is made when it is meant.
    assert web.post(f"{API}/teams/records", json={"id": "blues", "name": "blues"}, headers=KEY).status_code == 201
    assert web.delete(reds).status_code == 204
    assert web.get(f"{API}/players/records").get_json()["items"] == []


def test_a_refusal_is_the_real_one(web, reds):
    for ask in (
        lambda dry: web.post(f"{API}/teams/records{dry}", json={"name": "reds"}),
        lambda dry: web.post(f"{API}/players/records{dry}", json={"team": "nobody"}),
        lambda dry: web.post(f"{API}/teams/records{dry}", json={"nmae": "x"}),
        lambda dry: web.patch(f"{reds}{dry}", json={"name": "x"}, headers={"If-Match": '"v9-20260101000000000"'}),
        lambda dry: web.patch(f"{API}/teams/records/none{dry}", json={"name": "x"}),
        lambda dry: web.patch(f"{API}/players/records/none{dry}", json={}),
    ):
        tried, real = ask("?dry_run=true").get_json(), ask("").get_json()
        assert {**tried, "request_id": ""} == {**real, "request_id": ""}
    assert web.patch(f"{reds}?dry_run=yes", json={}).get_json()["code"] == "invalid_parameter"
    assert web.delete(f"{reds}?dryrun=true").get_json()["hint"] == "did you mean `dry_run`?"


def test_nobody_asks_for_addresses_without_leaving_a_trace(web):
    body = {"email": "ann@example.org", "password": "correct horse"}
    assert web.post(f"{API}/users/records", json=body).status_code == 201
    operation = {"operations": [{"method": "create", "collection": "users", "values": body}]}
    for other in (body, {**body, "email": "bob@example.org"}):
        tried = web.post(f"{API}/users/records?dry_run=true", json=other)
        assert (tried.status_code, tried.get_json()["code"]) == (400, "not_supported")
    assert web.post("/api/v1/batch?dry_run=true", json=operation).get_json()["code"] == "not_supported"
