"""Changes and deletions of many records by a filter, over HTTP and the whole backend, on every database alike."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.testing import backend as make_backend
from app.testing import client
from domain.actor import SYSTEM

API = "/api/v1/collections"
ITEMS = {
    "name": "items",
    "fields": [
        {"name": "n", "type": "integer", "default": 0, "max": 9},
        {"name": "kind", "type": "text"},
        {"name": "code", "type": "text", "unique": True},
        {"name": "secret", "type": "text", "hidden": True},
        {"name": "cost", "type": "integer", "rules": {"view": None}},
        {"name": "mine", "type": "bool", "default": True},
    ],
    "rules": {"list": "kind != 'unseen'", "view": "", "create": "", "update": "mine = true", "delete": "mine = true"},
}
PARTS = {"name": "parts", "fields": [{"name": "item", "type": "relation", "collection": "items", "on_delete": "cascade"}],
         "rules": {"list": "", "create": ""}}  # fmt: skip


@pytest.fixture
def backend(database_url):
    with make_backend(database=database_url) as made:
        for each in (ITEMS, PARTS):
            made.collections.create(each, actor=SYSTEM)
        yield made


@pytest.fixture
def web(backend):
    return client(backend)


def make(web, **values):
    made = web.post(f"{API}/items/records", json=values)
    assert made.status_code == 201, made.get_json()
    return made.get_json()["id"]


def change(web, body, **query):
    return web.patch(f"{API}/items/records", json=body, query_string=query)


def delete(web, **query):
    return web.delete(f"{API}/items/records", query_string=query)


def listed(web):
    items = web.get(f"{API}/items/records?sort=id").get_json()["items"]
    return [(item["kind"], item["n"], item["version"]) for item in items]


def events(backend):
    while backend.work.run(lambda stores: stores.outbox.arrange(1000)):
        pass
    return [(each.kind, each.event.record) for each in backend.work.read(lambda stores: stores.outbox.after(0, 1000))]


def test_all_that_the_filter_chooses_are_changed_with_an_event_for_each(backend, web):
    ids = [make(web, kind=kind) for kind in ("old", "old", "new")]
    answer = change(web, {"n+": 2}, filter="kind = 'old'", expect=2)
    assert (answer.status_code, answer.get_json()) == (200, {"changed": 2})
    assert listed(web) == [("old", 2, 2), ("old", 2, 2), ("new", 0, 1)]
    assert sorted(each for each in events(backend) if each[0] == "records.updated") == [("records.updated", id) for id in sorted(ids[:2])]


def test_all_that_the_filter_chooses_go_with_what_points_at_them(backend, web):
    ids = [make(web, kind=kind) for kind in ("old", "old", "new")]
    assert web.post(f"{API}/parts/records", json={"item": ids[0]}).status_code == 201
    answer = delete(web, filter="kind = 'old'", expect=2)
    assert (answer.status_code, answer.get_json()) == (200, {"deleted": 2})
    assert listed(web) == [("new", 0, 1)]
    assert web.get(f"{API}/parts/records").get_json()["items"] == []
    assert len([each for each in events(backend) if each[0] == "records.deleted"]) == 3


@pytest.mark.parametrize("write", [lambda web, **query: change(web, {"n": 5}, **query), delete], ids=["change", "delete"])
def test_nothing_is_done_where_something_stands_against_it(backend, web, write):
    for kind in ("old", "old", "unseen"):
        make(web, kind=kind)
    make(web, kind="kept", mine=False)
    before, told = listed(web), len(events(backend))
    for status, code, query in (
        (412, "unexpected_number", {"filter": "kind = 'old'", "expect": 3}),
        (412, "unexpected_number", {"filter": "kind = 'unseen'", "expect": 1}),  # none that one may list
        (403, "forbidden", {"filter": "kind != ''", "expect": 3}),
        (400, "missing_parameter", {"filter": "kind = 'old'"}),
        (400, "missing_parameter", {"expect": 4}),
        (400, "missing_parameter", {"filter": " ", "expect": 4}),
        (400, "invalid_parameter", {"filter": "kind = 'old'", "expect": 0}),
        (400, "invalid_parameter", {"filter": "kind = 'old'", "expect": 1001}),
        (400, "unknown_parameter", {"filter": "kind = 'old'", "expect": 2, "limit": 1}),
        (400, "unknown_field", {"filter": "secret = 'x'", "expect": 1}),
        (400, "unknown_field", {"filter": "cost = 1", "expect": 1}),
    ):
        answer = write(web, **query)
        assert (answer.status_code, answer.get_json()["code"]) == (status, code), query
    assert write(web, filter="kind = 'old'", expect=2, dry_run="true").headers["Dry-Run"] == "true"
    assert (listed(web), len(events(backend))) == (before, told)


def test_one_that_cannot_be_changed_keeps_all_as_they_are(web):
    for n in (1, 9, 2):
        make(web, kind="a", n=n)
    refused = change(web, {"n+": 1}, filter="kind = 'a'", expect=3)
    assert (refused.status_code, refused.get_json()["code"]) == (400, "out_of_range")
    assert change(web, {"code": "one"}, filter="kind = 'a'", expect=3).get_json()["code"] == "not_unique"
    assert change(web, {}, filter="kind = 'a'", expect=3).get_json()["code"] == "invalid_record"
    assert change(web, {"m": 1}, filter="kind = 'a'", expect=3).get_json()["code"] == "invalid_record"
    assert [each[1:] for each in listed(web)] == [(1, 1), (9, 1), (2, 1)]


def test_more_than_a_thousand_are_refused(backend, web):
    for start in range(0, 1001, 500):
        operations = [{"method": "create", "collection": "items", "values": {"kind": "many"}}] * min(500, 1001 - start)
        assert web.post("/api/v1/batch", json={"operations": operations}).status_code == 200
    refused = delete(web, filter="kind = 'many'", expect=1000)
    assert (refused.status_code, refused.get_json()["code"]) == (400, "too_many_records")
    make_fewer = web.get(f"{API}/items/records?limit=1").get_json()["items"][0]["id"]
    assert web.delete(f"{API}/items/records/{make_fewer}").status_code == 204
    assert change(web, {"n+": 1}, filter="kind = 'many'", expect=1000).get_json() == {"changed": 1000}
    assert delete(web, filter="n = 1", expect=1000).get_json() == {"deleted": 1000}


def test_of_those_who_take_the_same_records_one_succeeds(backend, web, database_url):
    for _ in range(20):
        make(web, kind="free")

    doors = [client(backend) for _ in range(8)]  # made before: Python 3.11 breaks where several threads compile routes at once

    def take(at):
        return change(doors[at], {"kind": f"taken-{at}"}, filter="kind = 'free'", expect=20).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(take, range(8)))
    assert statuses == [200] + [412] * 7
    assert len({kind for kind, _, _ in listed(web)}) == 1
