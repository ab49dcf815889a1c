"""Every counter of limits keeps the same promise; what is peculiar to one of them is in test_machine_limits and test_redis_limits."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.outbound.fallback_limits import FallbackLimits
from adapters.outbound.machine_limits import MachineLimits
from adapters.outbound.memory.limits import MemoryLimits
from adapters.outbound.redis_limits import RedisLimits
from adapters.outbound.system_clock import SystemClock
from domain.limits.quotas import Quota, meter
from ports.limits import HitCounter

Three = Quota(3, 60)


@pytest.fixture(params=["memory", "machine", "redis", "redis-and-machine"])
def counter(request, tmp_path, notes) -> Iterator[HitCounter]:
    makers: dict[str, Callable[[], HitCounter]] = {
        "memory": lambda: MemoryLimits(SystemClock()),
        "machine": lambda: MachineLimits(tmp_path / "limits.table"),
        "redis": lambda: RedisLimits(request.getfixturevalue("redis_url"), patience=5),
        "redis-and-machine": lambda: FallbackLimits(
            RedisLimits(request.getfixturevalue("redis_url"), patience=5), MachineLimits(tmp_path / "limits.table"), notes
        ),
    }
    made = makers[request.param]()
    yield made
    made.close()


def test_so_many_are_not_over_and_the_next_is(counter):
    tallies = [counter.hit([meter("a", Three, "ann")])[0] for _ in range(5)]
    assert [each.is_over for each in tallies] == [False, False, False, True, True]
    assert [each.remaining for each in tallies] == [2, 1, 0, 0, 0]
    assert all(50 < each.ends_in <= 60 for each in tallies)


def test_windows_begin_with_their_first_hit_and_end(counter):
    short = meter("a", Quota(1, 1), "ann")
    first = counter.hit([short])[0]
    time.sleep(0.5)
    second = counter.hit([short])[0]
    assert (first.is_over, second.is_over) == (False, True)
    assert 0 < second.ends_in <= 0.5
    time.sleep(second.ends_in + 0.02)
    assert not counter.hit([short])[0].is_over


@pytest.mark.parametrize(
    "other",
    [meter("b", Three, "ann"), meter("a", Quota(3, 61), "ann"), meter("a", Three, "bob"), meter("a", Three, "an", "n"), meter("a", Three)],
)
def test_others_are_counted_apart(counter, other):
    for _ in range(4):
        counter.hit([meter("a", Three, "ann")])
    assert counter.hit([other])[0].used == 1


def test_a_tighter_limit_counts_on(counter):
    for _ in range(3):
        counter.hit([meter("a", Quota(10, 60), "ann")])
    assert counter.hit([meter("a", Three, "ann")])[0].is_over
    assert not counter.hit([meter("a", Quota(10, 60), "ann")])[0].is_over


def test_a_wider_limit_lets_in_what_it_has_more(counter):
    for _ in range(9):
        counter.hit([meter("a", Three, "ann")])
    wider = [counter.hit([meter("a", Quota(5, 60), "ann")])[0].is_over for _ in range(4)]
    assert wider == [False, False, True, True]


def test_what_comes_behind_a_refusal_is_not_counted(counter):
    narrow, wide = meter("narrow", Quota(2, 60), "ann"), meter("wide", Quota(100, 60), "ann")
    told = [counter.hit([narrow, wide]) for _ in range(5)]
    assert [len(each) for each in told] == [2, 2, 1, 1, 1]
    assert counter.hit([wide])[0].used == 3


def test_nothing_to_count_is_nothing(counter):
    assert list(counter.hit([])) == []


def test_of_many_threads_at_once_exactly_so_many_are_let_in(counter):
    ready = threading.Barrier(16)

    def hammer(_: int) -> int:
        ready.wait()
        return sum(not counter.hit([meter("a", Quota(50, 60), "ann")])[0].is_over for _ in range(20))

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(hammer, range(16))) == 50


def test_many_keys_are_kept_apart(counter):
    keys = [meter("a", Three, str(number)) for number in range(500)]
    assert {counter.hit([each])[0].used for each in keys} == {1}
    assert {counter.hit([each])[0].used for each in keys} == {2}
