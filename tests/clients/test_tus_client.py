"""The real tus-js-client, in Node, over lines that break and servers that are killed."""

import hashlib
import http.client
import json
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Run
from tests.cutting import cut_line
from tests.e2e.engines import served_on
from tests.e2e.server import Server

SCRIPT = Path(__file__).with_name("tus_upload.mjs")
OPEN = dict.fromkeys(("list", "view", "create", "update", "delete"), "")
FILMS = {"name": "films", "rules": OPEN, "fields": [{"name": "reel", "type": "file", "max_size": 100_000_000}]}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served_on(request.param, request, tmp_path_factory, STILLROOM_HOUSEKEEPING="1") as made:
        assert made.request("POST", "/api/v1/collections", FILMS, made.admin_token()).status == 201
        yield made


@pytest.fixture
def reel(tmp_path: Path) -> Path:
    path = tmp_path / "reel.bin"
    path.write_bytes(random.randbytes(24_000_000))
    return path


def sent(node: Run, port: int, reel: Path, *more: str) -> dict[str, Any]:
    script = reel.parent / SCRIPT.name
    script.write_text(SCRIPT.read_text())
    done = node("node", script.name, f"http://127.0.0.1:{port}/api/v1/uploads", str(reel), "films", "reel", *more, folder=reel.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def fetched(running: Server, path: str) -> str:
    line = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
    line.request("GET", path)
    digest = hashlib.sha256(line.getresponse().read()).hexdigest()
    line.close()
    return digest


def test_a_line_that_breaks_and_a_server_that_is_killed_cost_nothing_that_arrived(running: Server, node: Run, reel: Path) -> None:
    over = threading.Event()
    killed = 0

    def kill() -> None:
        nonlocal killed
        while not over.wait(1.2) and killed < 2:
            running.kill()
            killed += 1
            running.start()

    with cut_line(running.port, 300_000, 9_000_000) as line:
        killing = threading.Thread(target=kill)
        killing.start()
        try:
            told = sent(node, line.port, reel)
        finally:
            over.set()
            killing.join()
    assert line.cuts + killed >= 2
    assert told["retries"] >= 2
    assert told["last"] == 1
    id = told["url"].rpartition("/")[2]
    made = running.request("POST", "/api/v1/collections/films/records", {"reel": {"upload": id}})
    assert made.status == 201, made
    known = made.body["reel"]
    assert known["sha256"] == hashlib.sha256(reel.read_bytes()).hexdigest()
    assert fetched(running, f"/api/v1/files/films/{made.body['id']}/{known['name']}") == known["sha256"]
    _is_alone(running, known["name"])


def test_an_upload_is_ended_by_the_client(running: Server, node: Run, reel: Path) -> None:
    told = sent(node, running.port, reel, "end")
    assert running.request("GET", f"/api/v1/uploads/{told['url'].rpartition('/')[2]}").status == 404


def _is_alone(running: Server, name: str) -> None:
    """What came of the upload goes with the next round; what was on its way when the server was killed within an hour."""
    until, left = time.monotonic() + 15, ["?"]
    while left and time.monotonic() < until:
        time.sleep(0.2)
        there = [each for each in (running.data_dir / "files").rglob("*") if each.is_file() and ".unfinished" not in each.parts]
        left = [str(each) for each in there if each.name != name and time.time() - each.stat().st_mtime > 12]
    assert not left
