"""docs/tutorial.md, typed as it stands: every shell block in order, in one shell; each answer that it shows is that of the block above."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.server import ROOT, Server

PAGE = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(sh|json)\n(.*?)^```$", PAGE, re.M | re.S)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "data")
    yield server.start()
    server.end()


@pytest.mark.timeout(300)  # a process for each request, beside the other tests
def test_the_page_works_as_typed(server: Server, tmp_path: Path) -> None:
    said = _typed(server, tmp_path)
    shown = [(said[at - 1], json.loads(text)) for at, (language, text) in enumerate(BLOCKS) if language == "json"]
    assert len(shown) > 12
    for output, wanted in shown:
        found = json.loads(output.strip().splitlines()[-1])
        assert _holds(found, wanted), (found, wanted)
    assert "Kept 4 records in `products`" in "".join(said)
    assert "Nothing to do" in "".join(said)
    assert "all as expected" in "".join(said)


def _typed(server: Server, folder: Path) -> list[str]:
    """What each block said; nothing, where it is no command."""
    script = "\n".join(f"{_here(text, server) if language == 'sh' else ''}\nprintf '\\n@@\\n'" for language, text in BLOCKS)
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=ROOT, env={**server.environment(), "TMPDIR": str(folder)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    return ran.stdout.split("\n@@\n")


def _here(block: str, server: Server) -> str:
    return block.replace("http://127.0.0.1:8000", server.url).replace(".venv/bin/stillroom", f"{sys.executable} -m app.main")


def _holds(found: Any, wanted: Any) -> bool:
    """Whether everything that is shown is there; `…` stands for anything."""
    if wanted == "…":
        return True
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(name in found and _holds(found[name], each) for name, each in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(_holds, found, wanted))
    return bool(found == wanted)
