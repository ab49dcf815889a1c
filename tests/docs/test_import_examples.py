"""docs/import.md as it stands: every shell block in order, in one shell, and what it says the command says."""

import re
import subprocess
import sys

import pytest

from tests.e2e.server import ROOT, environment

PAGE = (ROOT / "docs" / "import.md").read_text(encoding="utf-8")


@pytest.mark.timeout(300)  # a process for each command, beside the other tests
def test_the_page_works_as_typed(tmp_path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S)
    assert len(blocks) >= 4
    command = f'stillroom() {{ PYTHONPATH={ROOT} {sys.executable} -m app.main "$@"; }}\n'
    own = {**environment(), "STILLROOM_DATA_DIR": str(tmp_path / "data")}
    script = ["bash", "-euo", "pipefail", "-c", command + "\n".join(blocks)]
    ran = subprocess.run(script, cwd=tmp_path, env=own, capture_output=True, text=True, timeout=280)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for block in re.findall(r"^```text\n(.*?)^```$", PAGE, re.M | re.S):
        for line in block.strip().splitlines():
            assert " ".join(line.split()) in " ".join(ran.stdout.split()), line
    assert "1 bad row with their reasons: more.rejects.csv" in " ".join(ran.stderr.split())
