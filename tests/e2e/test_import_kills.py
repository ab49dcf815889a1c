"""An import that is kept part by part, killed again and again: every row is there once in the end."""

import csv
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests.e2e.server import ROOT, environment, stillroom

ROWS, PART, KILLS = 8_000, 100, 3
BAD = set(range(7, ROWS, 1_500))


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request, tmp_path) -> dict[str, str]:
    own = {"STILLROOM_DATA_DIR": str(tmp_path / "data")}
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
        own |= {"STILLROOM_DATABASE_URL": url, "STILLROOM_SECRET_KEY": "the quick brown fox jumps over it"}
    return own


def query(settings: dict[str, str], text: str) -> list[tuple[object, ...]]:
    """Beside the import, as it is committed; nothing where there is no such table yet."""
    try:
        if "STILLROOM_DATABASE_URL" in settings:
            with psycopg.connect(settings["STILLROOM_DATABASE_URL"].replace("+psycopg", "")) as connection:
                return connection.execute(text).fetchall()
        path = Path(settings["STILLROOM_DATA_DIR"]) / "stillroom.db"
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10) as connection:
            return connection.execute(text).fetchall()
    except (sqlite3.OperationalError, psycopg.errors.UndefinedTable):
        return []


def done_rows(settings: dict[str, str]) -> int:
    found = query(settings, "SELECT rows FROM _imports")
    return int(found[0][0]) if found else 0  # type: ignore[call-overload]


def command(file: Path) -> list[str]:
    return ["import", str(file), "--commit-every", str(PART), "--skip-bad", "--yes"]


def killed(settings: dict[str, str], arguments: list[str], folder: Path, chance: random.Random) -> None:
    """Started, and killed some moments after it has kept something more."""
    before = done_rows(settings)
    with (folder / "output.txt").open("ab") as output:
        running = subprocess.Popen(
            [sys.executable, "-m", "app.main", *arguments], cwd=ROOT, env=environment(**settings), stdout=output, stderr=output
        )
    until = time.monotonic() + 60
    while done_rows(settings) <= before and running.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    time.sleep(chance.uniform(0, 0.1))
    running.send_signal(signal.SIGKILL)
    running.wait(20)


@pytest.mark.timeout(300)  # every turn starts a process, beside the other tests
def test_no_row_is_lost_or_doubled(settings: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "things.csv"
    rows = [["x" if number in BAD else str(number), f"thing {number}"] for number in range(ROWS)]
    with file.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([["number", "note"], *rows])
    definition = tmp_path / "definition.json"
    definition.write_text('{"name": "things", "fields": [{"name": "number", "type": "integer"}, {"name": "note", "type": "text"}]}')
    chance, seen = random.Random(7), []
    first = [*command(file)[:2], "--definition", str(definition), *command(file)[2:]]
    for turn in range(KILLS):
        killed(settings, first if turn == 0 else command(file), tmp_path, chance)
        seen.append(done_rows(settings))
    assert seen == sorted(set(seen)), seen  # each turn went on
    assert 0 < seen[-1] < ROWS, seen
    ended = stillroom(*command(file), cwd=tmp_path, **settings)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"Going on after {seen[-1]:,} rows" in ended.stdout
    numbers = [row[0] for row in query(settings, "SELECT number FROM things ORDER BY number")]
    assert numbers == [number for number in range(ROWS) if number not in BAD]
    with (tmp_path / "things.rejects.csv").open(newline="", encoding="utf-8") as rejects:
        assert [row["note"] for row in csv.DictReader(rejects)] == [f"thing {number}" for number in sorted(BAD)]
    again = stillroom(*command(file), cwd=tmp_path, **settings)
    assert (again.returncode, "nothing is left to do" in again.stdout) == (0, True), again.stdout + again.stderr
    assert len(query(settings, "SELECT number FROM things")) == ROWS - len(BAD)
