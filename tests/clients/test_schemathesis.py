"""What the document allows and what it forbids, asked of a running server by schemathesis, which makes up the requests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.server import ROOT, Server


def findings(server: Server, folder: Path, *arguments: str) -> str:
    """Empty where it found nothing, else all that it says."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.clients.schemathesis_hooks"}
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
