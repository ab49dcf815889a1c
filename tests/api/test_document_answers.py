"""Answers of the endpoints that every backend has are as the document says."""

from typing import Any

import jsonschema_rs

from app.testing import backend, client
from domain.actor import SYSTEM

API = "/api/v1"
PASSWORD = "correct horse battery"
TAGS = {
    "name": "tags", "fields": [{"name": "name", "type": "text", "required": True}], "rules": {"list": ""}, "trash": {"days": 3},
    "indexes": [{"fields": ["name"]}], "checks": [{"name": "short", "rule": "length(name) < 9"}],
}  # fmt: skip
SEEN = {"name": "seen", "type": "view", "query": {"source": "tags", "columns": [{"name": "name", "path": "name"}]}}

ASKED: list[tuple[str, str, str, Any]] = [
    ("GET", "/livez", "/livez", None),
    ("GET", "/readyz", "/readyz", None),
    ("GET", "/.well-known/jwks.json", "/.well-known/jwks.json", None),
    ("GET", f"{API}/capabilities", f"{API}/capabilities", None),
    ("GET", f"{API}/auth/{{c}}/me", f"{API}/auth/_admins/me", None),
    ("POST", f"{API}/auth/{{c}}/sign-in", f"{API}/auth/_admins/sign-in", {"identity": "bob@example.org", "password": PASSWORD}),
    ("POST", f"{API}/collections", f"{API}/collections", TAGS),
    ("POST", f"{API}/collections", f"{API}/collections", SEEN),
    ("GET", f"{API}/collections", f"{API}/collections", None),
    ("GET", f"{API}/collections/{{c}}", f"{API}/collections/tags", None),
    ("POST", f"{API}/collections/plan", f"{API}/collections/plan", {**TAGS, "name": "others"}),
    ("POST", f"{API}/collections/{{c}}/plan", f"{API}/collections/tags/plan", {"rules": {"list": None}}),
    ("PATCH", f"{API}/collections/{{c}}", f"{API}/collections/tags", {"rules": {"view": ""}}),
    ("GET", f"{API}/collections/changes", f"{API}/collections/changes", None),
    ("POST", f"{API}/collections/tags/records", f"{API}/collections/tags/records", {"id": "t1", "name": "herb"}),
    ("GET", f"{API}/collections/{{c}}/explain", f"{API}/collections/tags/explain?filter=name='herb'", None),
    ("POST", f"{API}/collections/{{c}}/why", f"{API}/collections/tags/why", {"action": "list", "id": "t1", "as": "guest"}),
    ("DELETE", f"{API}/collections/tags/records/{{id}}", f"{API}/collections/tags/records/t1", None),
    ("GET", f"{API}/collections/{{c}}/trash", f"{API}/collections/tags/trash", None),
    ("POST", f"{API}/collections/{{c}}/trash/{{id}}/restore", f"{API}/collections/tags/trash/t1/restore", None),
    ("DELETE", f"{API}/collections/{{c}}/trash", f"{API}/collections/tags/trash", None),
    ("POST", f"{API}/collections/undo", f"{API}/collections/undo", None),
]  # fmt: skip


def test_answers_are_as_the_document_says() -> None:
    with backend() as room:
        room.accounts.create_admin("bob@example.org", PASSWORD)
        room.collections.create({**TAGS, "name": "tags", "trash": None}, actor=SYSTEM)
        door = client(room)
        signed = door.post(f"{API}/auth/_admins/sign-in", json={"identity": "bob@example.org", "password": PASSWORD})
        token = signed.get_json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        document = door.get(f"{API}/openapi.json", headers=headers).get_json()
        room.collections.delete("tags", actor=SYSTEM)
        wrong = []
        for method, place, path, body in ASKED:
            answer = door.open(path, method=method, headers=headers, json=body)
            told = document["paths"][place][method.lower()]["responses"]
            assert str(answer.status_code) in told, (method, path, answer.get_data())
            assert answer.status_code < 300, (method, path, answer.get_data())
            content = told[str(answer.status_code)].get("content")
            assert (content is None) == (not answer.data), (method, path)
            if content:
                schema = {**content["application/json"]["schema"], "components": document["components"]}
                faults = jsonschema_rs.Draft202012Validator(schema).iter_errors(answer.get_json())
                wrong += [(method, path, each.message, list(each.instance_path)) for each in faults]
        assert wrong == []
