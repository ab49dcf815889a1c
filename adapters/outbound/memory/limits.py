"""Counts in this process alone; for tests, whose clock it goes by."""

from collections.abc import Sequence
from threading import Lock

from domain.limits.quotas import Meter, Tally
from ports.clock import Clock


class MemoryLimits:
    def __init__(self, clock: Clock) -> None:
        self._clock, self._lock = clock, Lock()
        self._windows: dict[bytes, tuple[float, int]] = {}

    def hit(self, meters: Sequence[Meter]) -> Sequence[Tally]:
        tallies: list[Tally] = []
        with self._lock:
            for meter in meters:
                tallies.append(self._count(meter))
                if tallies[-1].is_over:
                    break
        return tallies

    def close(self) -> None:
        self._windows.clear()

    def _count(self, meter: Meter) -> Tally:
        now = self._clock.now().timestamp()
        ends, used = self._windows.get(meter.key, (0.0, 0))
        if ends <= now:
            ends, used = now + meter.quota.seconds, 0
        if used < meter.quota.count:
            self._windows[meter.key] = (ends, used + 1)
        return Tally(meter, used + 1, ends - now)
