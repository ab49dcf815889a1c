"""Keeps processes that run jobs alive: starts them, stops one whose job takes too long or is nobody's any more, and puts another in the
place of each that is gone.

It has no threads and no database, so that it may fork, and so that nothing a job does can reach it.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType

from app.slates import Left, Slate

_LOOK = 0.05
# A process that ends while no job runs has a cause that stays: it is started again later and later, until one lives for so long.
_FIRST_WAIT, _LONGEST_WAIT, _SOUND_AFTER = 0.2, 30.0, 10.0
# Over and above the grace that jobs have.
_PATIENCE = 3.0

# Runs jobs in this process until it is to end; with what the one before it left, and how that ended.
Work = Callable[[Slate, Left | None, str], None]
Say = Callable[[str, float], None]


@dataclass(slots=True)
class _Place:
    """Of one process after another."""

    slate: Slate = field(default_factory=Slate)
    pid: int = 0
    since: float = 0.0
    not_before: float = 0.0
    wait: float = _FIRST_WAIT
    why: str = ""
    is_over: bool = False


class Runner:
    """`say` is told how a process ended, and in how many seconds the next one starts."""

    def __init__(self, processes: int, work: Work, say: Say, *, grace: float, burst: bool = False) -> None:
        self._places = [_Place() for _ in range(processes)]
        self._work, self._say, self._grace = work, say, grace
        self._burst, self._is_over = burst, False

    def run(self, *, alive: Callable[[], bool] = lambda: True) -> None:
        """Until SIGTERM or Ctrl-C, until `alive` says no, or, in a burst, until every process has found nothing to do."""
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._end)
        while not self._is_over and alive() and not all(each.is_over for each in self._places):
            self._look()
            time.sleep(_LOOK)
        self._stop()

    def _end(self, signum: int, frame: FrameType | None) -> None:
        self._is_over = True

    def _look(self) -> None:
        self._reap()
        now = time.monotonic()
        for place in self._places:
            if place.pid:
                self._judge(place)
            elif not place.is_over and now >= place.not_before:
                self._start(place)

    def _judge(self, place: _Place) -> None:
        if place.slate.since < place.since:
            return  # nothing runs, or the slate tells of the one before, until that is cleared up
        if place.slate.is_abandoned:
            self._kill(place, "it was cancelled, or given to another")
        elif place.slate.is_overdue:
            self._kill(place, "its time limit was over")

    def _kill(self, place: _Place, why: str) -> None:
        place.why = why
        os.kill(place.pid, signal.SIGKILL)

    def _start(self, place: _Place) -> None:
        left, why = place.slate.left(), place.why
        place.why, place.since = "", time.monotonic()
        sys.stdout.flush()
        sys.stderr.flush()
        place.pid = os.fork()
        if not place.pid:
            self._become(place.slate, left, why)

    def _become(self, slate: Slate, left: Left | None, why: str) -> None:
        """Never returns: nothing of the watcher is to be done twice."""
        code = 1
        try:
            # Ctrl-C reaches the whole group; only the watcher acts on it, and tells.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self._work(slate, left, why)
            code = 0
        except BaseException as error:  # noqa: BLE001 - told by the code it ends with, and by this
            sys.stderr.write(f"A worker could not go on: {type(error).__name__}\n")
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _reap(self) -> None:
        for place in self._places:
            if place.pid:
                pid, status = os.waitpid(place.pid, os.WNOHANG)
                if pid:
                    self._ended(place, os.waitstatus_to_exitcode(status))

    def _ended(self, place: _Place, code: int) -> None:
        place.pid, place.is_over = 0, self._burst and code == 0 and not place.slate.left()
        if place.is_over:
            return
        place.why = place.why or (f"it was ended by signal {-code}" if code < 0 else f"it ended its process with {code}")
        left = place.slate.left()
        lived = time.monotonic() - place.since
        if (left and left.running) or lived > _SOUND_AFTER:
            # The job is what is to blame, and waits by itself.
            place.wait, place.not_before = _FIRST_WAIT, 0.0
            return
        place.not_before = time.monotonic() + place.wait
        self._say(place.why, place.wait)
        place.wait = min(place.wait * 2, _LONGEST_WAIT)

    def _stop(self) -> None:
        for place in self._places:
            if place.pid:
                os.kill(place.pid, signal.SIGTERM)
        until = time.monotonic() + self._grace + _PATIENCE
        while any(each.pid for each in self._places) and time.monotonic() < until:
            for place in self._places:
                if place.pid:
                    self._judge(place)
            time.sleep(_LOOK)
            self._forget_ended()
        for place in self._places:
            if place.pid:
                os.kill(place.pid, signal.SIGKILL)

    def _forget_ended(self) -> None:
        for place in self._places:
            if place.pid and os.waitpid(place.pid, os.WNOHANG)[0]:
                place.pid = 0
