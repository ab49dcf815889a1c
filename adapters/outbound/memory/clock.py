"""A clock that tests set by hand, and ids that they can foretell."""

from datetime import UTC, datetime, timedelta
from itertools import count


class ToldClock:
    """Stands still at `start` until it is moved on."""

    def __init__(self, start: datetime = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def advance(self, **duration: float) -> None:
        """`clock.advance(minutes=15)`: the arguments are timedelta's."""
        self._now += timedelta(**duration)


class CountedIds:
    """UUIDs of version 7 that count upwards: `00000000-0001-7000-8000-000000000000` is the first."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def new(self) -> str:
        digits = f"{next(self._numbers):012x}"
        return f"{digits[:8]}-{digits[8:]}-7000-8000-000000000000"

    def some(self, number: int) -> list[str]:
        return [self.new() for _ in range(number)]


class NamedIds:
    """Counts upwards, except that the next record may be told its id."""

    def __init__(self) -> None:
        self._counted, self._next = CountedIds(), ""

    def name_next(self, id: str) -> None:
        self._next = id

    def new(self) -> str:
        named, self._next = self._next, ""
        return named or self._counted.new()

    def some(self, number: int) -> list[str]:
        return [self.new() for _ in range(number)]
