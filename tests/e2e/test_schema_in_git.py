"""The schema's files beside real servers: applied while one runs, applied by its start, refused, and interrupted in the middle."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.inbound.cli.schema_files import read_folder
from app.testing import backend
from domain.actor import SYSTEM
from domain.rules.values import RequestFacts
from tests.e2e.server import Server, environment

Servers = Callable[..., Server]
POSTS = {"name": "posts", "fields": [{"name": "title", "type": "text"}], "rules": {"list": "", "create": ""}}
SECRET = "0123456789abcdef" * 3
PATH = "/api/v1/collections/posts/records"


def write(folder: Path, *definitions: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    for each in definitions:
        (folder / f"{each['name']}.json").write_text(json.dumps(each), encoding="utf-8")
    return folder


def test_a_running_server_serves_what_was_applied_to_the_next_request(server: Servers) -> None:
    running = server()
    folder = write(running.data_dir.parent / "schema", POSTS)
    assert running.request("GET", PATH).status == 404
    done = running.command("schema", "apply", "--yes")
    assert (done.returncode, "Applied: 1 created." in done.stdout) == (0, True), done.stderr
    assert running.request("POST", PATH, {"title": "Hello"}).status == 201
    write(folder, {**POSTS, "fields": [{"name": "headline", "type": "text", "was": "title"}]})
    assert running.command("schema", "apply", "--yes").returncode == 0
    assert running.request("GET", PATH).body["items"][0]["headline"] == "Hello"


def test_a_start_applies_the_files_before_it_serves(unstarted: Servers, tmp_path: Path) -> None:
    folder = write(tmp_path / "schema", POSTS)
    running = unstarted(workers=1, STILLROOM_SCHEMA=folder).start()
    assert "1 created" in running.output
    assert running.request("POST", PATH, {"title": "Hello"}).status == 201
    token = running.admin_token()
    running.request("PATCH", "/api/v1/collections/posts", {"rules": {"list": None}}, token)
    told = running.command("check").stdout
    assert "`posts` was changed in the database since the schema was applied" in told
    running.stop()
    again = unstarted(workers=1, STILLROOM_SCHEMA=folder).start()
    assert "Drift: `posts` was changed" in again.output
    assert again.request("GET", PATH).status == 200


def test_a_start_that_would_lose_data_is_refused(unstarted: Servers, tmp_path: Path) -> None:
    with backend(database=f"sqlite:///{(tmp_path / 'data').absolute()}.db") as room:
        room.schema.apply({"posts": POSTS}, actor=SYSTEM)
        room.records.create("posts", {"title": "Hello"}, actor=SYSTEM, facts=RequestFacts(method="POST"))
    folder = write(tmp_path / "schema", {**POSTS, "fields": []})
    second = unstarted(STILLROOM_SCHEMA=folder, STILLROOM_DATABASE_URL=f"sqlite:///{tmp_path}/data.db")
    second.launch()
    assert second.process is not None
    assert second.process.wait(20) == 1
    assert "is not applied, so nothing is served: 1 record holds something in `posts.title`" in second.output
    assert "Traceback" not in second.output


# Ends without a word when the change of this number is about to be kept.
_KILLED = """
import os, sys, signal
from adapters.outbound.sql.schema import SqlSchemaStore
from app.main import main
kept, left = SqlSchemaStore.keep_change, [int(sys.argv.pop(1))]
def keep(self, change):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    kept(self, change)
SqlSchemaStore.keep_change = keep
main()
"""


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_one_that_is_killed_in_the_middle_leaves_nothing(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("postgres_url") if engine == "postgresql" else f"sqlite:///{tmp_path}/data.db"
    write(tmp_path / "schema", *({"name": f"c{number}", "fields": [{"name": "title", "type": "text"}]} for number in range(5)))
    own = environment(STILLROOM_DATABASE_URL=url, STILLROOM_DATA_DIR=str(tmp_path / "data"), STILLROOM_SECRET_KEY=SECRET)
    killed = subprocess.run([sys.executable, "-c", _KILLED, "4", "schema", "apply", "--yes"], cwd=tmp_path, env=own, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    with backend(database=url) as room:
        assert room.collections.list(actor=SYSTEM) == []
        assert room.collections.history(actor=SYSTEM, limit=10) == []
        assert len(room.schema.apply(read_folder(tmp_path / "schema"), actor=SYSTEM).changes) == 5


def test_two_machines_that_start_at_once_apply_it_once(unstarted: Servers, tmp_path: Path, postgres_url: str) -> None:
    folder = write(tmp_path / "schema", POSTS, {"name": "notes", "fields": [{"name": "post", "type": "relation", "collection": "posts"}]})
    shared = {"STILLROOM_DATABASE_URL": postgres_url, "STILLROOM_SECRET_KEY": SECRET, "STILLROOM_SCHEMA": folder}
    machines = [unstarted(workers=1, name=name, **shared) for name in ("one", "two")]
    for each in machines:
        each.launch()
    for each in machines:
        _wait(each)
    assert sorted("2 created" in each.output for each in machines) == [False, True]
    with backend(database=postgres_url) as room:
        assert [(each.action, each.collection) for each in room.collections.history(actor=SYSTEM, limit=10)] == [
            ("apply", "notes"), ("apply", "posts")]  # fmt: skip


def _wait(server: Server) -> None:
    until = time.monotonic() + 30
    while not server._answers():
        assert time.monotonic() < until, server.output
        time.sleep(0.05)
