"""A process that runs jobs, one after another: claims a few, runs them, keeps what came of them, and holds on to them meanwhile.

A job may end this process (a crash, or its time limit, which the watcher keeps). What it was at stands on its slate.
"""

import os
import signal
from collections import deque
from collections.abc import Callable, Collection, Sequence
from threading import Event, Lock, Thread
from time import monotonic, sleep
from typing import TypeVar

from app.slates import Batch, Left, Slate
from app.usecases.job_runs import JobRuns
from domain.jobs.job import Claim
from domain.jobs.outcomes import Outcome
from ports.observer import HousekeepingFailed, Observer, trace

T = TypeVar("T")
# So many are claimed together once they prove to be quick: a commit for each would be most of the work.
_MOST_AT_ONCE = 64
_QUICK = 0.2
# What came of jobs is kept together, unless it took so long that nobody wants to see it done again after a crash.
_KEPT_AFTER = 0.05
# A job that takes longer keeps no other waiting behind it.
_PATIENT = 0.5
_BEAT = 0.5
# Between two looks at whether the running job was cancelled, or is somebody else's.
_ASK = 2.0
_SHORTEST_IDLE = 0.02
# Where the database does not answer.
_REST = 1.0


class Hand:
    """`grace` is how long a running job may take once the process is to end; then it is given back. `parent` watches this process."""

    def __init__(
        self, runs: JobRuns, slate: Slate, observer: Observer, *, queues: Collection[str] | None, burst: bool, grace: float,
        parent: int,
    ) -> None:  # fmt: skip
        self._runs, self._slate, self._observer = runs, slate, observer
        self._queues, self._burst, self._grace, self._parent = queues, burst, grace, parent
        self._over, self._changing = Event(), Lock()
        self._waiting: deque[tuple[int, Claim]] = deque()
        self._holder, self._current = "", ""
        self._at_once, self._asked, self._stop_by = 1, 0.0, float("inf")

    def go(self, left: Left | None, why: str) -> None:
        """Until it is told to stop, or in a burst until nothing is due. `left` is what the one before it was at, `why` how that ended."""
        signal.signal(signal.SIGTERM, lambda *_: self._over.set())
        Thread(target=self._watch, name="stillroom-hold", daemon=True).start()
        self._patiently(lambda: self._clear_up(left, why))
        idle, called = _SHORTEST_IDLE, 0
        while not self._over.is_set():
            limit = min(called or self._at_once, self._at_once)
            claims = self._patiently(lambda limit=limit: self._runs.claim(limit, self._queues)) or ()  # type: ignore[misc]
            if claims:
                self._work_off(claims)
                idle = _SHORTEST_IDLE
                # Where some were found more may be, called for or not.
                called = self._called(0.0)
            elif self._burst:
                return
            else:
                self._at_once = min(self._at_once * 2, _MOST_AT_ONCE) if called else self._at_once
                called = self._called(idle)
                idle = min(idle * 1.5, self._runs.longest_wait)

    def _called(self, patience: float) -> int:
        return self._runs.called(self._at_once, self._queues, patience)

    def _clear_up(self, left: Left | None, why: str) -> None:
        if left is not None:
            if left.running:
                self._runs.ended(left.batch.holder, left.running, why)
            self._runs.give_back(left.batch.holder, left.batch.ids)
        self._slate.clear()

    def _work_off(self, claims: Sequence[Claim]) -> None:
        began = monotonic()
        self._take(claims)
        outcomes: list[tuple[Claim, Outcome]] = []
        kept_at = began
        while (following := self._next()) is not None:
            place, claim = following
            self._slate.begin(place, self._runs.timeout(claim))
            outcomes.append((claim, self._runs.run(claim)))
            self._slate.end()
            if monotonic() - kept_at > _KEPT_AFTER:
                self._keep(outcomes)
                kept_at = monotonic()
        self._keep(outcomes)
        self._slate.clear()
        self._at_once = min(self._at_once * 2, _MOST_AT_ONCE) if monotonic() - began < _QUICK else max(self._at_once // 2, 1)

    def _take(self, claims: Sequence[Claim]) -> None:
        with self._changing:
            self._holder, self._asked = claims[0].holder, monotonic()
            self._slate.take(Batch(self._holder, tuple(each.job.id for each in claims)))
            self._waiting.extend(enumerate(claims))

    def _next(self) -> tuple[int, Claim] | None:
        with self._changing:
            self._current = ""
            if self._over.is_set():
                self._let_go()
            if not self._waiting:
                return None
            following = self._waiting.popleft()
            self._current = following[1].job.id
            return following

    def _keep(self, outcomes: list[tuple[Claim, Outcome]]) -> None:
        if outcomes:
            self._patiently(lambda: self._runs.settle(outcomes))
            outcomes.clear()

    # --- beside it

    def _watch(self) -> None:
        """While jobs run: others get what would wait too long, the lease goes on, and who no longer has the job stops."""
        while True:
            sleep(_BEAT)
            if os.getppid() != self._parent:
                # Nobody is left to stop what takes too long.
                self._over.set()
            if self._over.is_set():
                self._stop_by = min(self._stop_by, monotonic() + self._grace)
            self._patiently(self._beat, once=True)

    def _beat(self) -> None:
        since = self._slate.since
        if not since:
            return
        with self._changing:
            if monotonic() - since > _PATIENT:
                self._let_go()
            holder, current = self._holder, self._current
        if not current:
            return
        if monotonic() > self._stop_by:
            self._runs.give_back(holder, [current])
            os._exit(0)
        if monotonic() - self._asked > _ASK:
            self._hold_on(since, holder, current)

    def _hold_on(self, since: float, holder: str, current: str) -> None:
        with self._changing:
            ids = [current, *(claim.job.id for _, claim in self._waiting)]
        kept = self._runs.keep(holder, ids)
        self._asked = monotonic()
        with self._changing:
            self._waiting = deque(each for each in self._waiting if each[1].job.id in kept)
        if current not in kept and self._slate.since == since:
            self._slate.abandon()

    def _let_go(self) -> None:
        ids = [claim.job.id for _, claim in self._waiting]
        self._waiting.clear()
        self._patiently(lambda: self._runs.give_back(self._holder, ids), once=True)

    def _patiently(self, what: Callable[[], T], *, once: bool = False) -> T | None:
        """Again and again while the database does not answer: what a job has done is not to be forgotten for that."""
        while True:
            try:
                return what()
            except Exception as error:  # noqa: BLE001 - the next attempt may go well, and nobody else would make it
                self._observer.observe(HousekeepingFailed("jobs", "\n".join(trace(error))))
            if once or self._over.wait(_REST):
                return None
