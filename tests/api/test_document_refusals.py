"""Every refusal has a status and a code that the document foretells for its operation."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from app.testing import TestBackend, backend, client
from domain.actor import SYSTEM

API = "/api/v1"
USERS, POSTS, TAGS = f"{API}/collections/users/records", f"{API}/collections/posts/records", f"{API}/collections/tags/records"
PEOPLE = {"ann": "users", "bob": "_admins"}
PASSWORD = "correct horse battery"
OPEN = dict.fromkeys(("list", "view", "create", "update", "delete"), "")
DEFINITIONS: list[dict[str, Any]] = [
    {"name": "users", "type": "accounts", "rules": {**OPEN, "auth": "email != 'shut@example.org'"}},
    {"name": "tags", "fields": [{"name": "name", "type": "text", "unique": True}], "rules": OPEN, "trash": {"days": 3}},
    {
        "name": "posts", "rules": {**OPEN, "create": "@request.auth.id != ''", "delete": None},
        "fields": [
            {"name": "title", "type": "text", "required": True, "max": 9, "searchable": True}, {"name": "n", "type": "integer", "max": 5},
            {"name": "tag", "type": "relation", "collection": "tags"}, {"name": "meta", "type": "json"},
        ],
        "checks": [{"name": "polite", "rule": "title != 'rude'"}],
    },
]  # fmt: skip
RAW = {"empty": b"", "bom": b"\xef\xbb\xbf{}", "twice": b'{"title": 1, "title": 2}', "cut": b'{"title": ', "list": b"[]", "deep": b"[" * 99}

REFUSED: list[tuple[str, str, str, Any, dict[str, str], int, str]] = [
    # who, method, path, body, headers, status, code
    ("", "GET", f"{POSTS}?filter=titel='x'", None, {}, 400, "unknown_field"),
    ("", "GET", f"{POSTS}?filter=title>", None, {}, 400, "syntax_error"),
    ("", "GET", f"{POSTS}?filter=n='x'", None, {}, 400, "type_mismatch"),
    ("", "GET", f"{POSTS}?filter=shout(title)", None, {}, 400, "unknown_name"),
    ("", "GET", f"{POSTS}?filter=@collection.tags.name='x'", None, {}, 400, "not_allowed"),
    ("", "GET", f"{POSTS}?sort=n,n", None, {}, 400, "duplicate_name"),
    ("", "GET", f"{POSTS}?limit=0", None, {}, 400, "invalid_parameter"),
    ("", "GET", f"{POSTS}?limit=1&limit=2", None, {}, 400, "repeated_parameter"),
    ("", "GET", f"{POSTS}?perPage=1", None, {}, 400, "unknown_parameter"),
    ("", "GET", f"{POSTS}?page=1&cursor=x", None, {}, 400, "contradiction"),
    ("", "GET", f"{POSTS}?cursor=x", None, {}, 400, "invalid_cursor"),
    ("", "GET", f"{POSTS}?search=...", None, {}, 400, "invalid_search"),
    ("", "GET", f"{TAGS}?search=x", None, {}, 400, "not_searchable"),
    ("", "GET", f"{POSTS}?expand=author", None, {}, 400, "unknown_field"),
    ("", "GET", f"{POSTS}?filter=%ff", None, {}, 400, "invalid_utf8"),
    ("", "GET", f"{POSTS}?filter=%00", None, {}, 400, "invalid_text"),
    ("nobody", "GET", POSTS, None, {}, 401, "invalid_token"),
    ("", "GET", f"{POSTS}/aggregate?group=titel", None, {}, 400, "unknown_field"),
    ("", "GET", f"{POSTS}/aggregate?measures=sum:title", None, {}, 400, "type_mismatch"),
    ("", "GET", f"{POSTS}/aggregate?group=meta", None, {}, 400, "not_allowed"),
    ("", "GET", f"{POSTS}/nothing", None, {}, 404, "not_found"),
    ("", "GET", f"{POSTS}/p1", None, {"If-None-Match": "x"}, 400, "invalid_header"),
    ("", "GET", f"{POSTS}/p1?fields=titel", None, {}, 400, "unknown_field"),
    ("", "POST", POSTS, {"title": "x"}, {}, 403, "forbidden"),
    ("ann", "POST", POSTS, {}, {}, 400, "invalid_record"),
    ("ann", "POST", POSTS, {"title": "rude"}, {}, 400, "check_failed"),
    ("ann", "POST", POSTS, {"title": "x", "tag": "nothing"}, {}, 400, "no_such_record"),
    ("ann", "POST", TAGS, {"name": "one"}, {}, 409, "not_unique"),
    ("ann", "POST", POSTS, RAW["empty"], {}, 400, "empty_body"),
    ("ann", "POST", POSTS, RAW["bom"], {}, 400, "byte_order_mark"),
    ("ann", "POST", POSTS, RAW["twice"], {}, 400, "duplicate_key"),
    ("ann", "POST", POSTS, RAW["cut"], {}, 400, "invalid_json"),
    ("ann", "POST", POSTS, RAW["list"], {}, 400, "not_an_object"),
    ("ann", "POST", POSTS, RAW["deep"], {}, 413, "too_deep"),
    ("ann", "POST", POSTS, b"{}", {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
    ("ann", "PATCH", f"{POSTS}/p1", {"n+": 9}, {}, 400, "out_of_range"),
    ("ann", "PATCH", f"{POSTS}/p1", {"n": 1}, {"If-Match": '"v9-20260101000000000"'}, 412, "precondition_failed"),
    ("ann", "PATCH", f"{POSTS}/nothing", {"n": 1}, {}, 404, "not_found"),
    ("ann", "PATCH", f"{POSTS}/p1?if=n%20%3D%209", {"n": 1}, {}, 412, "condition_failed"),
    ("ann", "PATCH", f"{POSTS}/p1?if=", {"n": 1}, {}, 400, "invalid_parameter"),
    ("ann", "PATCH", f"{POSTS}/p1?if=sekret=1", {"n": 1}, {}, 400, "unknown_field"),
    ("", "DELETE", f"{TAGS}/one?if=name%20%3D%20'two'", None, {}, 412, "condition_failed"),
    ("", "DELETE", f"{TAGS}/one", None, {}, 409, "restricted"),
    ("", "DELETE", f"{TAGS}/one", None, {"If-Match": "x"}, 400, "invalid_header"),
    ("", "POST", USERS, {"email": "x@example.org"}, {}, 400, "required"),
    ("", "POST", USERS, {"email": "x@example.org", "password": "short"}, {}, 400, "too_short"),
    ("", "POST", USERS, {"email": "x@example.org", "password": "password"}, {}, 400, "too_common"),
    ("", "POST", USERS, {"email": "x@example.org", "password": "x@example.org"}, {}, 400, "same_as_email"),
    ("", "POST", USERS, {"email": "ann@example.org", "password": PASSWORD}, {}, 409, "not_unique"),
    ("ann", "PATCH", f"{USERS}/ANN", {"password": PASSWORD, "old_password": "not this"}, {}, 400, "wrong_password"),
    ("", "POST", f"{API}/auth/users/sign-in", {"identity": "ann@example.org", "password": "not this"}, {}, 401, "invalid_credentials"),
    ("", "POST", f"{API}/auth/users/sign-in", {"identity": "shut@example.org", "password": PASSWORD}, {}, 403, "sign_in_refused"),
    ("", "POST", f"{API}/auth/users/sign-in", {"identity": 1, "password": PASSWORD}, {}, 400, "wrong_type"),
    ("", "POST", f"{API}/auth/users/sign-in", {"identity": "x"}, {}, 400, "missing"),
    ("", "POST", f"{API}/auth/posts/sign-in", {"identity": "x", "password": "x"}, {}, 404, "not_found"),
    ("", "GET", f"{API}/auth/users/me", None, {}, 401, "unauthenticated"),
    ("bob", "GET", f"{API}/auth/users/me", None, {}, 403, "forbidden"),
    ("", "POST", f"{API}/setup", {"token": "x", "email": "x@example.org", "password": PASSWORD}, {}, 403, "setup_refused"),
    ("ann", "GET", f"{API}/collections", None, {}, 403, "forbidden"),
    ("ann", "POST", f"{API}/auth/users/api-keys", {"name": "x", "scopes": {"posts": ["view"]}}, {}, 403, "no_own_keys"),
    ("ann", "POST", f"{API}/auth/users/api-keys", {"name": "x", "scopes": {"posts": ["read"]}}, {}, 400, "invalid"),
    ("ann", "DELETE", f"{API}/auth/users/api-keys/x", None, {}, 404, "not_found"),
    ("", "GET", f"{API}/auth/users/api-keys", None, {}, 401, "unauthenticated"),
    ("bob", "GET", f"{API}/auth/users/api-keys", None, {}, 403, "forbidden"),
    ("bob", "POST", f"{API}/collections", {"name": "No"}, {}, 400, "invalid_name"),
    ("bob", "POST", f"{API}/collections", {"name": "posts"}, {}, 409, "not_unique"),
    ("bob", "POST", f"{API}/collections", {"name": "x", "fields": [{"name": "y", "type": "txt"}]}, {}, 400, "unknown_type"),
    ("bob", "PATCH", f"{API}/collections/posts", {"fields": [{"name": "title", "type": "text"}]}, {}, 409, "would_lose_data"),
    ("bob", "PATCH", f"{API}/collections/tags", {"type": "view"}, {}, 400, "unchangeable"),
    ("bob", "DELETE", f"{API}/collections/tags", None, {}, 409, "collection_in_use"),
    ("bob", "GET", f"{API}/collections/tags/trash?limit=0", None, {}, 400, "invalid_parameter"),
    ("bob", "POST", f"{API}/collections/tags/trash/x/restore", None, {}, 404, "not_found"),
]  # fmt: skip


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[TestBackend, Any, dict[str, str], dict[str, Any]]]:
    with backend() as room:
        for each in DEFINITIONS:
            room.collections.create(each, actor=SYSTEM)
        room.accounts.create_admin("bob@example.org", PASSWORD)
        door = client(room)
        made = [door.post(USERS, json={"email": f"{name}@example.org", "password": PASSWORD}).get_json() for name in ("ann", "shut")]
        tokens = {"nobody": "no.good.token", "ANN": made[0]["id"]}
        for name, collection in PEOPLE.items():
            body = {"identity": f"{name}@example.org", "password": PASSWORD}
            tokens[name] = door.post(f"{API}/auth/{collection}/sign-in", json=body).get_json()["access_token"]
        signed = {"Authorization": f"Bearer {tokens['ann']}"}
        assert door.post(TAGS, json={"id": "one", "name": "one"}).status_code == 201
        assert door.post(POSTS, json={"id": "p1", "title": "x", "tag": "one"}, headers=signed).status_code == 201
        document = door.get(f"{API}/openapi.json", headers={"Authorization": f"Bearer {tokens['bob']}"}).get_json()
        yield room, door, tokens, document


@pytest.mark.parametrize(("who", "method", "path", "body", "headers", "status", "code"), REFUSED)
def test_the_document_foretells_it(world, who, method, path, body, headers, status, code):
    _, door, tokens, document = world
    sent = {"Content-Type": "application/json", **headers, **({"Authorization": f"Bearer {tokens[who]}"} if who else {})}
    content = {"data": body} if isinstance(body, bytes) else {} if body is None else {"json": body}
    answer = door.open(path.replace("ANN", tokens["ANN"]), method=method, headers=sent, **content)
    assert (answer.status_code, answer.get_json(force=True)["code"]) == (status, code), answer.get_data()
    told = _operation(document, path.partition("?")[0], method)["responses"][str(status)]
    assert code in document["components"]["responses"][told["$ref"].rpartition("/")[2]]["x-problem-codes"]


def _operation(document: dict[str, Any], path: str, method: str) -> dict[str, Any]:
    """What is meant by the path: a place of its own goes before one with a parameter."""
    places = [place for place in document["paths"] if re.fullmatch(re.sub(r"{\w+}", "[^/]+", place), path)]
    operation: dict[str, Any] = document["paths"][min(places, key=lambda place: place.count("{"))][method.lower()]
    return operation
