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
from typing import Any, Literal

from tests.e2e.server import Server
from tests.faults.money.callers import Caller, Crew, records

FREE = "holder = '' || reserved_until < @now"
SEATS = ("12A", "12B")
# Who sees to it that a seat is free: the request, the collection, or a look before.
Guard = Literal["if", "rule", "look"]
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
    """Guests take its seats: rules do not bind an admin."""

    def __init__(self, server: Server, admin: str, guard: Guard) -> None:
        self.server, self.guard, self.seats = server, guard, f"seats{next(_NUMBERS)}"
        caller = Caller(server, admin)
        fields = [{"name": "holder", "type": "text"}, {"name": "reserved_until", "type": "date"}]
        rules = {"list": "", "view": "", "update": FREE if guard == "rule" else ""}
        made = caller.surely("POST", "/api/v1/collections", {"name": self.seats, "fields": fields, "rules": rules})
        assert made.status == 201, made
        for seat in SEATS:
            made = caller.surely("POST", records(self.seats), {"id": seat})
            assert made.status == 201, made

    def caller(self, seed: int) -> Caller:
        return Caller(self.server, "", chance=random.Random(seed))

    def take(self, caller: Caller, seat: str, holder: str) -> Hold | None:
        until = datetime.now(UTC) + timedelta(seconds=HOLD)
        body = {"holder": holder, "reserved_until": until.isoformat(timespec="milliseconds").replace("+00:00", "Z")}
        if self.guard == "look" and not self._seems_free(caller, seat):
            return None
        query = {"if": FREE} if self.guard == "if" else {}
        answer = caller.surely("PATCH", records(self.seats, seat, **query), body)
        if answer.status == {"if": 412, "rule": 404}.get(self.guard):
            return None
        assert answer.status == 200, answer
        return Hold(seat, holder, answer.body["version"], datetime.now(UTC), until)

    def _seems_free(self, caller: Caller, seat: str) -> bool:
        found: dict[str, Any] = caller.surely("GET", records(self.seats, seat)).body
        return not found["holder"] or datetime.fromisoformat(found["reserved_until"]) < datetime.now(UTC)


def sell(hall: Hall, *, people: int = 8, seconds: float = 1.0) -> Sold:
    sold, crew, gate = Sold(), Crew(), threading.Barrier(people)
    for at in range(people):
        crew.start(_person, hall, sold, at, seconds, gate)
    crew.join()
    return sold


def _person(hall: Hall, sold: Sold, at: int, seconds: float, gate: threading.Barrier) -> None:
    caller = hall.caller(at)
    gate.wait(10)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        held = hall.take(caller, caller.chance.choice(SEATS), f"p{at}")
        if held is None:
            sold.refused += 1
        else:
            sold.holds.append(held)
    caller.close()
    sold.failures += caller.failures
