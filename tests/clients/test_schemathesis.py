"""What the document allows and what it forbids, asked of a running server by schemathesis, which makes up the requests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.server import ROOT, Server


def findings(server: Server, folder: Path, *arguments: str, asker: str = "") -> str:
    """Empty where it found nothing, else all that it says."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.clients.schemathesis_hooks", "SCHEMATHESIS_ASKER": asker}
    program = [str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(ROOT / "tests/clients/schemathesis.toml"), "run"]
    asked = [f"{server.url}/api/v1/openapi.json", "--checks", "all", "--phases", "examples,coverage,fuzzing,stateful", *arguments]
    done = subprocess.run([*program, *asked], cwd=folder, env=env, capture_output=True, text=True, timeout=3000)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert "Tested: " in done.stdout, done.stdout
    (folder / "found.txt").write_text(done.stdout)
    return "" if done.returncode == 0 else done.stdout


def test_it_finds_nothing_as_a_guest(tmp_path: Path, furnished_server: tuple[Server, str]) -> None:
    assert findings(furnished_server[0], tmp_path, "-n", "3") == ""


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_it_finds_nothing_as_a_guest_who_has_time(tmp_path: Path, furnished_server: tuple[Server, str]) -> None:
    assert findings(furnished_server[0], tmp_path, "-n", "100") == ""


@pytest.mark.timeout(300)
def test_it_finds_nothing_as_an_admin(tmp_path: Path, unshared: tuple[Server, str]) -> None:
    assert found_as_admin(*unshared, tmp_path, "-n", "3") == ""


def found_as_admin(server: Server, token: str, folder: Path, *arguments: str) -> str:
    asker = server.request("GET", "/api/v1/auth/_admins/me", token=token).body["id"]
    found = findings(server, folder, "--header", f"Authorization: Bearer {token}", *arguments, asker=asker)
    assert server.request("GET", "/api/v1/auth/_admins/me", token=token).status == 200, "some of it was asked as nobody"
    return found
