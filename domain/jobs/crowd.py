"""How many jobs wait, as far as one process knows, and when that is too many: a loop that asks for jobs ends before the disk does."""

from collections.abc import Callable
from time import monotonic

from domain.errors import Unavailable

MOST_WAITING = 500_000
# Between two counts. What others ask for meanwhile is not seen, so the bound is about that much too high.
_EVERY = 5.0
# Once it is full; whoever is refused there tries again, and so do the others.
_EVERY_IN_A_CROWD = 1.0


class Crowd:
    """`now` is in seconds, from any moment on."""

    def __init__(self, most: int = MOST_WAITING, now: Callable[[], float] = monotonic) -> None:
        self._most, self._now = most, now
        self._counted, self._waiting, self._again = 0, 0, float("-inf")

    def join(self, count: Callable[[int], int]) -> None:
        """For one that was added. Unavailable where there are too many with it. `count` tells how many wait, up to the number given."""
        self._waiting += 1
        # What was done meanwhile is not known either: nobody is refused by a guess.
        if self._now() >= self._again or self._waiting > self._most >= self._counted:
            self._counted = self._waiting = count(self._most + 1)
            self._again = self._now() + (_EVERY if self._waiting <= self._most else _EVERY_IN_A_CROWD)
        if self._waiting > self._most:
            raise Unavailable(
                f"{self._most} jobs wait already", code="too_many_jobs", retry_after=5,
                hint="run more workers, or look at what waits: `stillroom jobs list`",
            )  # fmt: skip
