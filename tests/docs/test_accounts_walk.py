"""docs/accounts-walk.md, typed as it stands: every shell block in order, in one shell, against a real server that shows its letters."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import as_typed
from tests.docs.test_tutorial import _holds
from tests.e2e.server import ROOT, Server
from tests.provider import serving

PAGE = (ROOT / "docs" / "accounts-walk.md").read_text(encoding="utf-8")
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(sh|json)\n(.*?)^```$", PAGE, re.M | re.S)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "data", workers=1, settings={"STILLROOM_LOOPBACK_PROVIDERS": "on"})
    yield server.start()
    server.end()


@pytest.mark.timeout(200)  # a process for each request, beside the other tests
def test_the_page_works_as_typed(server: Server, tmp_path: Path) -> None:
    with serving() as provider:
        said = _typed(server, provider.home, tmp_path)
    shown = [(said[at - 1], json.loads(text)) for at, (language, text) in enumerate(BLOCKS) if language == "json"]
    assert len(shown) == 15
    for output, wanted in shown:
        found = json.loads(output.strip().splitlines()[-1])
        assert _holds(found, wanted), (found, wanted)


def _typed(server: Server, provider: str, folder: Path) -> list[str]:
    script = "\n".join(f"{_here(text, server, provider) if language == 'sh' else ''}\nprintf '\\n@@\\n'" for language, text in BLOCKS)
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=folder, env={**server.environment(), "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    return ran.stdout.split("\n@@\n")


def _here(block: str, server: Server, provider: str) -> str:
    here = block.replace("http://localhost:8000", server.url.replace("127.0.0.1", "localhost")).replace("server.log", str(server.log))
    here = here.replace("http://127.0.0.1:9000", provider)
    return as_typed(here, server).replace("python3", sys.executable)
