"""docs/quickstart.md, typed as it stands into one shell, against a real server."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import as_typed, blocks
from tests.e2e.server import Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "data", workers=1)
    yield server.start()
    server.end()


def test_the_page_works_as_typed(server: Server, tmp_path: Path) -> None:
    typed = blocks("quickstart.md", "sh")
    assert len(typed) == 5
    script = "\n".join(as_typed(block, server) for block in typed)
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, env=server.environment(),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "It is locked: only admins see it" in ran.stdout
    *_, listed, refused, _, added = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith('{"')]
    assert [herb["code"] for herb in listed["items"]] == ["MEN3", "RUE1"]
    assert (refused["status"], refused["code"]) == (403, "forbidden")
    assert added["code"] == "DIL4"
    found = server.request("GET", "/api/v1/collections/herbs/records?count=exact").body
    assert found["total"] == 3
