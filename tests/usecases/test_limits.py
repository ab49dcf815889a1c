"""When which limit is asked: under a schema that moves on, for those from inside, and where the counter fails."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from adapters.outbound.fallback_limits import FallbackLimits
from adapters.outbound.memory.clock import ToldClock
from adapters.outbound.memory.limits import MemoryLimits
from app.testing import TestBackend, backend
from app.usecases.limits import LimitUseCases
from domain.actor import GUEST, SYSTEM
from domain.errors import TooMany, Unavailable
from domain.limits.policies import NO_POLICIES
from domain.limits.quotas import Quota, meter
from domain.limits.visits import Visit
from domain.records.page import ListQuery
from domain.rules.values import RequestFacts

THINGS = {"name": "things", "fields": [{"name": "n", "type": "integer"}], "rules": {"list": "", "create": ""}}


@pytest.fixture
def room():
    with backend() as room:
        room.collections.create({**THINGS, "limits": {"list": "2/minute"}}, actor=SYSTEM)
        yield room


@dataclass
class OldSchema:
    """The work of another process, which has not heard of a change: what it glimpses is what was."""

    room: TestBackend
    seen: Any = field(init=False)

    def __post_init__(self):
        self.seen = self.room.limits._work.glimpse()

    def glimpse(self):
        return self.seen

    def read(self, body):
        return self.room.limits._work.read(body)


def old(room) -> LimitUseCases:
    return LimitUseCases(OldSchema(room), room.limits._counter, NO_POLICIES, room.observer)


def ask(limits: LimitUseCases, room: TestBackend) -> Visit:
    """As a door does: let in by what this process knows, then served by what is so."""
    visit = Visit("203.0.113.1")
    limits.admit(visit, GUEST, "things", "list")
    room.records.list("things", ListQuery(), actor=GUEST, facts=RequestFacts("GET", visit=visit))
    return visit


def let_in(limits, room, times) -> int:
    count = 0
    for _ in range(times):
        try:
            ask(limits, room)
            count += 1
        except TooMany:
            pass
    return count


@pytest.mark.parametrize("before, after, allowed", [(None, "3/minute", 3), ("2/minute", "3/minute", 3), ("3/minute", "1/minute", 1),
                                                    ("2/minute", None, 10), ("2/minute", "4/hour", 4)])  # fmt: skip
def test_a_process_that_has_not_heard_of_a_change_goes_by_the_new_limit(room, before, after, allowed):
    room.collections.change("things", {"limits": {"list": before}}, actor=SYSTEM)
    unaware = old(room)
    room.collections.change("things", {"limits": {"list": after}}, actor=SYSTEM)
    assert let_in(unaware, room, 10) == allowed


def test_a_request_is_counted_once_however_often_its_body_runs(room):
    visit = Visit("203.0.113.1")
    room.limits.admit(visit, GUEST, "things", "list")
    schema = room.limits._work.glimpse()
    for _ in range(5):
        visit.recheck(schema)
    assert [each.used for each in visit.tallies] == [1]


def test_what_comes_from_inside_is_not_limited(room):
    for _ in range(5):
        room.records.list("things", ListQuery(), actor=GUEST, facts=RequestFacts("GET"))


class Broken:
    def hit(self, meters):
        raise Unavailable("limits cannot be counted at the moment")

    def close(self):
        pass


def test_a_counter_that_fails_lets_nobody_in(room):
    with pytest.raises(Unavailable):
        LimitUseCases(room.limits._work, Broken(), NO_POLICIES, room.observer).admit(Visit("x"), GUEST, "things", "list")


def test_the_machines_own_counter_is_missed_only_where_it_is_needed(room):
    working, ann = MemoryLimits(ToldClock()), meter("a", Quota(5, 60), "ann")
    assert FallbackLimits(working, Broken(), room.observer).hit([ann])[0].used == 1
    with pytest.raises(Unavailable):
        FallbackLimits(Broken(), Broken(), room.observer).hit([ann])


def test_one_at_a_time_asks_a_counter_that_was_down():
    now = [100.0]

    class Counted(Broken):
        asked = 0

        def hit(self, meters):
            self.asked += 1
            return super().hit(meters)

    class Deaf:
        def observe(self, observation):
            pass

    shared = Counted()
    both = FallbackLimits(shared, MemoryLimits(ToldClock()), Deaf(), pause=5, now=lambda: now[0])
    for at, asked in ((100.0, 1), (100.1, 1), (104.9, 1), (105.1, 2), (105.2, 2), (110.2, 3)):
        now[0] = at
        both.hit([meter("a", Quota(5, 60), "ann")])
        assert shared.asked == asked, at
