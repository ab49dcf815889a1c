"""Plan, history and undo over HTTP, on every database."""

import pytest

from app import testing
from domain.actor import SYSTEM
from domain.rules.values import RequestFacts
from tests.api.doors import problem

PATH = "/api/v1/collections"
FACTS = RequestFacts("POST")
FIELDS = [{"name": "title", "type": "text"}, {"name": "views", "type": "integer"}]
ADMIN = {"email": "ann@example.org", "password": "correct horse battery"}


@pytest.fixture
def room(database_url):
    with testing.backend(database=database_url) as made:
        made.collections.create({"name": "posts", "fields": FIELDS, "rules": {"list": "views > 1"}}, actor=SYSTEM)
        for views in (1, 2, 3):
            made.records.create("posts", {"title": f"no {views}", "views": views}, actor=SYSTEM, facts=FACTS)
        yield made


@pytest.fixture
def client(room):
    return testing.client(room)


@pytest.fixture
def admin(room, client):
    room.accounts.create_admin(ADMIN["email"], ADMIN["password"])
    answer = client.post("/api/v1/auth/_admins/sign-in", json={"identity": ADMIN["email"], "password": ADMIN["password"]})
    return {"Authorization": f"Bearer {answer.get_json()['access_token']}"}


def fields(*changed):
    return {"fields": list(changed)}


RENAMED = fields(FIELDS[0], {"name": "reads", "type": "integer", "was": "views"})


def test_a_plan_tells_and_does_nothing(client, admin):
    before = client.get(f"{PATH}/posts", headers=admin).get_json()
    dropped = client.post(f"{PATH}/posts/plan", json=fields(FIELDS[1]), headers=admin).get_json()
    assert [(each["step"], each.get("field")) for each in dropped["steps"]] == [("drop_field", "title")]
    assert dropped["would_lose"] != []
    text = client.post(f"{PATH}/posts/plan", json=fields({"name": "title", "type": "integer"}, FIELDS[1]), headers=admin)
    assert text.status_code == 200
    assert "no 1" in text.get_data(as_text=True)  # the values that stand against it
    assert client.get(f"{PATH}/posts", headers=admin).get_json() == before


def test_a_plan_of_a_new_collection_makes_none(client, admin):
    planned = client.post(f"{PATH}/plan", json={"name": "notes", "fields": FIELDS}, headers=admin)
    assert planned.status_code == 200
    assert planned.get_json()["steps"][0]["step"] == "create_collection"
    assert client.get(f"{PATH}/notes", headers=admin).status_code == 404


def test_a_change_is_in_the_history_and_can_be_taken_back(client, admin):
    assert client.patch(f"{PATH}/posts", json=RENAMED, headers=admin).status_code == 200
    assert client.get(f"{PATH}/posts/records?filter=reads=3").get_json()["items"][0]["reads"] == 3
    newest = client.get(f"{PATH}/changes?limit=1", headers=admin).get_json()
    assert newest["items"][0]["renamed"] == {"views": "reads"}
    assert newest["items"][0]["by"]["collection"] == "_admins"
    older = client.get(f"{PATH}/changes?limit=1&cursor={newest['next']}", headers=admin).get_json()
    assert (older["items"][0]["action"], older["items"][0]["collection"]) == ("create", "posts")
    assert client.post(f"{PATH}/undo", headers=admin).status_code == 200
    assert [each["views"] for each in client.get(f"{PATH}/posts/records?sort=views").get_json()["items"]] == [2, 3]


def test_what_was_lost_is_not_taken_back(client, admin):
    refused = problem(client.patch(f"{PATH}/posts", json=fields(FIELDS[1]), headers=admin))
    assert (refused["status"], refused["code"]) == (409, "would_lose_data")
    assert client.patch(f"{PATH}/posts", json={**fields(FIELDS[1]), "drop": ["title"]}, headers=admin).status_code == 200
    refused = problem(client.post(f"{PATH}/undo", headers=admin))
    assert (refused["status"], refused["code"]) == (409, "not_undoable")


def test_a_plan_for_another_version_is_refused(client, admin):
    etag = client.get(f"{PATH}/posts", headers=admin).headers["ETag"]
    assert client.post(f"{PATH}/posts/plan", json=RENAMED, headers={**admin, "If-Match": etag}).status_code == 200
    client.patch(f"{PATH}/posts", json=RENAMED, headers=admin)
    assert client.post(f"{PATH}/posts/plan", json={"rules": {}}, headers={**admin, "If-Match": etag}).status_code == 412


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "plan"), ("POST", "posts/plan"), ("POST", "nothing/plan"), ("GET", "changes"), ("POST", "undo")]
)
def test_others_learn_nothing_and_do_nothing(client, admin, method, path):
    before = client.get(f"{PATH}/changes", headers=admin).get_json()
    told = problem(client.open(f"{PATH}/{path}", method=method, json=RENAMED if method == "POST" else None))
    assert told["status"] == 401
    assert "views" not in str(told)
    assert client.get(f"{PATH}/changes", headers=admin).get_json() == before


def test_unknown_names_are_refused_by_name(client, admin):
    assert problem(client.get(f"{PATH}/changes?page=1", headers=admin))["errors"][0]["pointer"] == "page"
    assert problem(client.post(f"{PATH}/posts/plan", json={"feilds": []}, headers=admin))["errors"][0]["pointer"] == "/feilds"
    assert problem(client.post(f"{PATH}/nothing/plan", json=RENAMED, headers=admin))["status"] == 404
    wrong = fields({"name": "reads", "type": "integer", "was": "vies"}, FIELDS[0])
    assert "views" in str(problem(client.post(f"{PATH}/posts/plan", json=wrong, headers=admin)))
