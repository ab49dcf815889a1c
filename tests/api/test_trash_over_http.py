"""The trash over HTTP: its answers, and that it tells nothing to anybody but admins."""

from contextlib import nullcontext
from unittest.mock import Mock

import pytest
from click.testing import CliRunner

from adapters.inbound.cli.commands import Actions, commands
from app import testing
from domain.actor import SYSTEM
from domain.rules.values import RequestFacts
from tests.api.doors import problem

PATH = "/api/v1/collections"
FACTS = RequestFacts("POST")


@pytest.fixture
def posts(collection):
    """Open to everyone in every way, and with a trash."""
    fields = [{"name": "title", "type": "text"}, {"name": "note", "type": "text", "hidden": True}]
    return collection("posts", fields=fields, rules=dict.fromkeys(("list", "view", "create", "update", "delete"), ""), trash={"days": 7})


@pytest.fixture
def gone(posts, client):
    """The id of a record that a guest made and deleted."""
    made = client.post(f"{PATH}/posts/records", json={"title": "Hello"})
    assert client.delete(f"{PATH}/posts/records/{made.get_json()['id']}").status_code == 204
    return made.get_json()["id"]


@pytest.fixture
def people(backend, client, admin):
    """Headers by who asks."""
    backend.collections.create({"name": "users", "type": "accounts", "rules": {"create": ""}}, actor=SYSTEM)
    credentials = {"email": "bob@example.org", "password": "a quiet room at the back"}
    backend.records.create("users", credentials, actor=SYSTEM, facts=FACTS)
    signed = client.post("/api/v1/auth/users/sign-in", json={"identity": credentials["email"], "password": credentials["password"]})
    return {"guest": {}, "account": {"Authorization": f"Bearer {signed.get_json()['access_token']}"}, "admin": admin}


def test_an_entry_is_listed_restored_and_gone(client, admin, gone):
    (entry,) = client.get(f"{PATH}/posts/trash", headers=admin).get_json()["items"]
    assert (entry["record"]["id"], entry["record"]["title"], entry["record"]["note"]) == (gone, "Hello", None)
    assert entry["deleted_by"] == {"kind": "guest", "collection": None, "id": None}
    answer = client.post(f"{PATH}/posts/trash/{gone}/restore", headers=admin)
    assert answer.status_code == 200
    told = answer.get_json()
    assert (told["restored"], told["relations"], told["lost"]) == ({"posts": 1}, 0, [])
    assert told["record"]["version"] == 2
    assert client.get(f"{PATH}/posts/records/{gone}").get_json()["title"] == "Hello"
    again = problem(client.post(f"{PATH}/posts/trash/{gone}/restore", headers=admin))
    assert (again["status"], again["code"]) == (404, "not_found")


def test_who_deleted_it_is_told(client, people, posts):
    made = client.post(f"{PATH}/posts/records", json={})
    client.delete(f"{PATH}/posts/records/{made.get_json()['id']}", headers=people["account"])
    (entry,) = client.get(f"{PATH}/posts/trash", headers=people["admin"]).get_json()["items"]
    assert (entry["deleted_by"]["kind"], entry["deleted_by"]["collection"]) == ("account", "users")


def test_pages_follow_the_link(client, admin, posts):
    for _ in range(3):
        made = client.post(f"{PATH}/posts/records", json={})
        client.delete(f"{PATH}/posts/records/{made.get_json()['id']}")
    first = client.get(f"{PATH}/posts/trash?limit=2", headers=admin)
    assert len(first.get_json()["items"]) == 2
    link = first.headers["Link"].partition(">")[0][1:]
    rest = client.get(link, headers=admin)
    assert (len(rest.get_json()["items"]), rest.get_json()["next"], "Link" in rest.headers) == (1, None, False)


ASKED = [
    ("GET", "{c}/trash"),
    ("DELETE", "{c}/trash"),
    ("POST", "{c}/trash/{id}/restore"),
    ("DELETE", "{c}/trash/{id}"),
]


@pytest.mark.parametrize("method, path", ASKED)
@pytest.mark.parametrize("who, status", [("guest", 401), ("account", 403)])
def test_others_get_one_answer_whatever_they_name(client, people, gone, method, path, who, status):
    """An open collection, one that is not there, a record that is in the trash, one that is not, and what cannot be an id."""
    told = set()
    for c, id in [("posts", gone), ("posts", "nothing"), ("nowhere", gone), ("_admins", "a"), ("posts", "%20"), ("posts", "a" * 200)]:
        answer = problem(client.open(f"{PATH}/{path.format(c=c, id=id)}", method=method, headers=people[who]))
        told.add((answer["status"], answer["code"], answer["detail"], answer.get("hint")))
    assert len(told) == 1
    assert told.pop()[0] == status
    assert len(client.get(f"{PATH}/posts/trash", headers=people["admin"]).get_json()["items"]) == 1


@pytest.mark.parametrize("method, path", ASKED)
def test_a_token_that_was_ended_opens_nothing(client, backend, admin, gone, method, path):
    me = client.get("/api/v1/auth/_admins/me", headers=admin).get_json()["id"]
    backend.records.update("_admins", me, {"password": "another room by the sea"}, actor=SYSTEM, facts=FACTS)
    answer = problem(client.open(f"{PATH}/{path.format(c='posts', id=gone)}", method=method, headers=admin))
    assert (answer["status"], answer["code"]) == (401, "session_ended")
    assert len(backend.trash.list("posts", limit=5, actor=SYSTEM).entries) == 1


@pytest.mark.parametrize("path, code", [
    ("posts/trash?limt=3", "unknown_parameter"),
    ("posts/trash?limit=0", "invalid_parameter"),
    ("posts/trash?limit=501", "invalid_parameter"),
    ("posts/trash?cursor=%27%20OR%201=1--", "invalid_cursor"),
    ("posts/trash?cursor=" + "a" * 65, "invalid_cursor"),
    ("nowhere/trash", "not_found"),
])  # fmt: skip
def test_typos_of_admins_are_answered(client, admin, gone, path, code):
    assert problem(client.get(f"{PATH}/{path}", headers=admin))["code"] == code


def test_a_relation_that_cannot_be_left_empty_is_answered_with_what_was_meant(client, admin, collection):
    collection("users", trash={"days": 1})
    collection("notes", fields=[{"name": "author", "type": "relation", "collection": "users"}], trash={"days": 1})
    made = client.post(f"{PATH}/notes/records", json={}, headers=admin).get_json()["id"]
    client.delete(f"{PATH}/notes/records/{made}", headers=admin)
    told = problem(client.post(f"{PATH}/notes/trash/{made}/restore?clear=autor", headers=admin))
    assert (told["code"], told["hint"]) == ("unknown_field", "did you mean `author`?")


def test_what_others_see_does_not_depend_on_the_trash(client, people, gone):
    """Neither an id, nor a unique value, nor a count tells whether something was deleted before."""
    for headers in (people["guest"], people["account"]):
        assert client.get(f"{PATH}/posts/records/{gone}", headers=headers).get_json()["code"] == "not_found"
        assert client.get(f"{PATH}/posts/records?count=exact", headers=headers).get_json() == {"items": [], "next": None, "total": 0}
    assert client.post(f"{PATH}/posts/records", json={"id": gone}).status_code == 201


def test_erased_data_is_nowhere_in_the_database(tmp_path):
    """X08: what is emptied from the trash is gone from every table, and from the file."""
    with testing.backend(database=f"sqlite:///{tmp_path}/data.db") as room:
        name = "Zebedee Quill of Nowhere"
        room.collections.create({"name": "people", "fields": [{"name": "name", "type": "text"}], "trash": {"days": 7}}, actor=SYSTEM)
        note = {"name": "about", "type": "relation", "collection": "people", "on_delete": "cascade"}
        room.collections.create({"name": "notes", "fields": [note, {"name": "text", "type": "text"}], "trash": {"days": 7}}, actor=SYSTEM)
        person = room.records.create("people", {"name": name}, actor=SYSTEM, facts=FACTS).id
        room.records.create("notes", {"about": person, "text": f"met {name}"}, actor=SYSTEM, facts=FACTS)
        room.records.delete("people", person, actor=SYSTEM, facts=FACTS)
        assert name.encode() in everything(tmp_path)
        room.trash.remove("people", person, actor=SYSTEM)
        assert room.trash.list("notes", limit=5, actor=SYSTEM).entries == []
    assert name.encode() not in everything(tmp_path)  # closing it has written the log back


def everything(folder):
    return b"".join(file.read_bytes() for file in folder.iterdir())


def test_the_command_does_one_round(backend, collection):
    collection("offers", fields=[{"name": "ends", "type": "date"}], expires={"field": "ends"}, trash={"days": 1})
    backend.records.create("offers", {"ends": "2020-01-01"}, actor=SYSTEM, facts=FACTS)
    actions = Mock(spec=Actions, housekeeping=lambda: nullcontext(backend.housekeeping))
    done = CliRunner().invoke(commands(actions), ["housekeeping"])
    assert (done.exit_code, done.output) == (0, "1 record expired, 0 records purged from the trash.\n")
