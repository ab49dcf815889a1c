"""Processes that are killed between a commit and handing its event over: every committed event is heard by whoever comes next."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.server import ROOT, environment


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request, tmp_path) -> dict[str, str]:
    own = {"STILLROOM_DATA_DIR": str(tmp_path / "data")}
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
        own |= {"STILLROOM_DATABASE_URL": url, "STILLROOM_SECRET_KEY": "the quick brown fox jumps over it"}
    return own


def started(settings: dict[str, str], folder: Path, seconds: float) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.e2e.witness", str(folder / "heard"), str(folder / "written"), str(seconds)]
    with (folder / "output").open("ab") as output:
        return subprocess.Popen(command, cwd=ROOT, env=environment(**settings), stdout=output, stderr=output)


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def killed(settings: dict[str, str], folder: Path, chance: random.Random) -> None:
    before, running = len(lines(folder / "written")), started(settings, folder, 60)
    until = time.monotonic() + 60
    while len(lines(folder / "written")) <= before and time.monotonic() < until:
        assert running.poll() is None, (folder / "output").read_text()
        time.sleep(0.005)
    time.sleep(chance.uniform(0, 0.3))
    running.kill()
    running.wait(20)


def ordered(heard: list[str]) -> list[int]:
    """The places as they were heard first: what is told again after a kill was told before."""
    places = (int(line.split()[0]) for line in heard)
    return list(dict.fromkeys(places))


def check(settings: dict[str, str], folder: Path, kills: int) -> None:
    chance = random.Random(7)
    for _ in range(kills):
        killed(settings, folder, chance)
    assert started(settings, folder, 0).wait(60) == 0, (folder / "output").read_text()
    written, heard = lines(folder / "written"), lines(folder / "heard")
    # What was committed and not noted any more is heard too; whatever was noted was committed.
    assert set(written) <= {line.split()[1] for line in heard}
    assert ordered(heard) == sorted(ordered(heard))
    assert len(written) > kills


@pytest.mark.timeout(300)
def test_every_committed_event_is_heard(settings, tmp_path):
    check(settings, tmp_path, 1)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_every_committed_event_is_heard_after_many_kills(settings, tmp_path):
    check(settings, tmp_path, 40)
