"""Old names of fields and collections go on being understood until their date, and answers that use them say so."""

from email.utils import parsedate_to_datetime

import pytest

from app.testing import backend, client
from domain.actor import SYSTEM
from domain.rules.values import RequestFacts

PATH = "/api/v1/collections"
USERS = {"name": "users", "type": "accounts", "fields": [{"name": "city", "type": "text"}], "rules": {"create": "", "list": "", "view": ""}}
POSTS = {
    "name": "articles",
    "fields": [
        {"name": "title", "type": "text", "max": 10},
        {"name": "views", "type": "integer"},
        {"name": "writer", "type": "relation", "collection": "users"},
        {"name": "draft", "type": "text", "rules": {"view": "@request.auth.id != ''"}},
        {"name": "secret", "type": "text", "hidden": True},
    ],
    "rules": {"list": "", "view": "", "create": "", "update": "", "delete": ""},
}
RENAMED = {
    "name": "posts",
    "fields": [
        {"name": "headline", "was": "title", "type": "text", "max": 10},
        {"name": "reads", "was": "views", "type": "integer"},
        {"name": "author", "was": "writer", "type": "relation", "collection": "users"},
        {"name": "outline", "was": "draft", "type": "text", "rules": {"view": "@request.auth.id != ''"}},
        {"name": "hidden", "was": "secret", "type": "text", "hidden": True},
    ],
    "aliases": [
        {"name": "articles", "until": "2027-01-31"},
        *({"name": old, "of": new, "until": "2027-01-31"}
          for old, new in (("title", "headline"), ("views", "reads"), ("writer", "author"), ("draft", "outline"), ("secret", "hidden"))),
    ],
}  # fmt: skip


@pytest.fixture
def room(database_url):
    with backend(database=database_url) as made:
        made.collections.create(USERS, actor=SYSTEM)
        made.collections.create(POSTS, actor=SYSTEM)
        facts = RequestFacts("POST")
        body = {"email": "ann@example.org", "password": "quiet river at dawn", "city": "Ulm"}
        ann = made.records.create("users", body, actor=SYSTEM, facts=facts).id
        record = {"id": "p1", "title": "Hello", "views": 3, "writer": ann, "draft": "later", "secret": "x"}
        made.records.create("articles", record, actor=SYSTEM, facts=facts)
        made.collections.change("articles", RENAMED, actor=SYSTEM)
        yield made


@pytest.fixture
def door(room):
    return client(room)


def listed(door, query="", name="posts"):
    answer = door.get(f"{PATH}/{name}/records?{query}")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_json()["items"]


def test_an_answer_holds_old_names_beside_the_present_ones(door):
    (found,) = listed(door)
    assert (found["headline"], found["title"], found["reads"], found["views"]) == ("Hello", "Hello", 3, 3)
    assert found == door.get(f"{PATH}/posts/records/p1").get_json()
    assert listed(door, "fields=title,reads") == [{"title": "Hello", "reads": 3}]
    assert listed(door, "fields=headline") == [{"headline": "Hello"}]


def test_what_an_actor_may_not_see_has_no_old_name_either(door):
    (found,) = listed(door)
    assert not {"draft", "outline", "secret", "hidden"} & set(found)
    for name in ("draft", "secret", "nothing"):
        answers = [door.get(f"{PATH}/posts/records?{query}") for query in (f"fields={name}", f"filter={name}%3D'x'", f"sort={name}")]
        assert [each.status_code for each in answers] == [400, 400, 400]
        assert [each.get_json()["errors"][0]["code"] for each in answers] == ["unknown_field"] * 3


def test_the_old_name_of_a_hidden_field_is_as_unknown_as_any(door):
    """A refusal does not tell what it is called now, neither by a text nor by being another one."""
    for method, path in (("POST", ""), ("PATCH", "/p1")):
        for body in ({"NAME": "q"}, {"NAME+": 1}, {"NAME": "q", "hidden": "q"}, {"headline": 5, "NAME": "q"}):

            def told(name, method=method, path=path, body=body):
                sent = {key.replace("NAME", name): value for key, value in body.items()}
                answer = door.open(f"{PATH}/posts/records{path}", method=method, json=sent)
                told = {key: value for key, value in answer.get_json().items() if key not in ("request_id", "hint")}
                return answer.status_code, str(told).replace(name, "…"), answer.headers.get("Deprecation")

            assert told("secret") == told("nothing")
            assert "hidden" in body or "hidden" not in told("secret")[1]


def test_no_header_tells_of_the_old_name_of_a_hidden_field(door):
    def told(name):
        answer = door.get(f"{PATH}/posts/records?fields=headline&filter=headline!='{name}'")
        assert answer.status_code == 200
        return answer.headers.get("Deprecation"), answer.headers.get("Sunset")

    assert told("secret") == told("draft") == told("nothing") == (None, None)


def test_a_closed_collection_does_not_tell_that_two_names_are_one(door, room):
    room.collections.change("posts", {"rules": dict.fromkeys(("list", "view", "create", "update", "delete"))}, actor=SYSTEM)
    closed, missing = (door.post(f"{PATH}/{name}/records", json={"title": "a", "headline": "b"}) for name in ("posts", "nothing"))
    assert (closed.status_code, closed.get_json()["detail"]) == (missing.status_code, missing.get_json()["detail"])


def test_texts_of_clients_may_use_old_names(door):
    assert [each["id"] for each in listed(door, "filter=views%3D3 %26%26 writer.city%3D'Ulm'")] == ["p1"]
    assert listed(door, "filter=views%3E3") == []
    assert len(listed(door, "sort=-views,title")) == 1
    (found,) = listed(door, "expand=writer")
    assert found["expand"]["writer"]["city"] == "Ulm"
    told = door.get(f"{PATH}/posts/records/aggregate?measures=sum:views&filter=title%3D'Hello'").get_json()
    assert list(told["items"][0].values()) == [3]


def test_bodies_may_use_old_names(door):
    made = door.post(f"{PATH}/posts/records", json={"title": "Two", "views": 1}).get_json()
    assert (made["headline"], made["title"]) == ("Two", "Two")
    changed = door.patch(f"{PATH}/posts/records/{made['id']}", json={"views+": 4}).get_json()
    assert (changed["reads"], changed["views"]) == (5, 5)


def test_a_fault_points_at_the_name_that_was_sent(door):
    answer = door.post(f"{PATH}/posts/records", json={"title": "much too long", "reads": "x"})
    assert {each["pointer"] for each in answer.get_json()["errors"]} == {"/title", "/reads"}


def test_both_names_of_a_field_are_refused(door):
    for body in ({"title": "a", "headline": "a"}, {"views+": 1, "reads": 2}):
        answer = door.patch(f"{PATH}/posts/records/p1", json=body)
        assert (answer.status_code, answer.get_json()["code"]) == (400, "contradiction")
    assert door.get(f"{PATH}/posts/records/p1").get_json()["version"] == 1


def test_the_old_name_of_a_collection_is_its_address_for_a_time(door, room):
    assert [each["id"] for each in listed(door, name="articles")] == ["p1"]
    made = door.post(f"{PATH}/articles/records", json={"id": "p2"})
    assert made.status_code == 201
    assert door.patch(f"{PATH}/articles/records/p2", json={"title": "x"}).status_code == 200
    gone = door.delete(f"{PATH}/articles/records/p2")
    assert (gone.status_code, "Sunset" in gone.headers) == (204, True)
    assert door.get(f"{PATH}/articles/records/aggregate").status_code == 200
    room.clock.advance(days=400)
    assert door.get(f"{PATH}/articles/records").status_code == 404


def test_answers_that_use_old_names_say_since_when_and_until_when(door):
    asked = ("articles/records?fields=headline", "posts/records", "posts/records/p1", "posts/records?fields=id&filter=views%3E0")
    for answer in (door.patch(f"{PATH}/posts/records/p1", json={"views": 1}), *(door.get(f"{PATH}/{each}") for each in asked)):
        assert answer.headers["Deprecation"].startswith("@")
        assert parsedate_to_datetime(answer.headers["Sunset"]).isoformat() == "2027-01-31T00:00:00+00:00"
        assert any('rel="deprecation"' in each for each in answer.headers.getlist("Link"))
    links = door.get(f"{PATH}/articles/records").headers.getlist("Link")
    assert '</api/v1/collections/posts/records>; rel="successor-version"' in links
    plain = door.get(f"{PATH}/posts/records?fields=headline&filter=reads%3E0")
    assert not {"Deprecation", "Sunset"} & set(plain.headers.keys())
    assert "Deprecation" not in door.get(f"{PATH}/users/records").headers


def test_they_end_when_their_time_is_over(door, room):
    before = door.get(f"{PATH}/posts/records/p1").headers["ETag"]
    assert listed(door, "filter=views%3D3")
    room.clock.advance(days=400)
    (found,) = listed(door)
    assert "title" not in found
    assert door.get(f"{PATH}/posts/records?filter=views%3D3").status_code == 400
    assert door.get(f"{PATH}/posts/records?fields=title").status_code == 400
    assert door.post(f"{PATH}/posts/records", json={"title": "x"}).status_code == 400
    answer = door.get(f"{PATH}/posts/records/p1", headers={"If-None-Match": before})
    assert (answer.status_code, "Sunset" in answer.headers) == (200, False)


def test_a_page_by_an_old_name_goes_on_by_the_new_one(door):
    for number in range(3):
        door.post(f"{PATH}/posts/records", json={"reads": number})
    first = door.get(f"{PATH}/articles/records?limit=2&sort=reads").get_json()
    second = door.get(f"{PATH}/posts/records?limit=2&sort=reads&cursor={first['next']}").get_json()
    assert len({each["id"] for each in first["items"] + second["items"]}) == 4


def test_an_alias_follows_the_next_rename_and_is_told_in_the_definition(room):
    told = room.collections.get("posts", actor=SYSTEM).definition()
    assert told["aliases"] == RENAMED["aliases"]
    fields = [{**each, **({"name": "heading", "was": "headline"} if each["name"] == "headline" else {})} for each in told["fields"]]
    changed = room.collections.change("posts", {"fields": fields}, actor=SYSTEM)
    assert next(each.of for each in changed.aliases if each.name == "title") == "heading"


def test_a_plan_is_content_with_an_alias(room):
    told = room.collections.get("posts", actor=SYSTEM).definition()
    fields = [{**each, **({"name": "heading", "was": "headline"} if each["name"] == "headline" else {})} for each in told["fields"]]
    plain = room.collections.plan_change("posts", {"fields": fields}, actor=SYSTEM).definition()["breaking"]
    kept = {"fields": fields, "aliases": [*told["aliases"], {"name": "headline", "of": "heading", "until": "2027-06-30"}]}
    eased = room.collections.plan_change("posts", kept, actor=SYSTEM).definition()["breaking"]
    assert [each["weight"] for each in plain] == ["breaks"]
    assert [(each["weight"], "2027-06-30" in each["what"]) for each in eased] == [("may break", True)]


WRONG = [
    ([{"name": "title", "of": "nothing", "until": "2027-01-31"}], "/aliases/0/of"),
    ([{"name": "reads", "of": "headline", "until": "2027-01-31"}], "/aliases/0/name"),
    ([{"name": "version", "of": "headline", "until": "2027-01-31"}], "/aliases/0/name"),
    ([{"name": "Title", "of": "headline", "until": "2027-01-31"}], "/aliases/0/name"),
    ([{"name": "title", "of": "headline", "until": "soon"}], "/aliases/0/until"),
    ([{"name": "title", "of": "headline", "until": "2027-02-31"}], "/aliases/0/until"),
    ([{"name": "title", "of": "headline"}], "/aliases/0/until"),
    ([{"name": "users", "until": "2027-01-31"}], "/aliases/0/name"),
    ([{"name": "posts", "until": "2027-01-31"}], "/aliases/0/name"),
    ([{"name": "title", "of": "headline", "till": "2027-01-31"}], "/aliases/0/till"),
    ([{"name": "a", "of": "headline", "until": "2027-01-31"}] * 2, "/aliases"),
    ("title", "/aliases"),
]


@pytest.mark.sqlite_suffices
@pytest.mark.parametrize(("aliases", "pointer"), WRONG)
def test_what_is_no_alias_is_refused_by_name(room, aliases, pointer):
    with pytest.raises(Exception) as refused:
        room.collections.change("posts", {"aliases": aliases}, actor=SYSTEM)
    assert [each.pointer for each in refused.value.faults] == [pointer]


def test_no_collection_takes_a_name_that_is_still_understood(room):
    from domain.errors import Conflict

    with pytest.raises(Conflict):
        room.collections.create({"name": "articles"}, actor=SYSTEM)
    room.collections.change("posts", {"aliases": []}, actor=SYSTEM)
    room.collections.create({"name": "articles"}, actor=SYSTEM)


def test_the_document_marks_old_names_as_deprecated(door, room):
    def properties(name):
        return door.get("/api/v1/openapi.json").get_json()["components"]["schemas"][name]["properties"]

    for name in ("Posts", "PostsCreate", "PostsChange"):
        assert properties(name)["title"] == {**properties(name)["headline"], "deprecated": True}
        assert "secret" not in properties(name)
    assert properties("PostsAdd")["views+"]["deprecated"]
    room.clock.advance(days=400)
    assert "title" not in properties("Posts")


def test_an_old_name_is_masked_as_the_field_is():
    """The record decides whether its value shows: no list, filter, sort, group or tag tells more by the old name."""
    answers = []
    for secret in ("cherry", "damson"):
        with backend(database="sqlite:///:memory:") as room:
            note = {"name": "note", "type": "text", "rules": {"view": "open = true"}}
            fields = [{"name": "open", "type": "bool"}, {"name": "title", "type": "text"}]
            room.collections.create({"name": "posts", "fields": [*fields, note], "rules": {"list": "", "view": ""}}, actor=SYSTEM)
            for id, shown, text in (("p1", True, "apple"), ("p2", False, secret)):
                values = {"id": id, "open": shown, "title": id, "note": text}
                room.records.create("posts", values, actor=SYSTEM, facts=RequestFacts("POST"))
            renamed = {"fields": [*fields, {**note, "name": "remark", "was": "note"}]}
            kept = [{"name": "note", "of": "remark", "until": "2027-01-31"}]
            room.collections.change("posts", {**renamed, "aliases": kept}, actor=SYSTEM)
            door, path = client(room), f"{PATH}/posts/records"
            asked = ["", "?sort=note", "?sort=-note,id", "?filter=note>'c'", "?filter=note='cherry'", "?filter=note!='damson'&count=exact",
                     "?fields=note,remark", "/p2", "/p2?fields=note", "/aggregate?group=note", "/aggregate?measures=max:note"]  # fmt: skip
            answers.append([(got.status_code, got.data, got.headers.get("ETag")) for got in (door.get(path + each) for each in asked)])
    assert [status for status, _, _ in answers[0]] == [200] * len(answers[0])
    assert answers[0] == answers[1]
    assert b"apple" in answers[0][0][1]
