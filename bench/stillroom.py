"""Stillroom as a contestant: `stillroom serve` as anybody runs it, with the benchmark's collections and rows in it."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.api import Api, NotAsExpected
from bench.fields import FieldOf
from bench.rows import OWNER
from bench.servers import Server, environment
from bench.tables import Table

COLLECTIONS = "/api/v1/collections"

_ADMIN = ("ann@example.org", "correct horse battery staple")
# One account signs in from one address, without end; PocketBase's limits are off by default.
_LIMITS = "sign-in=off, sign-in-address=off, sign-in-identity=off"
_COMMAND = [sys.executable, "-m", "app.main"]
_IMPORT_PATIENCE = 600


def stillroom(folder: Path, settings: Mapping[str, str]) -> Server:
    env = environment(**settings, STILLROOM_PORT="PORT", STILLROOM_DATA_DIR=str(folder / "data"), STILLROOM_LIMITS=_LIMITS)
    return Server("Stillroom", folder, [*_COMMAND, "serve"], "/livez", env)


def fill(server: Server, count: int, tables: Sequence[Table]) -> str:
    """Collections over the API, rows by `stillroom import`; the id of the account that owns the rows."""
    _run(server.folder, "admin", "create", "--email", _ADMIN[0], "--password", _ADMIN[1])
    admin = _signed_in(server.api, "_admins", _ADMIN)["access_token"]
    server.api.expect(201, "POST", COLLECTIONS, _ACCOUNTS, token=admin)
    account = {"email": OWNER[0], "password": OWNER[1]}
    owner: str = server.api.expect(201, "POST", f"{COLLECTIONS}/users/records", account, token=admin)["id"]
    for table in tables:
        server.api.expect(201, "POST", COLLECTIONS, _definition(table), token=admin)
        _import(server.folder, table.name, table.rows(count, owner))
    return owner


def token(server: Server) -> str:
    """A new one for the owner of the rows: they are good for minutes only."""
    return str(signed_in(server)["access_token"])


def signed_in(server: Server) -> dict[str, Any]:
    """What the owner of the rows is answered."""
    return _signed_in(server.api, "users", OWNER)


def _signed_in(api: Api, collection: str, credentials: tuple[str, str]) -> dict[str, Any]:
    body = {"identity": credentials[0], "password": credentials[1]}
    signed: dict[str, Any] = api.expect(200, "POST", f"/api/v1/auth/{collection}/sign-in", body)
    return signed


_ACCOUNTS = {"name": "users", "type": "accounts", "rules": {"view": "id = @request.auth.id"}}


def _definition(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "type": "base",
        "fields": [{"name": each.name, "type": each.type, **_options(each)} for each in table.fields],
        "indexes": [{"fields": [each]} for each in table.indexes],
        "rules": dict(table.rules),
    }


def _options(field: FieldOf) -> dict[str, Any]:
    many = {"many": True} if field.many else {}
    if field.searchable:
        return {"searchable": True}
    if field.type == "select":
        return {"values": list(field.values), **many}
    if field.type == "relation":
        return {"collection": field.collection, **many, **({"on_delete": "cascade"} if field.cascades else {})}
    return {}


def _import(folder: Path, collection: str, rows: Iterable[Mapping[str, Any]]) -> None:
    file = folder / f"{collection}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    import_file(folder, collection, file)


def import_file(folder: Path, collection: str, file: Path) -> None:
    """As anybody would, beside the running server."""
    _run(folder, "import", str(file), "--collection", collection, "--yes")


def _run(folder: Path, *arguments: str) -> None:
    """A command of the command line, on the data of the running server."""
    env = environment(STILLROOM_DATA_DIR=str(folder / "data"))
    command = [*_COMMAND, *arguments]
    ended = subprocess.run(command, check=False, cwd=folder, env=env, capture_output=True, text=True, timeout=_IMPORT_PATIENCE)
    if ended.returncode:
        raise NotAsExpected(f"`stillroom {arguments[0]}` failed: {(ended.stderr or ended.stdout).strip()[:1000]}")
