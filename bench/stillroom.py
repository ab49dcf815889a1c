"""Stillroom as a contestant: `stillroom serve` as anybody runs it, with the benchmark's collections and rows in it."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.api import Api, NotAsExpected
from bench.rows import (
    AUTHOR_FIELDS,
    OWNED,
    POST_FIELDS,
    POST_INDEXES,
    PUBLIC,
    STATUSES,
    FieldOf,
    authors,
    posts,
)
from bench.servers import Server, environment

COLLECTIONS = "/api/v1/collections"

_ADMIN = ("ann@example.org", "correct horse battery staple")
_OWNER = ("olga@example.org", "a still tongue keeps a wise head")
_COMMAND = [sys.executable, "-m", "app.main"]
_IMPORT_PATIENCE = 600


def stillroom(folder: Path, settings: Mapping[str, str]) -> Server:
    env = environment(**settings, STILLROOM_PORT="PORT", STILLROOM_DATA_DIR=str(folder / "data"))
    return Server("Stillroom", folder, [*_COMMAND, "serve"], "/livez", env)


def fill(server: Server, count: int) -> str:
    """Collections over the API, rows by `stillroom import`; the id of the account that owns the rows."""
    _run(server.folder, "admin", "create", "--email", _ADMIN[0], "--password", _ADMIN[1])
    admin = _sign_in(server.api, "_admins", _ADMIN)
    for definition in _definitions():
        server.api.expect(201, "POST", COLLECTIONS, definition, token=admin)
    account = {"email": _OWNER[0], "password": _OWNER[1]}
    owner: str = server.api.expect(201, "POST", f"{COLLECTIONS}/users/records", account, token=admin)["id"]
    _import(server.folder, "authors", authors())
    for name in ("posts", "notes"):
        _import(server.folder, name, posts(count, owner))
    return owner


def token(server: Server) -> str:
    """A new one for the owner of the rows: they are good for minutes only."""
    return _sign_in(server.api, "users", _OWNER)


def _sign_in(api: Api, collection: str, credentials: tuple[str, str]) -> str:
    body = {"identity": credentials[0], "password": credentials[1]}
    signed: str = api.expect(200, "POST", f"/api/v1/auth/{collection}/sign-in", body)["access_token"]
    return signed


def _definitions() -> Iterator[dict[str, Any]]:
    yield {"name": "users", "type": "accounts", "rules": {"view": "id = @request.auth.id"}}
    yield {"name": "authors", "type": "base", "fields": _fields(AUTHOR_FIELDS), "rules": PUBLIC}
    for name, rules in (("posts", PUBLIC), ("notes", OWNED)):
        indexes = [{"fields": [each]} for each in POST_INDEXES]
        yield {"name": name, "type": "base", "fields": _fields(POST_FIELDS), "indexes": indexes, "rules": rules}


def _fields(wanted: tuple[FieldOf, ...]) -> list[dict[str, Any]]:
    return [{"name": each.name, "type": each.type, **_options(each)} for each in wanted]


def _options(field: FieldOf) -> dict[str, Any]:
    options: dict[str, dict[str, Any]] = {"relation": {"collection": field.collection}, "select": {"values": list(STATUSES)}}
    return options.get(field.type, {})


def _import(folder: Path, collection: str, rows: Iterable[Mapping[str, Any]]) -> None:
    file = folder / f"{collection}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    _run(folder, "import", str(file), "--collection", collection, "--yes")


def _run(folder: Path, *arguments: str) -> None:
    """A command of the command line, on the data of the running server."""
    env = environment(STILLROOM_DATA_DIR=str(folder / "data"))
    command = [*_COMMAND, *arguments]
    ended = subprocess.run(command, check=False, cwd=folder, env=env, capture_output=True, text=True, timeout=_IMPORT_PATIENCE)
    if ended.returncode:
        raise NotAsExpected(f"`stillroom {arguments[0]}` failed: {(ended.stderr or ended.stdout).strip()[:1000]}")
