"""Counting in Redis, and what becomes of limits when Redis is killed, hangs, or holds what is not ours."""

import signal
import time

import pytest

from adapters.outbound.fallback_limits import FallbackLimits
from adapters.outbound.machine_limits import MachineLimits
from adapters.outbound.redis_limits import RedisLimits
from domain.errors import Unavailable
from domain.limits.quotas import Quota, meter
from ports.observer import LimitsAlone, LimitsShared

ANN = meter("a", Quota(5, 60), "ann")
# What a request waits for at most, and what a busy machine may add to it.
SOON = 0.3 + 0.3


@pytest.fixture
def counter(redis_server, tmp_path, notes):
    made = FallbackLimits(RedisLimits(redis_server.url), MachineLimits(tmp_path / "limits.table"), notes, pause=0.5)
    yield made
    made.close()


def let_in(counter, times):
    return [not counter.hit([ANN])[0].is_over for _ in range(times)]


def timed(counter):
    began = time.monotonic()
    tally = counter.hit([ANN])[0]
    return tally, time.monotonic() - began


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_without_redis_the_machine_counts_on(counter, redis_server, notes, number):
    assert let_in(counter, 3) == [True] * 3
    redis_server.signal(number)
    if number == signal.SIGKILL:
        redis_server.process.wait(10)
    tally, seconds = timed(counter)
    assert (tally.used, tally.is_over) == (4, False)
    assert seconds < SOON
    # Only the first one waits.
    began = time.monotonic()
    assert let_in(counter, 5) == [True, False, False, False, False]
    assert time.monotonic() - began < 0.1
    assert [each.reason for each in notes.of(LimitsAlone)] == ["ConnectionError" if number == signal.SIGKILL else "TimeoutError"]
    if number == signal.SIGKILL:
        redis_server.start()
    else:
        redis_server.signal(signal.SIGCONT)
    time.sleep(0.55)
    counter.hit([ANN])
    assert len(notes.of(LimitsShared)) == 1
    with redis_server.client() as client:
        before = sum(int(client.get(key)) for key in client.scan_iter())
        counter.hit([meter("a", Quota(5, 60), "bob")])
        assert sum(int(client.get(key)) for key in client.scan_iter()) == before + 1


def test_redis_that_refuses_to_write_is_as_one_that_is_down(counter, redis_server, notes):
    with redis_server.client() as client:
        client.config_set("maxmemory", "1")
    assert let_in(counter, 7) == [True] * 5 + [False] * 2
    assert len(notes.of(LimitsAlone)) == 1


def test_a_counter_that_nobody_answers_is_unavailable(redis_server):
    redis_server.kill()
    with pytest.raises(Unavailable):
        RedisLimits(redis_server.url).hit([ANN])


def test_keys_of_another_strategy_or_version_are_not_met(redis_url, shared_redis):
    """Each name says how it is counted: what the `limits` library keeps for a moving window is a list."""
    from limits import RateLimitItemPerMinute
    from limits.storage import storage_from_string
    from limits.strategies import MovingWindowRateLimiter

    moving = MovingWindowRateLimiter(storage_from_string(redis_url, key_prefix="stillroom:limits"))
    assert moving.hit(RateLimitItemPerMinute(5), "ann")
    assert let_in(RedisLimits(redis_url), 6) == [True] * 5 + [False]
    with shared_redis.client() as client:
        ours = [key for key in client.scan_iter() if key.startswith(b"stillroom:limits:fixed:1:")]
        assert len(ours) == 1
        assert b"ann" not in ours[0]


def test_a_key_that_has_lost_its_end_gets_one(redis_url, shared_redis):
    counter = RedisLimits(redis_url)
    counter.hit([ANN])
    with shared_redis.client() as client:
        (key,) = client.scan_iter()
        client.persist(key)
        counter.hit([ANN])
        assert 0 < client.ttl(key) <= 60


def test_no_key_stays_for_ever(redis_url, shared_redis):
    counter = RedisLimits(redis_url)
    for number in range(50):
        counter.hit([meter("a", Quota(5, 60), str(number)), meter("b", Quota(5, 600), str(number))])
    with shared_redis.client() as client:
        assert all(0 < client.ttl(key) <= 600 for key in client.scan_iter())


def test_redis_emptied_or_started_anew_counts_from_the_start(redis_server):
    counter = RedisLimits(redis_server.url)
    assert let_in(counter, 6) == [True] * 5 + [False]
    redis_server.kill()
    redis_server.start()
    assert let_in(counter, 6) == [True] * 5 + [False]
