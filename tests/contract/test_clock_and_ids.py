"""The clock and ids ports, on the machine's own and on those that tests tell."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from adapters.outbound import system_clock
from adapters.outbound.memory.clock import CountedIds, ToldClock
from adapters.outbound.system_clock import SystemClock, Uuid7Ids


@pytest.mark.parametrize("clock", [SystemClock(), ToldClock()])
def test_a_clock_tells_utc_and_never_goes_back(clock):
    first, second = clock.now(), clock.now()
    assert first.utcoffset() == timedelta(0)
    assert first <= second


def test_the_system_clock_tells_the_present():
    assert abs(SystemClock().now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_a_told_clock_moves_when_it_is_told_to():
    clock = ToldClock()
    before = clock.now()
    clock.advance(minutes=15)
    assert clock.now() - before == timedelta(minutes=15)


@pytest.fixture(params=[Uuid7Ids, CountedIds])
def ids(request):
    return request.param()


def test_ids_are_uuids_of_version_7(ids):
    made = ids.new()
    assert str(uuid.UUID(made)) == made
    assert (uuid.UUID(made).version, uuid.UUID(made).variant) == (7, uuid.RFC_4122)


def test_later_ids_sort_after_earlier_ones(ids):
    made = [ids.new() for _ in range(10_000)]
    assert made == sorted(set(made))


def test_ids_asked_for_together_grow_in_their_place(ids):
    made = [ids.new(), *ids.some(10_000), *ids.some(0), ids.new()]
    assert len(made) == 10_002
    assert made == sorted(set(made))
    assert all(uuid.UUID(each).version == 7 for each in made)


def test_threads_never_get_one_id_twice(ids):
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: ids.new(), range(4_000)))
    assert len(set(made)) == 4_000


def test_an_id_tells_when_it_was_made():
    made = uuid.UUID(Uuid7Ids().new())
    assert abs((made.int >> 80) / 1000 - datetime.now(UTC).timestamp()) < 5


def test_ids_go_on_growing_when_the_clock_is_set_back(monkeypatch):
    ids, times = Uuid7Ids(), iter([2_000_000_000_000_000_000, 1_000_000_000_000_000_000, 1_000_000_000_000_000_000])
    monkeypatch.setattr(system_clock.time, "time_ns", lambda: next(times))
    made = [ids.new() for _ in range(3)]
    assert made == sorted(made)
