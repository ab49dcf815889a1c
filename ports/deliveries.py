"""How far each subscriber has heard, who hands events to it, and what it could not handle yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.deliveries import Backlog, Deferred, Ordered


@dataclass(frozen=True, slots=True)
class Outlook:
    """`latest` is the last place that was given, `is_unplaced` whether there are events for `arrange`, `again` when the first deferred
    event is to be told, None where there is none."""

    latest: int
    is_unplaced: bool
    again: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a subscriber has heard, and whether somebody is handing events to it."""

    position: int
    is_held: bool


@dataclass(frozen=True, slots=True)
class Lease:
    position: int
    fence: int


class DeliveryStore(Protocol):
    def outlook(self) -> Outlook:
        """Whether anything is to be done, in one statement."""
        ...

    def enter(self, subscriber: str) -> None:
        """One that was never here hears what has no place yet, and whatever comes later."""
        ...

    def leave(self, subscriber: str) -> None:
        """It hears nothing any more, and nothing waits for it; when it enters again it begins anew."""
        ...

    # --- handing over

    def standing(self, subscriber: str) -> Standing | None:
        """None where it was never here."""
        ...

    def claim(self, subscriber: str, lease: int) -> Lease | None:
        """The right to hand events to it for so many milliseconds of the database's clock; None while somebody else has it. Each lease
        has a higher fence than those before it."""
        ...

    def keep(self, subscriber: str, lease: Lease, more: int) -> bool:
        """Writes how far it has heard, and holds on for so many milliseconds from now. False, and nothing is done, where somebody has
        got a lease after this one: then nothing else of the body may be kept either."""
        ...

    def release(self, subscriber: str, lease: Lease) -> None:
        """So that the next one need not wait."""
        ...

    # --- what could not be handled

    def defer(self, subscriber: str, deferred: Deferred) -> None:
        """Kept, in place of what was kept of the same event for it."""
        ...

    def settle(self, subscriber: str, event: int) -> bool:
        """It waits no more; whether it did."""
        ...

    def waiting(self, subscriber: str) -> frozenset[Ordered]:
        """What later events have to wait behind."""
        ...

    def due(self, subscriber: str, now: str, limit: int) -> Sequence[Deferred]:
        """Those that are to be told now, in order: of each record the first."""
        ...

    def deferred(self, subscriber: str | None, *, limit: int) -> Sequence[tuple[str, Deferred]]:
        """Of this subscriber, or of all: with its name, waiting and dead, those with the lowest places first."""
        ...

    def find(self, subscriber: str, event: int) -> Deferred | None: ...

    def subscribers(self) -> Sequence[Backlog]: ...

    def drop_dead(self, before: str, limit: int) -> int:
        """Removes at most so many of those that were given up before this moment; how many."""
        ...
