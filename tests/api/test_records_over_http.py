"""Records and collections through the doors, over a whole backend in memory."""

import pytest

POSTS = {
    "fields": [
        {"name": "title", "type": "text", "required": True, "max": 20},
        {"name": "views", "type": "integer", "default": 0, "max": 10},
        {"name": "meta", "type": "json"},
        {"name": "draft", "type": "bool", "hidden": True},
    ],
    "rules": {"list": "", "view": "", "create": "", "update": "", "delete": ""},
}
RECORDS = "/api/v1/collections/posts/records"


@pytest.fixture
def posts(client, admin):
    made = client.post("/api/v1/collections", json={"name": "posts", **POSTS}, headers=admin)
    assert made.status_code == 201, made.get_json()
    return made


@pytest.fixture
def post(client, posts):
    answer = client.post(RECORDS, json={"title": "Hello", "meta": {"b": [1.50, None], "a": "é"}})
    assert answer.status_code == 201, answer.get_json()
    return answer


def test_what_was_written_is_read_back(client, post):
    record = post.get_json()
    assert (record["title"], record["views"], record["meta"], record["version"]) == ("Hello", 0, {"b": [1.5, None], "a": "é"}, 1)
    assert "draft" not in record
    shown = client.get(post.headers["Location"])
    assert (shown.get_json(), shown.headers["ETag"]) == (record, post.headers["ETag"])


def test_a_tag_holds_until_the_record_changes(client, post):
    place, tag = post.headers["Location"], post.headers["ETag"]
    assert client.get(place, headers={"If-None-Match": tag}).status_code == 304
    changed = client.patch(place, json={"views+": 2}, headers={"If-Match": tag})
    assert (changed.status_code, changed.get_json()["views"], changed.get_json()["version"]) == (200, 2, 2)
    assert client.get(place, headers={"If-None-Match": tag}).status_code == 200
    for stale in (tag, "W/" + changed.headers["ETag"], '"another"'):
        assert client.patch(place, json={"views+": 2}, headers={"If-Match": stale}).status_code == 412
        assert client.delete(place, headers={"If-Match": stale}).status_code == 412
    assert client.get(place).get_json()["views"] == 2
    assert client.delete(place, headers={"If-Match": f'{tag}, {changed.headers["ETag"]}'}).status_code == 204
    assert client.get(place).status_code == 404


def test_a_tag_changes_with_the_schema(client, post, admin):
    place = post.headers["Location"]
    field = {"name": "more", "type": "text"}
    assert client.patch("/api/v1/collections/posts", json={"fields": [*POSTS["fields"], field]}, headers=admin).status_code == 200
    again = client.get(place, headers={"If-None-Match": post.headers["ETag"]})
    assert (again.status_code, again.get_json()["more"]) == (200, None)
    assert client.patch(place, json={"more": "x"}, headers={"If-Match": post.headers["ETag"]}).status_code == 200


@pytest.mark.parametrize(("fields", "hint"), [
    ("*", "without `fields` an answer holds all of them"),
    ("title,expand.author.name", "`fields` names the record's own fields; what `expand` adds comes whole"),
    ("titel", "did you mean `title`?"),
])  # fmt: skip
def test_names_that_fields_does_not_take_are_answered_with_what_it_takes(client, post, fields, hint):
    assert client.get(f"/api/v1/collections/posts/records?fields={fields}").get_json()["hint"] == hint


def test_an_expanded_answer_has_no_tag_and_a_chosen_one_its_own(client, post):
    place = post.headers["Location"]
    chosen = client.get(f"{place}?fields=title")
    assert (chosen.get_json(), chosen.headers["ETag"] == post.headers["ETag"]) == ({"title": "Hello"}, False)


def test_a_list_is_walked_by_its_links(client, posts):
    for n in range(7):
        client.post(RECORDS, json={"title": f"Post {n}", "views": n})
    seen, url = [], f"{RECORDS}?filter=views%3E0+%26%26+views%3C6&sort=-views&limit=2&count=exact"
    while url:
        answer = client.get(url)
        seen += [each["views"] for each in answer.get_json()["items"]]
        assert answer.get_json()["total"] == 5
        url = answer.headers["Link"].partition(">")[0][1:] if "Link" in answer.headers else None
    assert seen == [5, 4, 3, 2, 1]
    assert [each["views"] for each in client.get(f"{RECORDS}?sort=views&limit=3&page=3").get_json()["items"]] == [6]


REFUSED = [
    ("POST", RECORDS, {"title": "x", "titel": "x"}, "/titel"),
    ("POST", RECORDS, {}, "/title"),
    ("POST", RECORDS, {"title": 1}, "/title"),
    ("POST", RECORDS, {"title": {"$ne": ""}}, "/title"),
    ("POST", RECORDS, {"title": []}, "/title"),
    ("POST", RECORDS, {"title": "x" * 21}, "/title"),
    ("POST", RECORDS, {"title": "x", "version": 7}, "/version"),
    ("POST", RECORDS, {"title": "x", "created": "2020-01-01T00:00:00.000Z"}, "/created"),
    ("POST", RECORDS, {"title": "x", "draft": True}, "/draft"),
    ("POST", RECORDS, {"title": "x", "id": "../x"}, "/id"),
    ("POST", RECORDS, {"title": "x", "views": 2**63}, "/views"),
    ("POST", RECORDS, {"title": "x", "views": "1"}, "/views"),
    ("POST", RECORDS, {"title": "x", "views": 1.5}, "/views"),
    ("POST", RECORDS, {"title": "x", "views+": 1}, "/views+"),
    ("POST", RECORDS, {"title": "x", "a/b~c": 1}, "/a~1b~0c"),
    ("GET", f"{RECORDS}?filter=titel='x'", None, "filter"),
    ("GET", f"{RECORDS}?filter=draft=true", None, "filter"),
    ("GET", f"{RECORDS}?sort=titel", None, "sort"),
    ("GET", f"{RECORDS}?fields=draft", None, "fields"),
    ("GET", f"{RECORDS}?expand=title", None, "expand"),
    ("GET", f"{RECORDS}?cursor=xyz", None, "cursor"),
]


@pytest.mark.parametrize("method, path, body, pointer", REFUSED)
def test_a_wrong_request_is_told_where_it_is_wrong(client, posts, method, path, body, pointer):
    answer = client.open(path, method=method, json=body)
    assert (answer.status_code, [each["pointer"] for each in answer.get_json()["errors"]]) == (400, [pointer])


def test_hidden_and_missing_fields_are_told_alike(client, posts):
    hidden = client.get(f"{RECORDS}?filter=draft=true").get_json()
    missing = client.get(f"{RECORDS}?filter=drift=true").get_json()
    told = [{key: each[key] for key in ("code", "status")} for each in (hidden, missing)]
    assert told[0] == told[1]
    assert hidden["detail"].replace("draft", "drift") == missing["detail"]


def test_collections_are_for_admins(client, posts):
    for method, path in [("GET", "/api/v1/collections"), ("GET", "/api/v1/collections/posts"), ("DELETE", "/api/v1/collections/posts")]:
        answer = client.open(path, method=method)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_a_collection_is_changed_at_the_version_that_was_read(client, posts, admin):
    place, tag = posts.headers["Location"], posts.headers["ETag"]
    changed = client.patch(place, json={"rules": {"delete": None}}, headers={**admin, "If-Match": tag})
    assert (changed.status_code, changed.get_json()["version"]) == (200, 2)
    assert client.patch(place, json={"rules": {"delete": ""}}, headers={**admin, "If-Match": tag}).status_code == 412
    assert client.delete(place, headers={**admin, "If-Match": tag}).status_code == 412
    assert client.delete(place, headers={**admin, "If-Match": changed.headers["ETag"]}).status_code == 204
    assert client.get(RECORDS).status_code == 404
