"""Explanations over HTTP: the plan of a list and the index that it misses, the part of a rule that refuses; for admins alone."""

from urllib.parse import quote

import pytest

from app.testing import backend, client
from domain.actor import SYSTEM
from domain.records.imports import Options, Row
from domain.rules.values import RequestFacts
from ports.observer import RequestRefusedByRule

FACTS = RequestFacts("POST")
COLLECTIONS = [
    {
        "name": "users", "type": "accounts", "rules": {"create": ""},
        "fields": [{"name": "city", "type": "text"}, {"name": "vip", "type": "bool"}],
    },
    {"name": "tags", "fields": [{"name": "label", "type": "text"}, {"name": "hot", "type": "bool"}]},
    {
        "name": "posts",
        "fields": [
            {"name": "title", "type": "text"}, {"name": "status", "type": "select", "values": ["draft", "live"]},
            {"name": "views", "type": "integer"}, {"name": "price", "type": "decimal", "scale": 2},
            {"name": "author", "type": "relation", "collection": "users"},
            {"name": "tags", "type": "relation", "collection": "tags", "many": True},
            {"name": "grade", "type": "integer", "rules": {"write": "author.vip = true"}},
        ],
        "indexes": [{"fields": ["views"]}],
        "checks": [{"name": "priced", "rule": "price >= 0 || price = null", "message": "a price is not negative"}],
        "rules": {
            "list": "status = 'live' || author = @request.auth.id", "view": "", "delete": None,
            "create": "author = @request.auth.id && views < 10",
            "update": "author = @request.auth.id && !(status = 'live' && @request.body.title:isset = true)",
        },
    },
]  # fmt: skip
PASSWORD = "quiet river at dawn"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def room(request, tmp_path_factory):
    if request.param == "postgresql":
        from tests.postgres import fresh_schema

        with fresh_schema(request.getfixturevalue("postgres_worker_database")) as url, _filled(url) as made:
            yield made
        return
    with _filled(f"sqlite:///{tmp_path_factory.mktemp('why')}/data.db") as made:
        yield made


def _filled(url):
    room = backend(database=url)
    for each in COLLECTIONS:
        room.collections.create(each, actor=SYSTEM)
    ann = _create(room, "users", email="ann@example.org", password=PASSWORD, city="Ulm", vip=True)
    bob = _create(room, "users", email="bob@example.org", password=PASSWORD, city="Bonn")
    hot, new = _create(room, "tags", label="hot", hot=True), _create(room, "tags", label="new", hot=False)
    _create(room, "posts", id="p1", title="One", status="draft", views=1, price="1.50", author=ann, tags=[hot, new])
    _create(room, "posts", id="p2", title="Two", status="live", views=2, author=bob)
    room.accounts.create_admin("root@example.org", PASSWORD)
    _PEOPLE[id(room)] = {"ann": f"users/{ann}", "bob": f"users/{bob}"}
    return room


_PEOPLE = {}


def _create(room, name, **values):
    return room.records.create(name, values, actor=SYSTEM, facts=FACTS).id


@pytest.fixture
def people(room):
    return _PEOPLE[id(room)]


@pytest.fixture
def door(room):
    return client(room)


@pytest.fixture
def admin(door):
    answer = door.post("/api/v1/auth/_admins/sign-in", json={"identity": "root@example.org", "password": PASSWORD})
    return {"Authorization": f"Bearer {answer.get_json()['access_token']}"}


@pytest.fixture
def why(door, admin):
    def ask(**question):
        answer = door.post("/api/v1/collections/posts/why", json=question, headers=admin)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.get_json()

    return ask


@pytest.fixture
def explain(door, admin):
    def ask(query, collection="posts"):
        answer = door.get(f"/api/v1/collections/{collection}/explain?{query}", headers=admin)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.get_json()

    return ask


# --- why


def because(told, what):
    return next(each["because"] for each in told["judged"] if each["what"] == what)


def test_the_part_that_is_false_is_named_with_its_values(why, people):
    told = why(action="update", id="p1", **{"as": people["bob"]}, values={"views": 5})
    assert (told["allowed"], told["reason"]) == (False, "refused_by_update_rule")
    assert because(told, "update rule") == ["author = @request.auth.id"]
    part = told["judged"][0]["parts"]["parts"][0]
    assert part["values"] == {"author": people["ann"].removeprefix("users/"), "@request.auth.id": people["bob"].removeprefix("users/")}
    assert "`author = @request.auth.id` is false" in told["detail"]


def test_what_is_allowed_is_allowed(why, people):
    told = why(action="update", id="p1", **{"as": people["ann"]}, values={"title": "Won", "grade": 3})
    assert told["allowed"]
    assert [each["holds"] for each in told["judged"]] == [True, True]


def test_a_negation_is_blamed_as_a_whole(why, people):
    told = why(action="update", id="p2", **{"as": people["bob"]}, values={"title": "Too"})
    assert because(told, "update rule") == ["!(status = 'live' && @request.body.title:isset = true)"]


def test_the_write_rule_of_a_field_is_asked(why, people):
    told = why(action="update", id="p2", **{"as": people["bob"]}, values={"grade": 3})
    assert told["reason"] == "refused_by_write_rule"
    assert because(told, "write rule of grade") == ["author.vip = true"]


def test_every_alternative_of_a_list_rule_is_blamed(why):
    told = why(action="list", id="p1", **{"as": "guest"})
    assert because(told, "list rule") == ["status = 'live'", "author = @request.auth.id"]
    assert told["judged"][0]["parts"]["parts"][0]["values"] == {"status": "draft"}


def test_a_filter_is_asked_as_its_client_would(why, people):
    told = why(action="list", id="p2", **{"as": people["bob"]}, filter="views > 1 && title ~ 'one'")
    assert told["reason"] == "refused_by_filter"
    assert because(told, "filter") == ["title ~ 'one'"]


def test_elements_that_do_not_come_together_are_blamed_together(why):
    """One tag is hot, the other one is called new, none is both."""
    told = why(action="list", id="p1", filter="tags.hot ?= true && tags.label ?= 'new'")
    assert because(told, "filter") == ["tags.hot ?= true && tags.label ?= 'new'"]


def test_a_locked_rule_says_so(why, people):
    told = why(action="delete", id="p1", **{"as": people["ann"]})
    assert told["reason"] == "admins_only"
    assert told["judged"] == [{"what": "delete rule", "text": None, "holds": False}]
    assert "only admins" in told["detail"]


def test_a_create_is_judged_with_its_defaults_and_checks(why, people):
    own = {"as": people["ann"]}
    author = people["ann"].removeprefix("users/")
    assert because(why(action="create", **own, values={"author": author, "views": 11}), "create rule") == ["views < 10"]
    assert why(action="create", **own, values={"author": author, "views": 1})["allowed"]
    told = why(action="create", **own, values={"author": author, "views": 1, "price": "-1.00"})
    assert (told["reason"], because(told, "check of priced")) == ("refused_by_check", ["price >= 0", "price = null"])
    assert told["judged"][-1]["parts"]["parts"][0]["values"] == {"price": "-1.00"}


def test_a_record_that_is_not_there_is_told(why):
    assert why(action="view", id="nobody")["reason"] == "no_such_record"


def test_nothing_is_changed_by_asking(door, admin, why, people):
    before = door.get("/api/v1/collections/posts/records?count=exact", headers=admin).get_json()
    why(action="update", id="p1", **{"as": people["ann"]}, values={"title": "Won"})
    why(action="create", **{"as": people["ann"]}, values={"author": people["ann"].removeprefix("users/"), "views": 1})
    assert door.get("/api/v1/collections/posts/records?count=exact", headers=admin).get_json() == before


WRONG = [
    ({}, "/action"),
    ({"action": "steal"}, "/action"),
    ({"action": "view"}, "/id"),
    ({"action": "create", "id": "p1"}, "/id"),
    ({"action": "view", "id": "p1", "filter": "views > 1"}, "/filter"),
    ({"action": "view", "id": "p1", "values": {}}, "/values"),
    ({"action": "update", "id": "p1", "values": []}, "/values"),
    ({"action": "view", "id": 7}, "/id"),
    ({"action": "view", "id": "p1", "as": "ann"}, "/as"),
    ({"action": "view", "id": "p1", "headers": {"x": 1}}, "/headers"),
    ({"action": "view", "id": "p1", "actor": "guest"}, "/actor"),
]


@pytest.mark.sqlite_suffices
@pytest.mark.parametrize(("question", "pointer"), WRONG, ids=lambda each: str(each))
def test_a_question_that_is_none_is_refused_by_name(door, admin, question, pointer):
    answer = door.post("/api/v1/collections/posts/why", json=question, headers=admin)
    assert answer.status_code == 400
    assert [each["pointer"] for each in answer.get_json()["errors"]] == [pointer]


def test_an_account_that_is_not_there_is_not_guessed(door, admin):
    for who in ("users/nobody", "posts/p1", "nothing/x"):
        answer = door.post("/api/v1/collections/posts/why", json={"action": "view", "id": "p1", "as": who}, headers=admin)
        assert answer.status_code == 404


def test_nobody_else_is_told_anything(door, room):
    token = door.post("/api/v1/auth/users/sign-in", json={"identity": "ann@example.org", "password": PASSWORD}).get_json()["access_token"]
    ann = {"Authorization": f"Bearer {token}"}
    for name in ("posts", "nothing"):
        for headers, status in (({}, 401), (ann, 403)):
            assert door.get(f"/api/v1/collections/{name}/explain", headers=headers).status_code == status
            answer = door.post(f"/api/v1/collections/{name}/why", json={"action": "view", "id": "p1"}, headers=headers)
            assert answer.status_code == status


# --- the development log


def test_the_log_is_told_which_part_refused(room, door):
    token = door.post("/api/v1/auth/users/sign-in", json={"identity": "bob@example.org", "password": PASSWORD}).get_json()["access_token"]
    bob, path = {"Authorization": f"Bearer {token}"}, "/api/v1/collections/posts/records"
    room.observer.observations.clear()
    room.observer.curious = True
    assert door.patch(f"{path}/p1", json={"views": 5}, headers=bob).status_code == 404
    assert door.patch(f"{path}/nobody", json={"views": 5}, headers=bob).status_code == 404
    assert door.post(path, json={"views": 11}, headers=bob).status_code == 403
    refused = [each for each in room.observer.observations if isinstance(each, RequestRefusedByRule)]
    assert [(each.action, each.because) for each in refused] == [
        ("update", ("author = @request.auth.id",)),
        ("update", ("there is no such record",)),
        ("create", ("author = @request.auth.id", "views < 10")),
    ]


# --- explain


@pytest.fixture(scope="module")
def many(room):
    """Enough records that an index is worth its while on either engine."""
    fields = [{"name": "kind", "type": "text"}, {"name": "weight", "type": "integer"}]
    room.collections.create({"name": "things", "fields": fields}, actor=SYSTEM)
    rows = [{"kind": f"k{at % 500}", "weight": at} for at in range(4000)]
    with room.imports.begin("things", None, Options(), actor=SYSTEM) as judged:
        room.imports.judge(judged, [Row(at, row) for at, row in enumerate(rows)])
        room.imports.keep(judged)


def test_the_missing_index_is_suggested_and_then_used(room, many, explain):
    query = "filter=" + quote("kind = 'k7' && weight > 10")
    told = explain(query, "things")
    assert told["scans"] == ["things"]
    assert told["suggestions"][0]["index"] == {"fields": ["kind", "weight"]}
    assert told["conditions"][0]["text"] == "kind = 'k7' && weight > 10"
    assert "k7" not in told["statement"]["sql"]
    assert "k7" in told["statement"]["parameters"].values()

    room.collections.change("things", {"indexes": [{"fields": ["kind", "weight"]}]}, actor=SYSTEM)
    told = explain(query, "things")
    assert told["scans"] == []
    assert {"collection": "things", "fields": ["kind", "weight"]} in told["indexes"]
    assert told["suggestions"] == [] or not any(each["index"]["fields"][0] == "kind" for each in told["suggestions"])


def test_an_order_that_has_to_be_sorted_is_told(many, explain):
    told = explain("sort=-weight", "things")
    assert told["sorts"]
    assert {"collection": "things", "index": {"fields": ["weight"]}} in [
        {name: each[name] for name in ("collection", "index")} for each in told["suggestions"]
    ]


def test_a_list_is_explained_for_another(explain, people):
    told = explain(f"as={people['ann']}&filter=" + quote("views > 1"))
    assert [each["what"] for each in told["conditions"]] == ["rule", "filter"]
    assert told["as"]["id"] == people["ann"].removeprefix("users/")
    assert people["ann"].removeprefix("users/") in told["statement"]["parameters"].values()
    assert told["chooses"] == "by these conditions"


def test_what_a_request_decides_alone_is_told(explain):
    assert explain("", "tags")["chooses"] == "every record"


def test_the_list_is_refused_as_it_would_be(door, admin):
    answer = door.get("/api/v1/collections/posts/explain?filter=titel%3D1", headers=admin)
    assert answer.status_code == 400
    assert "titel" in answer.get_json()["detail"]
    assert door.get("/api/v1/collections/tags/explain?as=guest", headers=admin).status_code == 404
