"""The requests that docs/api-keys.md shows are sent, and what it says of their keys is tried."""

import json
import re
from pathlib import Path

from app.testing import backend, client
from domain.actor import SYSTEM
from domain.rules.values import RequestFacts

PAGE = (Path(__file__).parents[2] / "docs" / "api-keys.md").read_text()
PASSWORD, FACTS = "a stillroom of herbs", RequestFacts("POST")
OPEN, OWNED = dict.fromkeys(("list", "view", "create"), ""), dict.fromkeys(("list", "view"), "owner = @request.auth.id")
OWNER = {"name": "owner", "type": "relation", "collection": "users"}
# What the page takes to be there.
COLLECTIONS = (
    {"name": "users", "type": "accounts", "api_keys": json.loads(re.search(r'"api_keys": (\{.*?\})', PAGE)[1])},
    {"name": "posts", "fields": [{"name": "status", "type": "text"}], "rules": OPEN}, {"name": "letters", "rules": OPEN},
    {"name": "notes", "fields": [{"name": "archived", "type": "bool", "default": False}, OWNER], "rules": OWNED},
)  # fmt: skip


def requests():
    """Method, path and body of each request, in their order."""
    for block in re.findall(r"```http\n(.*?)```", PAGE, re.S):
        head, _, body = block.partition("\n\n")
        yield (*head.splitlines()[0].split(), json.loads(body))


def test_the_keys_of_the_page_are_made_and_do_what_it_says():
    with backend() as room:
        for each in COLLECTIONS:
            room.collections.create(each, actor=SYSTEM)
        ann = room.records.create("users", {"email": "ann@example.org", "password": PASSWORD}, actor=SYSTEM, facts=FACTS).id
        room.accounts.create_admin("root@example.org", PASSWORD)
        for archived in (True, False):
            room.records.create("notes", {"archived": archived, "owner": ann}, actor=SYSTEM, facts=FACTS)
        web, made = client(room), {}
        for method, path, body in requests():
            who, collection = ("ann", "users") if "/users/" in path else ("root", "_admins")
            sent = {"identity": f"{who}@example.org", "password": PASSWORD}
            token = web.post(f"/api/v1/auth/{collection}/sign-in", json=sent).get_json()["access_token"]
            answer = web.open(path, method=method, json=body, headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 201, answer.get_data(as_text=True)
            made[collection] = answer.get_json()["key"]
        prefixes = [key.partition("_")[0] + "_" for key in made.values()]
        assert all(f"`{prefix}`" in PAGE for prefix in prefixes)
        assert len(made["_admins"].removeprefix("srk_")) == 72
        by = {"Authorization": f"Bearer {made['users']}"}
        notes = web.get("/api/v1/collections/notes/records", headers=by).get_json()["items"]
        assert [each["archived"] for each in notes] == [False]
        assert web.get("/api/v1/collections/posts/records", headers=by).status_code == 403
        refused = web.get("/api/v1/auth/users/sessions", headers=by).get_json()["code"]
        assert f"`{refused}`" in PAGE
        assert web.get("/api/v1/auth/users/me", headers=by).status_code == 403
