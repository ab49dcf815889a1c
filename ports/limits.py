"""Counting what is limited, exactly, by everybody who shares the counter."""

from collections.abc import Sequence
from typing import Protocol

from domain.limits.quotas import Meter, Tally


class HitCounter(Protocol):
    def hit(self, meters: Sequence[Meter]) -> Sequence[Tally]:
        """Counts one more by each meter, in order, and stops at the first that is over: what was refused is counted neither there nor
        by what comes after. Of any number of hits at once, exactly as many as the quota says are not over in a window, which begins with
        its first hit. A meter that finds no room is over. Unavailable where the counter does not answer in time."""
        ...

    def close(self) -> None: ...
