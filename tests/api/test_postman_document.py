"""The document for Postman over HTTP: its tag, who it is for, and that it is of the form that Postman reads."""

from app.testing import backend, client
from domain.actor import SYSTEM

PATH = "/api/v1/postman.json"
SECRETS = {"name": "secrets", "fields": [{"name": "line", "type": "text"}]}
NOTES = {
    "name": "notes",
    "fields": [
        {"name": "about", "type": "relation", "collection": "topics", "required": True, "on_delete": "cascade"},
        {"name": "text", "type": "text"}, {"name": "inside", "type": "text", "hidden": True},
    ],
    "rules": {"list": "", "create": "@request.auth.id != ''"},
}  # fmt: skip
TOPICS = {"name": "topics", "fields": [{"name": "name", "type": "text"}], "rules": {"list": "", "create": ""}}


def test_it_is_revalidated_and_nobody_else_keeps_it():
    with backend() as room:
        door = client(room)
        first = door.get(PATH)
        assert (first.headers["Cache-Control"], first.headers["Vary"]) == ("private, no-cache", "Authorization, Cookie")
        again = door.get(PATH, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        room.collections.create(TOPICS, actor=SYSTEM)
        assert door.get(PATH, headers={"If-None-Match": first.headers["ETag"]}).status_code == 200
        assert door.get(f"{PATH}?a=1").status_code == 400


def test_guests_are_told_nothing_of_what_is_closed_to_them():
    with backend() as room:
        for definition in (TOPICS, NOTES):
            room.collections.create(definition, actor=SYSTEM)
        door = client(room)
        before = door.get(PATH)
        room.collections.create(SECRETS, actor=SYSTEM)
        assert door.get(PATH).data == before.data
        assert b"inside" not in before.data
        assert b"@request" not in before.data


def test_relations_lead_to_records_made_before():
    with backend() as room:
        for definition in (TOPICS, NOTES):
            room.collections.create(definition, actor=SYSTEM)
        told = client(room).get(PATH).get_json()
    folders = [each["name"] for each in told["item"]]
    assert folders.index("topics") < folders.index("notes")
    notes = told["item"][folders.index("notes")]["item"]
    assert '"about": "{{topics_id}}"' in notes[0]["request"]["body"]["raw"]
    assert notes[0]["event"][0]["script"]["exec"] == ['if (!pm.variables.get("topics_id")) pm.execution.skipRequest();']
    assert told["info"]["schema"].endswith("/v2.1.0/collection.json")


def test_the_environment_holds_no_secret_of_ours():
    with backend() as room:
        values = client(room).get("/api/v1/postman-environment.json").get_json()["values"]
    assert {each["key"]: each["value"] for each in values} == {"baseUrl": "http://127.0.0.1:8000", "identity": "", "password": ""}
