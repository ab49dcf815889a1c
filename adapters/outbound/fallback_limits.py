"""Counts by a counter that all machines share, and by this machine's own while that does not answer.

After a failure the shared one is left alone for some seconds, so that not each request waits for it; then one request tries it again.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from domain.errors import Unavailable
from domain.limits.quotas import Meter, Tally
from ports.limits import HitCounter
from ports.observer import LimitsAlone, LimitsShared, Observer

_PAUSE = 5.0


class FallbackLimits:
    def __init__(
        self, shared: HitCounter, own: HitCounter, observer: Observer, *,
        pause: float = _PAUSE, now: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._shared, self._own, self._observer = shared, own, observer
        self._pause, self._now, self._lock = pause, now, threading.Lock()
        self._failed, self._again = False, 0.0

    def hit(self, meters: Sequence[Meter]) -> Sequence[Tally]:
        """The machine's own counts go along, so that they need not begin at nothing when they are needed. That they cannot be kept
        matters to those alone who need them."""
        if not self._may_ask():
            return self._own.hit(meters)
        try:
            tallies = self._shared.hit(meters)
        except Unavailable as failure:
            self._note_failure(failure)
            return self._own.hit(meters)
        with suppress(Unavailable):
            self._own.hit(meters)
        if self._failed:
            self._note_recovery()
        return tallies

    def close(self) -> None:
        self._shared.close()
        self._own.close()

    def _may_ask(self) -> bool:
        """Of those who come while it is down, one at a time asks."""
        if not self._failed:
            return True
        with self._lock:
            if self._now() < self._again:
                return False
            self._again = self._now() + self._pause
            return True

    def _note_failure(self, failure: Unavailable) -> None:
        with self._lock:
            first, self._failed = not self._failed, True
            self._again = self._now() + self._pause
        if first:
            self._observer.observe(LimitsAlone(type(failure.__cause__ or failure).__name__))

    def _note_recovery(self) -> None:
        with self._lock:
            was, self._failed = self._failed, False
        if was:
            self._observer.observe(LimitsShared())
