"""The clock and the identifiers of the machine."""

import os
import time
from datetime import UTC, datetime
from threading import Lock

_COUNTER_BITS = 12
_RANDOM = (1 << 62) - 1


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class Uuid7Ids:
    """UUIDv7 (RFC 9562) with a 12-bit counter after the millisecond (section 6.2, method 1): the ids of one process grow
    strictly, also within a millisecond and when the clock is set back. The other 62 bits come from the operating system
    each time, so processes that were forked from one another never repeat."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._last = 0

    def new(self) -> str:
        return self.some(1)[0]

    def some(self, number: int) -> list[str]:
        """One call of the operating system for all of them."""
        random = os.urandom(8 * number)
        first = self._ticks(number)
        return [_written(first + at, int.from_bytes(random[8 * at : 8 * at + 8], "big") & _RANDOM) for at in range(number)]

    def _ticks(self, number: int) -> int:
        """The first of so many, milliseconds and counter as one number; a counter that overflows borrows from the next millisecond."""
        with self._lock:
            first = max(self._last + 1, time.time_ns() // 1_000_000 << _COUNTER_BITS)
            self._last = first + max(number, 1) - 1
            return first


def _written(tick: int, random: int) -> str:
    millis, counter = tick >> _COUNTER_BITS, tick & ((1 << _COUNTER_BITS) - 1)
    digits = f"{millis << 80 | 7 << 76 | counter << 64 | 2 << 62 | random:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
