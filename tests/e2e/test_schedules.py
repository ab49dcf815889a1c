"""A schedule of every second over two workers, one of which is killed: each tick has one job, and none is left out."""

import os
import signal
import time
from pathlib import Path

from domain.actor import SYSTEM
from tests.e2e.job_room import Room, until
from tests.e2e.server import stillroom


def test_each_tick_is_made_once_whoever_is_killed(tmp_path: Path) -> None:
    room = Room(tmp_path / "room")
    with room.backend() as backend:
        wanted = {"job": "note", "every": "1 second", "missed": "all", "arguments": {"line": "tick"}}
        backend.schedules.put("clock", wanted, actor=SYSTEM)
        with room.worker("--processes", "1") as first, room.worker("--processes", "1"):
            until(lambda: len(room.lines) >= 2)
            os.killpg(first.pid, signal.SIGKILL)
            known = len(room.lines)
            until(lambda: len(room.lines) >= known + 3)
            backend.schedules.pause("clock", paused=True, actor=SYSTEM)
            time.sleep(1.5)
        (clock,) = backend.schedules.list(actor=SYSTEM)
        jobs = [backend.jobs.inspect(each.id, actor=SYSTEM) for each in backend.jobs.list({}, actor=SYSTEM)]
    ticks = sorted(int((each.key or "").split()[1]) for each in jobs)
    assert ticks == list(range(ticks[0], (clock.last or 0) + 1, 1000))
    assert len(ticks) >= 5
    told = stillroom("schedules", "list", cwd=room.folder, **room.settings)
    assert told.stdout.strip() == "clock: note, every 1 second; next paused"
