"""docs/versioning.md: the command says of such a change what the page says."""

import json
from pathlib import Path

from app.testing import backend, client
from domain.actor import SYSTEM
from domain.rules.values import RequestFacts
from tests.docs.blocks import blocks
from tests.e2e.server import stillroom


def document(longest: int, values: list[str]) -> dict[str, object]:
    def answers(schema: object) -> dict[str, object]:
        return {"responses": {"200": {"content": {"application/json": {"schema": schema}}}}}

    page = {"type": "object", "properties": {"items": {"items": {"properties": {"status": {"enum": values}}}}}}
    body = {"content": {"application/json": {"schema": {"properties": {"title": {"type": "string", "maxLength": longest}}}}}}
    return {
        "openapi": "3.1.0",
        "paths": {
            "/api/v1/collections/posts/records": {"get": answers(page)},
            "/api/v1/collections/posts/records/{id}": {"patch": {"requestBody": body, **answers({})}},
        },
    }


def test_the_command_says_what_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "before.json").write_text(json.dumps(document(200, ["draft"])))
    (tmp_path / "after.json").write_text(json.dumps(document(100, ["draft", "archived"])))
    command = blocks("versioning.md", "sh")[0].split()[1:]
    said = stillroom(*command, cwd=tmp_path)
    assert said.stdout == blocks("versioning.md", "text")[0]
    assert said.returncode == 1


def test_exit_codes_tell_what_was_found(tmp_path: Path) -> None:
    (tmp_path / "same.json").write_text(json.dumps(document(1, [])))
    (tmp_path / "none.json").write_text("[" * 100_000)
    (tmp_path / "other.json").write_text('{"swagger": "2.0"}')
    same = stillroom("openapi", "diff", "same.json", "same.json", "--json", cwd=tmp_path)
    assert (same.returncode, same.stdout) == (0, "[]\n")
    for name in ("none.json", "other.json"):
        wrong = stillroom("openapi", "diff", "same.json", name, cwd=tmp_path)
        assert wrong.returncode == 2
        assert name in wrong.stderr
        assert "Traceback" not in wrong.stderr
    assert stillroom("openapi", "diff", "same.json", "missing.json", cwd=tmp_path).returncode == 2


def test_the_alias_on_the_page_does_what_the_page_says() -> None:
    change = json.loads(blocks("versioning.md", "json")[0])
    with backend() as room:
        room.collections.create({"name": "posts", "fields": [{"name": "title", "type": "text"}], "rules": {"list": ""}}, actor=SYSTEM)
        room.records.create("posts", {"title": "Hello"}, actor=SYSTEM, facts=RequestFacts("POST"))
        room.collections.change("posts", change, actor=SYSTEM)
        answer = client(room).get("/api/v1/collections/posts/records")
    (found,) = answer.get_json()["items"]
    assert (found["headline"], found["title"]) == ("Hello", "Hello")
    assert {"Deprecation", "Sunset", "Link"} <= set(answer.headers.keys())
