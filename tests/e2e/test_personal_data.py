"""A person with many records, over a real server: the archive and the erasure leave the memory flat."""

import io
import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.server import Server

SECRET = "kQ3v9ZrX1mB7tLw5YcHd0sNe8GfJu2Pa"
USERS = {"name": "users", "type": "accounts", "fields": [], "rules": {"create": "", "delete": "id = @request.auth.id"}}
FIELDS = [
    {"name": "title", "type": "text", "searchable": True}, {"name": "n", "type": "integer"},
    {"name": "owner", "type": "relation", "collection": "users", "on_delete": "cascade"},
]  # fmt: skip
BEA = {"email": "bea@example.org", "password": "Bea counts the planes"}
Servers = Callable[..., Server]


@pytest.fixture(params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, server: Servers) -> Server:
    settings: dict[str, Any] = {}
    if request.param == "postgresql":
        settings = {"STILLROOM_DATABASE_URL": request.getfixturevalue("postgres_database_url"), "STILLROOM_SECRET_KEY": SECRET}
    return server(workers=1, **settings)


@pytest.mark.long
def test_many_records_leave_the_memory_flat(running: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = 100_000  # a shorter form is in tests/contract/test_personal_exports.py
    token = _filled(running, tmp_path, rows)
    _archive(running, token)  # what a first one takes for good
    before, began = _memory(running), time.monotonic()
    size, count = _archive(running, token)
    exported, took = _memory(running) - before, time.monotonic() - began
    assert count == rows
    began = time.monotonic()
    answer = running.request("DELETE", "/api/v1/auth/users/personal-data", None, token)
    assert answer.status == 200, answer.body
    erased, removed = _memory(running) - before, time.monotonic() - began
    assert answer.body["records"] == {"users": 1, "posts": rows}
    with capsys.disabled():
        told = f"archive of {size:,} bytes in {took:.1f} s, +{exported >> 10} MiB; erased in {removed:.1f} s, +{erased >> 10} MiB"
        print(f"\n{rows:,} records: {told}")
    # Less than the records take: what was kept of each would show.
    assert exported < 20 * 1024


def _filled(running: Server, folder: Path, rows: int) -> str:
    admin = running.admin_token()
    for definition in (USERS, {"name": "posts", "fields": FIELDS, "rules": {"list": "owner = @request.auth.id"}}):
        assert running.request("POST", "/api/v1/collections", definition, admin).status == 201
    bea = running.request("POST", "/api/v1/collections/users/records", BEA).body["id"]
    file = folder / "posts.csv"
    lines = (f"On distilling number {at} {'x' * 200},{at},{bea}" for at in range(rows))
    file.write_text("\n".join(("title,n,owner", *lines)), encoding="utf-8")
    done = running.command("import", str(file), "--collection", "posts", "--yes")
    assert done.returncode == 0, done.stderr
    signed = running.request("POST", "/api/v1/auth/users/sign-in", {"identity": BEA["email"], "password": BEA["password"]})
    return str(signed.body["access_token"])


def _archive(running: Server, token: str) -> tuple[int, int]:
    answer = running.request("GET", "/api/v1/auth/users/personal-data", None, token)
    assert answer.status == 200, answer.body
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        return len(answer.body), len(json.loads(archive.read("records/posts.json")))


def _memory(running: Server) -> int:
    """KiB that the worker has."""
    status = Path(f"/proc/{running.worker_pids()[0]}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0])
