"""Workers that are paused in turn, as machines that are suspended: no tick has two jobs, and none is left out."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from domain.actor import SYSTEM
from tests.e2e.job_room import Room, until

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

# Is held up between its look and what it does about it.
HELD_UP = """
import time
from app.usecases.schedules import ScheduleUseCases
from stillroom import Extension

held_up = Extension("held_up")


def tick(self, *, stopped=lambda: False):
    due = self._work.read(lambda stores: stores.schedules.due(10))
    time.sleep(0.6)
    return sum(self._work.run(lambda stores: self._moved(each, stores)) for each in due)


ScheduleUseCases.tick = tick
"""
# And acts on what it saw, whatever has happened since.
CARELESS = """
from app.usecases.schedules import ScheduleUseCases
from domain.jobs.schedules import move
from stillroom import Extension

careless = Extension("careless")


def moved(self, schedule, stores):
    decided = move(schedule, stores.schedules.now(), self._after(schedule.timing, schedule.next or 0))
    stores.schedules.move(schedule, decided.next, schedule.next or 0)
    for _ in decided.runs:
        self._jobs.add(stores, self._ids.new(), schedule.job, **schedule.arguments)
    return len(decided.runs)


ScheduleUseCases._moved = moved
"""


def ticked(room: Room, pauses: int) -> tuple[int, list[int]]:
    """How many seconds it went round, and the tick of each job."""
    chance = random.Random(7)
    (room.folder / "extensions" / "held_up.py").write_text(HELD_UP, encoding="utf-8")
    with room.backend() as backend:
        wanted = {"job": "note", "every": "1 second", "missed": "all", "arguments": {"line": "tick"}}
        backend.schedules.put("clock", wanted, actor=SYSTEM)
        first = backend.schedules.list(actor=SYSTEM)[0].next or 0
        with room.worker("--processes", "1") as one, room.worker("--processes", "1") as other:
            until(lambda: len(room.lines) >= 2)
            for _ in range(pauses):
                paused = chance.choice((one, other)).pid
                os.killpg(paused, signal.SIGSTOP)
                time.sleep(chance.uniform(0.5, 2.5))
                os.killpg(paused, signal.SIGCONT)
                time.sleep(chance.uniform(0, 0.5))
            backend.schedules.pause("clock", paused=True, actor=SYSTEM)
            time.sleep(1.5)
        last = backend.schedules.list(actor=SYSTEM)[0].last or 0
        jobs = backend.jobs.list({}, actor=SYSTEM)
        return (last - first) // 1000 + 1, sorted(int((each.key or "- 0").split()[1]) for each in jobs)


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_who_was_paused_makes_no_tick_twice(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    settings = {}
    if engine == "postgresql":
        settings = {
            "STILLROOM_DATABASE_URL": request.getfixturevalue("postgres_database_url"),
            "STILLROOM_SECRET_KEY": "kQ3v9ZrX1mB7tLw5YcHd0sNe8GfJu2Pa",
        }
    seconds, ticks = ticked(Room(tmp_path / "room", settings), 12)
    print(f"{engine}: {seconds} seconds, {len(ticks)} jobs")
    assert ticks == list(range(ticks[0], ticks[-1] + 1, 1000))
    assert len(ticks) >= seconds >= 12


def test_who_acts_on_what_it_saw_makes_some_twice(tmp_path: Path) -> None:
    """The control."""
    room = Room(tmp_path / "room")
    (room.folder / "extensions" / "careless.py").write_text(CARELESS, encoding="utf-8")
    seconds, ticks = ticked(room, 12)
    print(f"{seconds} seconds, {len(ticks)} jobs")
    assert len(ticks) > seconds + 1
