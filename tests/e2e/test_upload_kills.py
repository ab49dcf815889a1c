"""Servers that are killed while files are sent, replaced and deleted: no record names a file that is not there, and none stays that no
record names."""

import http.client
import json
import os
import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from typing import Any

import psycopg
import pytest

from tests.e2e.engines import served_on
from tests.e2e.server import Server

RECORDS = "/api/v1/collections/posts/records"
OPEN = dict.fromkeys(("list", "view", "create", "update", "delete"), "")
POSTS = {"name": "posts", "rules": OPEN, "fields": [{"name": "a", "type": "file"}, {"name": "b", "type": "file", "many": True, "max": 3}]}
KILLS = 5

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served_on(request.param, request, tmp_path_factory, STILLROOM_HOUSEKEEPING="1") as made:
        yield made


def form() -> bytes:
    parts = [(name, random.randbytes(random.choice((10, 5_000, 300_000)))) for name in ("a", "b", "b")]
    return b"".join(
        b'--x\r\nContent-Disposition: form-data; name="%b"; filename="f"\r\n\r\n%b\r\n' % (name.encode(), each) for name, each in parts
    ) + b"--x--\r\n"  # fmt: skip


def ask(server: Server, method: str, path: str, body: bytes | None = None) -> Any:
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    line.request(method, path, body, {"Content-Type": "multipart/form-data; boundary=x"} if body else {})
    content = line.getresponse().read()
    line.close()
    return json.loads(content) if content else None


def work(server: Server, over: threading.Event) -> None:
    ids: list[str] = []
    while not over.is_set():
        with suppress(OSError, http.client.HTTPException, KeyError, ValueError):
            if len(ids) < 3 or random.random() < 0.4:
                ids.append(ask(server, "POST", RECORDS, form())["id"])
            elif random.random() < 0.6:
                ask(server, "PATCH", f"{RECORDS}/{random.choice(ids)}", form())
            else:
                ask(server, "DELETE", f"{RECORDS}/{ids.pop()}")


def an_hour_passes(running: Server) -> int:
    """For files that were on their way; how many those were."""
    for each in (running.data_dir / "files").rglob("*"):
        with suppress(FileNotFoundError):
            os.utime(each, (0, 0))
    statement = "UPDATE _files SET due = '2000-01-01T00:00:00.000Z' WHERE state IN ('sent', 'going')"
    url = running.settings.get("STILLROOM_DATABASE_URL")
    if url:
        with psycopg.connect(url.replace("+psycopg", "")) as made:
            return made.execute(statement).rowcount
    kept = sqlite3.connect(running.data_dir / "stillroom.db", timeout=20)
    with kept:
        changed = kept.execute(statement).rowcount
    kept.close()
    return changed


def test_kills_leave_no_name_without_a_file_and_no_file_without_a_name(running: Server) -> None:
    made = running.request("POST", "/api/v1/collections", POSTS, running.admin_token())
    assert made.status == 201, made
    found = 0
    for _ in range(KILLS):
        over = threading.Event()
        threads = [threading.Thread(target=work, args=(running, over)) for _ in range(4)]
        for each in threads:
            each.start()
        time.sleep(random.uniform(0.5, 2))
        running.kill()
        over.set()
        for each in threads:
            each.join(30)
        running.start()
        found += an_hour_passes(running)
    assert found, "no kill came between a file and its record"
    _settled(running)
    held = {file["name"]: (each["id"], file) for each in _records(running) for file in (*([each["a"]] if each["a"] else []), *each["b"])}
    assert held
    for name, (id, file) in held.items():
        answer = running.request("GET", f"/api/v1/files/posts/{id}/{name}")
        assert (answer.status, sha256(answer.body).hexdigest()) == (200, file["sha256"]), name
    assert _stored(running) == set(held)
    print(f"{found} files were on their way in {KILLS} kills; {len(held)} are held")


def _settled(running: Server) -> None:
    """Until housekeeping has nothing more to do."""
    deadline, before = time.monotonic() + 30, set[str]()
    while (now := _stored(running)) != before or time.monotonic() < deadline - 25:
        assert time.monotonic() < deadline
        before = now
        time.sleep(2.5)


def _records(running: Server) -> list[Any]:
    items: list[Any] = []
    path = f"{RECORDS}?limit=500"
    cursor = ""
    while True:
        page = running.request("GET", path + (f"&cursor={cursor}" if cursor else "")).body
        items += page["items"]
        cursor = page["next"]
        if not cursor:
            return items


def _stored(running: Server) -> set[str]:
    """The names of all that lies in the store, what a killed write left behind among it."""
    return {each.name for each in (running.data_dir / "files").rglob("*") if each.is_file()}
