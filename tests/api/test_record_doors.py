"""What the records door makes of a request and of an answer. What records are is told elsewhere."""

import json

import orjson
import pytest

from app.usecases.idempotency import unkept
from domain.actor import GUEST, account
from domain.records.changes import IfMatch
from domain.records.page import ListQuery, Page, Shown
from tests.api.doors import NAMES, POSTS, ROW, SHOWN, Asked, client, collections, problem, records

RECORDS = "/api/v1/collections/posts/records"
ONE = f"{RECORDS}/r1"
BEARER = {"Authorization": "Bearer anns"}


def asked(method, path, asks=None, **sent):
    asks = asks or records()
    answer = client(records=asks).open(path, method=method, **sent)
    assert answer.status_code < 300, answer.get_data(as_text=True)
    call, = asks.calls
    return call


LISTS = [
    ("", ListQuery()),
    ("?filter=views%3E10+%26%26+a%3D'b'", ListQuery(filter="views>10 && a='b'")),
    ("?sort=-views,title&limit=500", ListQuery(sort="-views,title", limit=500)),
    ("?cursor=abc&count=exact", ListQuery(cursor="abc", count=True)),
    ("?page=2&count=none&expand=author,tags&fields=id", ListQuery(page=2, expand="author,tags", fields="id")),
    ("?filter=&sort=", ListQuery()),
    ("?filter=%F0%9F%99%82%2B+%2525", ListQuery(filter="🙂+ %25")),
    ("?filter=é", ListQuery(filter="é")),
    ("?&filter=x&", ListQuery(filter="x")),
]


@pytest.mark.parametrize("query, meant", LISTS)
def test_a_list_asks_for_what_the_query_says(query, meant):
    name, (collection, given), named = asked("GET", RECORDS + query)
    assert (name, collection, given, named["actor"]) == ("list", "posts", meant, GUEST)


REFUSED_QUERIES = [
    (RECORDS, "?filtre=x", "filtre", "did you mean `filter`?"),
    (RECORDS, "?Filter=x", "Filter", None),
    (RECORDS, "?perPage=3", "perPage", "did you mean `limit`?"),
    (RECORDS, "?skipTotal=1", "skipTotal", "did you mean `count`?"),
    (RECORDS, "?filter=a&filter=b", "filter", None),
    (RECORDS, "?filter[a]=1", "filter[a]", None),
    (RECORDS, "?filter[]=1", "filter[]", None),
    (RECORDS, "?filter=a && b", " b", "inside a filter, && must be sent as %26%26"),
    (RECORDS, "?filter=%ff", "filter", None),
    (RECORDS, "?filter=%c0%af", "filter", None),
    (RECORDS, "?filter=%ed%a0%80", "filter", None),
    (RECORDS, "?filter=a%00b", "filter", None),
    (RECORDS, "?%ff=1", "", None),
    (RECORDS, "?limit=0", "limit", None),
    (RECORDS, "?limit=501", "limit", None),
    (RECORDS, "?limit=-1", "limit", None),
    (RECORDS, "?limit=1e2", "limit", None),
    (RECORDS, "?limit=+5", "limit", None),
    (RECORDS, "?limit=", "limit", None),
    (RECORDS, "?limit=%EF%BC%91", "limit", None),
    (RECORDS, "?limit=99999999999999999999", "limit", None),
    (RECORDS, "?page=0", "page", None),
    (RECORDS, "?page=1000001", "page", None),
    (RECORDS, "?page=1&cursor=x", "page", None),
    (RECORDS, "?count=yes", "count", None),
    (RECORDS, "?__proto__=1", "__proto__", None),
    (ONE, "?limit=1", "limit", "known are expand, fields"),
    ("/api/v1/collections", "?fields=name", "fields", "this takes none"),
    ("/api/v1/collections/posts", "?fields=name", "fields", "this takes none"),
]


@pytest.mark.parametrize("path, query, parameter, hint", REFUSED_QUERIES)
def test_a_query_that_could_mean_something_else_is_refused_by_name(path, query, parameter, hint):
    asks = Asked()
    answer = client(records=asks, collections=asks).get(path + query)
    told = problem(answer)
    assert (answer.status_code, told["errors"][0]["pointer"]) == (400, parameter)
    assert hint is None or told["hint"] == hint


@pytest.mark.parametrize("query", ["?" + "&".join(f"a{n}=1" for n in range(60)), "?filter=" + "x" * 100_000])
def test_long_queries_are_refused(query):
    answer = client().get(RECORDS + query)
    assert (answer.status_code, problem(answer)["code"]) == (400, "query_too_long")


@pytest.mark.parametrize("method, path", [("POST", RECORDS), ("PATCH", ONE), ("DELETE", ONE)])
def test_writes_take_no_query(method, path):
    answer = client().open(f"{path}?expand=author", method=method, json={})
    assert (answer.status_code, problem(answer)["code"]) == (400, "unknown_parameter")


def test_a_page_answers_its_records_and_where_to_go_on():
    page = Page(NAMES, [ROW, ("r2", *ROW[1:])], [{"author": {"id": "a"}}, {}], "next-one", 12)
    answer = client(records=records(list=page)).get(f"{RECORDS}?filter=a%3D'%26'&page=3&limit=2")
    assert answer.get_json() == {
        "items": [
            {**dict(zip(NAMES, ROW)), "expand": {"author": {"id": "a"}}},
            {**dict(zip(NAMES, ROW)), "id": "r2", "expand": {}},
        ],
        "next": "next-one",
        "total": 12,
    }
    assert answer.headers["Link"] == f"<{RECORDS}?filter=a%3D%27%26%27&limit=2&cursor=next-one>; rel=\"next\""


def test_the_last_page_has_no_next_and_no_total_unless_asked():
    answer = client().get(RECORDS)
    assert (answer.get_json()["next"], "total" in answer.get_json(), "Link" in answer.headers) == (None, False, False)


def test_a_link_too_long_for_proxies_is_left_out():
    page = Page(NAMES, [], None, "x", None)
    answer = client(records=records(list=page)).get(f"{RECORDS}?filter={'y' * 3000}")
    assert (answer.get_json()["next"], "Link" in answer.headers) == ("x", False)


def test_raw_json_fields_are_answered_as_they_lie_in_the_database():
    shown = Shown("r1", 1, ROW[2], ("id", "meta"), ("r1", orjson.Fragment(b'{"n":12345678901234567890123}')), None, None)
    answer = client(records=records(get=shown)).get(ONE)
    assert answer.data == b'{"id":"r1","meta":{"n":12345678901234567890123}}'
    assert "ETag" not in answer.headers


def test_get_asks_for_one_record_with_fields_and_expand():
    assert asked("GET", f"{ONE}?fields=id&expand=author", headers=BEARER) == (
        "get", ("posts", "r1"), {"actor": account("ann", "users"), "facts": ANY_FACTS, "fields": "id", "expand": "author"},
    )  # fmt: skip


class _AnyFacts:
    def __eq__(self, other):
        return type(other).__name__ == "RequestFacts"

    __hash__ = None


ANY_FACTS = _AnyFacts()


def test_rules_may_ask_for_method_query_and_headers():
    _, _, named = asked("GET", f"{RECORDS}?sort=title", headers={"X-Team-Name": "blue", "Content-Type": "text/x"})
    facts = named["facts"]
    assert (facts.method, dict(facts.query), facts.context) == ("GET", {"sort": "title"}, "default")
    assert (facts.headers.get("x_team_name"), facts.headers.get("content_type"), facts.headers.get("x_other")) == ("blue", "text/x", None)
    assert facts.headers.get("X_TEAM_NAME") is None
    assert {"x_team_name", "content_type", "host"} <= set(facts.headers)
    assert len(facts.headers) == len(set(facts.headers))
    assert facts.headers.get("wsgi.input") is None


def test_create_answers_201_with_its_place_and_tag():
    asks = records()
    answer = client(records=asks).post(RECORDS, json={"title": "Hello"}, headers=BEARER)
    assert (answer.status_code, answer.get_json()) == (201, dict(zip(NAMES, ROW)))
    assert answer.headers["Location"] == ONE
    assert answer.headers["ETag"].startswith('"v3-20261122130000000-')
    named = {"actor": account("ann", "users"), "facts": ANY_FACTS, "keep": unkept, "new_id": ""}
    assert asks.calls == [("create", ("posts", {"title": "Hello"}), named)]


def test_delete_answers_204_and_nothing_else():
    answer = client().delete(ONE)
    assert (answer.status_code, answer.data, "Content-Type" in answer.headers) == (204, b"", False)


CREATED = "2026-11-22T13:00:00.000Z"
CONDITIONS = [
    (None, None),
    ("*", None),
    ('"v3-20261122130000000-0a0b0c0d"', (IfMatch(3, CREATED),)),
    ('"v3-20261122130000000"', (IfMatch(3, CREATED),)),
    ('"v3-20261122130000000-0a0b0c0d", "v12-20261122130000000-ffffffff"', (IfMatch(3, CREATED), IfMatch(12, CREATED))),
    (' , "v3-20261122130000000-0a0b0c0d" ,', (IfMatch(3, CREATED),)),
    ('W/"v3-20261122130000000-0a0b0c0d"', (IfMatch(0),)),
    ('"somebody-else\'s,with-a-comma"', (IfMatch(0),)),
    ('""', (IfMatch(0),)),
    ('"v0-20261122130000000-0a0b0c0d"', (IfMatch(0),)),
    ('"v99999999999999999999-20261122130000000"', (IfMatch(0),)),
    ('"v３-20261122130000000"'.encode().decode("latin-1"), (IfMatch(0),)),
]


@pytest.mark.parametrize("header, meant", CONDITIONS)
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_if_match_names_versions(method, header, meant):
    body = {"json": {"title": "Hi"}} if method == "PATCH" else {}
    _, _, named = asked(method, ONE, headers={} if header is None else {"If-Match": header}, **body)
    assert named["if_match"] == meant


@pytest.mark.parametrize("header", ["", "v3", '"v3', "*, \"v3\"", '"a" "b', "3", ",".join(['"x"'] * 51)])
@pytest.mark.parametrize("name, method", [("If-Match", "DELETE"), ("If-Match", "PATCH"), ("If-None-Match", "GET")])
def test_a_condition_that_is_none_is_refused(name, method, header):
    if name == "If-None-Match" and not header:
        return  # RFC 9110: an empty list of tags matches nothing, and nothing is lost by answering
    answer = client().open(ONE, method=method, headers={name: header}, json={} if method == "PATCH" else None)
    assert (answer.status_code, problem(answer)["code"]) == (400, "invalid_header")


def test_the_tag_of_a_get_is_understood_by_if_match():
    tag = client().get(ONE).headers["ETag"]
    _, _, named = asked("PATCH", ONE, json={}, headers={"If-Match": tag})
    assert named["if_match"] == (IfMatch(SHOWN.version, SHOWN.created),)


def test_a_get_is_answered_304_while_nothing_changed():
    door = client()
    first = door.get(ONE)
    tag = first.headers["ETag"]
    for header in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        again = door.get(ONE, headers={"If-None-Match": header})
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
        assert again.headers["Cache-Control"] == first.headers["Cache-Control"] == "private, no-cache"
        assert again.headers["Vary"] == "Authorization, Cookie"
    assert door.get(ONE, headers={"If-None-Match": '"v2-20261122130000000-00000000"'}).status_code == 200


OTHERS = [
    Shown("r1", 4, SHOWN.created, NAMES, ROW, None, "7p"),
    Shown("r1", 3, "2026-11-22T13:00:00.001Z", NAMES, ROW, None, "7p"),
    Shown("r1", 3, SHOWN.created, NAMES, ROW, None, "8p"),
    Shown("r1", 3, SHOWN.created, NAMES, ROW, None, "7a"),
    Shown("r1", 3, SHOWN.created, NAMES, ROW, None, "7pid,title"),
]


@pytest.mark.parametrize("shown", OTHERS)
def test_the_tag_changes_with_all_that_an_answer_depends_on(shown):
    assert client(records=records(get=shown)).get(ONE).headers["ETag"] != client().get(ONE).headers["ETag"]


IDS = [
    "../x", "..%2f..%2fx", "%2e%2e", ".", "a%2fb", "a b", "%00", "x" * 65, "x" * 4096,
    "é", "a.b", "a;b", "%0d%0aSet-Cookie:x", "'--", "a\\b",
]


@pytest.mark.parametrize("id", IDS)
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_what_cannot_be_an_id_is_not_found_and_not_looked_for(method, id):
    asks = Asked()
    answer = client(records=asks, collections=collections()).open(f"{RECORDS}/{id}", method=method, json={})
    assert (answer.status_code in (404, 405), asks.calls) == (True, [])
    problem(answer)


# --- collections

COLLECTION = "/api/v1/collections/posts"


def test_collections_are_listed_shown_made_changed_and_deleted():
    asks = collections()
    door = client(collections=asks)
    as_admin = {"headers": {"Authorization": "Bearer bobs"}}
    assert door.get("/api/v1/collections", **as_admin).get_json() == {"items": [POSTS.definition()]}
    shown = door.get(COLLECTION, **as_admin)
    assert shown.get_json() == POSTS.definition()
    made = door.post("/api/v1/collections", json={"name": "posts"}, **as_admin)
    assert (made.status_code, made.headers["Location"], made.headers["ETag"]) == (201, COLLECTION, shown.headers["ETag"])
    tag = {"If-Match": shown.headers["ETag"], "Authorization": "Bearer bobs"}
    assert door.patch(COLLECTION, json={"rules": {}}, headers=tag).status_code == 200
    assert door.delete(COLLECTION, headers=tag).status_code == 204
    assert door.get(COLLECTION, headers={"If-None-Match": shown.headers["ETag"]}).status_code == 304
    admin = account("bob", "_admins")
    asked = [(called, given, {name: value for name, value in named.items() if name != "facts"}) for called, given, named in asks.calls[:5]]
    assert [named["facts"].method for _, _, named in asks.calls[2:5]] == ["POST", "PATCH", "DELETE"]
    assert asked == [
        ("list", (), {"actor": admin}),
        ("get", ("posts",), {"actor": admin}),
        ("create", ({"name": "posts"},), {"actor": admin, "keep": unkept}),
        ("change", ("posts", {"rules": {}}), {"actor": admin, "keep": unkept, "if_match": (IfMatch(POSTS.version, POSTS.created),)}),
        ("delete", ("posts",), {"actor": admin, "keep": unkept, "if_match": (IfMatch(POSTS.version, POSTS.created),)}),
    ]


def test_a_collection_is_changed_without_a_condition_or_under_one():
    asks = collections()
    door = client(collections=asks)
    door.patch(COLLECTION, json={})
    door.patch(COLLECTION, json={}, headers={"If-Match": "*"})
    door.patch(COLLECTION, json={}, headers={"If-Match": '"other"'})
    assert [named["if_match"] for _, _, named in asks.calls] == [None, None, (IfMatch(0),)]


def test_a_definition_may_be_anything_that_json_says():
    asks = collections()
    client(collections=asks).post("/api/v1/collections", data=json.dumps([1]), content_type="application/json")
    assert asks.calls[0][1] == ([1],)


def test_a_parameter_that_a_rule_reads_is_let_through(client, collection):
    collection("letters", fields=[{"name": "key", "type": "text"}], rules={"list": "key = @request.query.key", "create": ""})
    for key in ("one", "two"):
        assert client.post("/api/v1/collections/letters/records", json={"key": key}).status_code == 201
    found = client.get("/api/v1/collections/letters/records?key=two")
    assert [item["key"] for item in found.get_json()["items"]] == ["two"]
    assert client.get("/api/v1/collections/letters/records").get_json()["items"] == []
    refused = client.get("/api/v1/collections/letters/records?kee=two")
    assert (refused.status_code, refused.get_json()["code"]) == (400, "unknown_parameter")
