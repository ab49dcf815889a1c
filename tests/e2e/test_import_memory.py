"""A file may be as long as it likes: an import of it takes no more memory."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.server import ROOT, environment

MOST_MEMORY = 150 * 2**20
PART = 10_000


def things(path: Path, rows: int) -> Path:
    """Columns of every sort: all different, alike, and in between."""
    with path.open("w", encoding="utf-8") as out:
        out.write("number,code,name,price,day,shelf\n")
        for at in range(rows):
            out.write(f"{at},c-{at:09},The thing of row {at},{at % 9973}.{at % 100:02},2026-{1 + at % 12:02}-{1 + at % 28:02},s{at % 40}\n")
    return path


def peak(arguments: list[str], folder: Path) -> int:
    """The largest resident set that the command had, as the kernel keeps it for the process: the answer of `wait` would begin with that of
    whoever started it."""
    log = folder / "output.txt"
    with log.open("ab") as output:
        running = subprocess.Popen(
            [sys.executable, "-m", "app.main", *arguments], cwd=ROOT, env=environment(STILLROOM_DATA_DIR=str(folder / "data")),
            stdout=output, stderr=output,
        )  # fmt: skip
    most = 0
    while running.poll() is None:
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{running.pid}/status").read_text())
        most = max(most, int(found[1]) * 1024 if found else 0)
        time.sleep(0.05)
    assert running.returncode == 0, log.read_text()[-2000:]
    return most


@pytest.mark.parametrize(
    "rows", [60_000, pytest.param(5_000_000, marks=[pytest.mark.long, pytest.mark.timeout(3600)], id="5 million")]
)
def test_memory_does_not_grow_with_the_file(rows: int, tmp_path: Path) -> None:
    file = things(tmp_path / "things.csv", rows)
    needed = peak(["import", str(file), "--commit-every", str(PART), "--yes"], tmp_path)
    told = (tmp_path / "output.txt").read_text()
    assert f"`things`: {rows:,} created" in told
    assert 20 * 2**20 < needed < MOST_MEMORY, f"{needed / 2**20:.0f} MB"  # no Python does with less: it was seen at all
