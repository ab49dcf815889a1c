"""Seats that people hold for a moment and may lose again: nobody else gets one that is held, and one whose time is over is free.

Who holds what follows from the versions of a seat's record: each is one change, in the order in which they were made.
"""

import random
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import Any

from tests.e2e.server import Server
from tests.faults.money.callers import Caller, Crew, records

FREE = "holder = '' || reserved_until < @now"
SEATS = ("12A", "12B")
HOLD = 0.12
_NUMBERS = count(1)


@dataclass(frozen=True, slots=True)
class Hold:
    """What somebody was told to have, and when: `told` is by the clock of this machine."""

    seat: str
    holder: str
    version: int
    told: datetime
    until: datetime


@dataclass
class Sold:
    holds: list[Hold] = field(default_factory=list)
    refused: int = 0
    failures: list[str] = field(default_factory=list)

    def doubles(self) -> list[tuple[Hold, Hold]]:
        """Two that held one seat at one time."""
        by_seat: dict[str, list[Hold]] = defaultdict(list)
        for each in sorted(self.holds, key=lambda hold: hold.version):
            by_seat[each.seat].append(each)
        return [(one, next) for holds in by_seat.values() for one, next in pairwise(holds) if next.told <= one.until]


class Hall:
    def __init__(self, server: Server, admin: str) -> None:
        self.server, self.admin, self.seats = server, admin, f"seats{next(_NUMBERS)}"
        caller = self.caller(0)
        fields = [{"name": "holder", "type": "text"}, {"name": "reserved_until", "type": "date"}]
        made = caller.surely("POST", "/api/v1/collections", {"name": self.seats, "fields": fields})
        assert made.status == 201, made
        for seat in SEATS:
            made = caller.surely("POST", records(self.seats), {"id": seat})
            assert made.status == 201, made

    def caller(self, seed: int) -> Caller:
        return Caller(self.server, self.admin, chance=random.Random(seed))

    def take(self, caller: Caller, seat: str, holder: str, *, condition: bool) -> Hold | None:
        until = datetime.now(UTC) + timedelta(seconds=HOLD)
        body = {"holder": holder, "reserved_until": until.isoformat(timespec="milliseconds").replace("+00:00", "Z")}
        if condition:
            answer = caller.surely("PATCH", records(self.seats, seat, **{"if": FREE}), body)
        elif self._seems_free(caller, seat):
            answer = caller.surely("PATCH", records(self.seats, seat), body)
        else:
            return None
        if answer.status == 412:
            return None
        assert answer.status == 200, answer
        return Hold(seat, holder, answer.body["version"], datetime.now(UTC), until)

    def _seems_free(self, caller: Caller, seat: str) -> bool:
        found: dict[str, Any] = caller.surely("GET", records(self.seats, seat)).body
        return not found["holder"] or datetime.fromisoformat(found["reserved_until"]) < datetime.now(UTC)


def sell(hall: Hall, *, condition: bool, people: int = 8, seconds: float = 1.0) -> Sold:
    sold, crew, gate = Sold(), Crew(), threading.Barrier(people)
    for at in range(people):
        crew.start(_person, hall, sold, at, condition, seconds, gate)
    crew.join()
    return sold


def _person(hall: Hall, sold: Sold, at: int, condition: bool, seconds: float, gate: threading.Barrier) -> None:
    caller = hall.caller(at)
    gate.wait(10)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        held = hall.take(caller, caller.chance.choice(SEATS), f"p{at}", condition=condition)
        if held is None:
            sold.refused += 1
        else:
            sold.holds.append(held)
    caller.close()
    sold.failures += caller.failures
