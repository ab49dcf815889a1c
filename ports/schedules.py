"""Schedules as rows, and the calendar that says when cron expressions tick."""

from collections.abc import Sequence
from typing import Protocol

from domain.jobs.schedules import Rounds, Schedule


class Calendar(Protocol):
    def check(self, cron: str, zone: str) -> None:
        """Invalid where there is no such zone, and where the expression has no meaning or never ticks."""
        ...

    def after(self, cron: str, zone: str, moment: int) -> int | None:
        """The first tick after this moment, both in milliseconds. Where clocks are put forward, a time that they leave out ticks at once
        after it; where they are put back, a time that comes twice ticks once. Expressions that name no hour tick by time that passes."""
        ...


class ScheduleStore(Protocol):
    """The clock is the database's own."""

    def now(self) -> int:
        """Milliseconds."""
        ...

    def all(self) -> Sequence[Schedule]:
        """By name."""
        ...

    def hold(self, name: str) -> Schedule | None:
        """The one with that name, which nobody else moves or changes until the transaction ends."""
        ...

    def due(self, limit: int) -> Sequence[Schedule]: ...
    def move(self, schedule: Schedule, next: int | None, last: int) -> bool:
        """Goes on from `schedule.next`; False, and nothing changed, where somebody else did meanwhile, or it was changed or paused."""
        ...

    def put(self, schedule: Schedule) -> None:
        """In place of the one with that name."""
        ...

    def rounds(self) -> Rounds: ...
    def remove(self, name: str) -> bool: ...
