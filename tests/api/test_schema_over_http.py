"""`GET /api/v1/schema`: every definition in one document, for admins alone."""

import json

from app.testing import backend, client
from domain.actor import SYSTEM

POSTS = {"name": "posts", "fields": [{"name": "title", "type": "text"}], "rules": {"list": ""}}
ADMIN = {"identity": "ann@example.org", "password": "quiet river at dawn"}


def test_it_is_what_the_files_say_and_for_admins_alone() -> None:
    with backend() as room:
        room.collections.create(POSTS, actor=SYSTEM)
        room.accounts.create_admin(ADMIN["identity"], ADMIN["password"])
        web = client(room)
        assert web.get("/api/v1/schema").status_code == 401
        token = web.post("/api/v1/auth/_admins/sign-in", json=ADMIN).get_json()["access_token"]
        answer = web.get("/api/v1/schema", headers={"Authorization": f"Bearer {token}"})
        files = room.schema.export(actor=SYSTEM).files
        assert answer.get_json() == {"collections": {name: json.loads(text) for name, text in files.items()}}
        unknown = web.get("/api/v1/schema?dir=x", headers={"Authorization": f"Bearer {token}"})
        assert unknown.status_code == 400
        # What was answered can be applied as it is.
        with backend() as other:
            other.schema.apply(answer.get_json()["collections"], actor=SYSTEM)
            assert other.schema.export(actor=SYSTEM).files == files
