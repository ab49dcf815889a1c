"""RQ on a real Redis as the carrier: each call is heard by one, nothing that others write there is run, and its going costs time alone."""

import hmac
import json
import os
import pickle
import signal
import zlib
from datetime import timedelta
from threading import Thread
from time import monotonic, sleep

import pytest
from rq import Queue
from rq.serializers import JSONSerializer
from rq.worker import Worker

from adapters.outbound.rq_calls import Calls
from adapters.outbound.rq_carrier import RqCarrier
from app.testing import Noticed, backend
from domain.jobs.job import Waiting
from ports.observer import CallsRefused, CarrierAway, CarrierBack

QUEUES = ("default", "mail")


def mark(text: str, key: bytes = b"k" * 32) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def other(text: str) -> bytes:
    return mark(text, b"o" * 32)


@pytest.fixture
def noticed():
    return Noticed()


@pytest.fixture
def made(noticed):
    """Makes carriers, and closes them."""
    carriers = []

    def make(url, by=mark):
        carriers.append(RqCarrier(url, by, noticed))
        return carriers[-1]

    yield make
    for each in carriers:
        each.close()


@pytest.fixture
def carrier(made, redis_url):
    return made(redis_url)


@pytest.fixture
def redis(shared_redis, redis_url):
    with shared_redis.client() as client:
        yield client


def until(what, patience=10.0):
    end = monotonic() + patience
    while not (found := what()):
        assert monotonic() < end, "it did not come to that"
        sleep(0.01)
    return found


def standing(redis, queue="default", by=mark):
    return redis.llen(f"rq:queue:{Calls(by).queue(queue)}")


def refused(noticed):
    return [(each.count, each.reason) for each in noticed.observations if isinstance(each, CallsRefused)]


def test_a_call_wakes_one_who_waits(carrier, made, redis_url):
    heard, others = [], [made(redis_url) for _ in range(3)]
    threads = [Thread(target=lambda each=each: heard.append(each.offered(["default"], 8, 1.5))) for each in others]
    for thread in threads:
        thread.start()
    sleep(0.2)
    began = monotonic()
    carrier.offer([Waiting("j1", "default")])
    until(lambda: heard)
    assert monotonic() - began < 1
    for thread in threads:
        thread.join()
    assert sorted(heard) == [0, 0, 1]


def test_calls_are_of_their_queue_and_taken_as_many_as_asked(carrier, redis):
    carrier.offer([Waiting(f"j{each}", "default") for each in range(5)] + [Waiting("m1", "mail")])
    until(lambda: standing(redis) + standing(redis, "mail") == 6)
    assert carrier.offered(["mail"], 8, 0) == 1
    assert [carrier.offered(["default"], 2, 0) for _ in range(4)] == [2, 2, 1, 0]
    # Of what was taken nothing is left.
    assert redis.keys("rq:job:*") == []


def test_a_second_call_to_one_job_is_none(carrier, redis):
    for _ in range(2):
        carrier.offer([Waiting("j1", "default")])
        carrier._unsaid and until(lambda: not carrier._unsaid)
        sleep(0.05)
    until(lambda: standing(redis) == 2)
    assert carrier.offered(["default"], 8, 0) == 1


def test_who_waits_in_vain_waits_as_long_as_asked(carrier, redis):
    began = monotonic()
    assert carrier.offered(QUEUES, 8, 0.3) == 0
    assert 0.25 < monotonic() - began < 2


def test_who_knows_no_job_waits_without_a_word(carrier, noticed):
    began = monotonic()
    assert carrier.offered([], 8, 0.1) == 0
    assert (monotonic() - began >= 0.1, noticed.observations) == (True, [])


def test_backends_that_share_a_redis_do_not_hear_each_other(carrier, made, redis_url, redis, noticed):
    stranger = made(redis_url, other)
    stranger.offer([Waiting("j1", "default")])
    until(lambda: standing(redis, by=other) == 1)
    assert (carrier.offered(["default"], 8, 0), stranger.offered(["default"], 8, 0), refused(noticed)) == (0, 1, [])


class _Trap:
    """Unpickled, it leaves a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def _packed(*parts):
    return zlib.compress(json.dumps(parts).encode())


def _forged(path):
    """What somebody who writes into Redis may try, by the reason for which it is thrown away."""
    good = mark("j1\0default").hex()
    return {
        "pickle": (zlib.compress(pickle.dumps(_Trap(path))), "it cannot be read"),
        "bare pickle": (pickle.dumps(_Trap(path)), "it cannot be read"),
        "function": (_packed("os.system", None, [f"touch {path}"], {}), "it cannot be read"),
        "function, signed": (_packed("os.system", None, ["j1", "default", good], {}), "it names another function"),
        "instance": (_packed("stillroom.run_job", {"a": 1}, ["j1", "default", good], {}), "it names another function"),
        "other row": (_packed("stillroom.run_job", None, ["j2", "default", good], {}), "its signature is not ours"),
        "other queue": (_packed("stillroom.run_job", None, ["j1", "mail", good], {}), "its signature is not ours"),
        "no signature": (_packed("stillroom.run_job", None, ["j1", "default", ""], {}), "its signature is not ours"),
        "odd signature": (_packed("stillroom.run_job", None, ["j1", "default", "é\ud800"], {}), "it cannot be read"),
        "numbers": (_packed("stillroom.run_job", None, [1, 2, 3], {}), "it cannot be read"),
        "deep": (zlib.compress(b"[" * 100_000), "it cannot be read"),
        "bomb": (zlib.compress(b"0" * 600_000), "it cannot be read"),
        "huge": (b"x" * 5_000_000, "it is too long"),
        "empty": (b"{}", "it cannot be read"),
    }


def _written(redis, id, data, **more):
    redis.hset(f"rq:job:{id}", mapping={"data": data, **more})
    redis.rpush(f"rq:queue:{Calls(mark).queue('default')}", id)


@pytest.mark.parametrize("kind", _forged("x"))
def test_what_others_write_is_thrown_away_and_nothing_of_it_runs(carrier, redis, noticed, tmp_path, kind):
    data, reason = _forged(tmp_path / "ran")[kind]
    callback = {"success_callback_name": "os.abort", "failure_callback_name": "os.abort", "stopped_callback_name": "os.abort"}
    _written(redis, "j1", data, **callback, webhooks='[{"url": "http://127.0.0.1:1/"}]', result_ttl=-1, timeout=1)
    assert carrier.offered(["default"], 8, 0) == 0
    assert refused(noticed) == [(1, reason)]
    assert not (tmp_path / "ran").exists()
    assert redis.keys("rq:job:*") == []
    carrier.offer([Waiting("j9", "default")])
    assert until(lambda: carrier.offered(["default"], 8, 0.1)) == 1


def test_among_poison_the_good_calls_are_heard(carrier, redis, noticed):
    for each in range(30):
        _written(redis, f"bad{each}", b"poison")
    redis.rpush(f"rq:queue:{Calls(mark).queue('default')}", b"\xff\x00" * 4, "x" * 100_000, "gone")
    carrier.offer([Waiting("j1", "default")])
    until(lambda: standing(redis) == 34)
    assert sum(carrier.offered(["default"], 8, 0) for _ in range(6)) == 1
    assert sum(count for count, _ in refused(noticed)) == 31


def test_commands_and_switches_of_rq_are_not_obeyed(carrier, redis):
    """Those by which whoever writes into Redis would stop its own workers."""
    carrier.offered(["default"], 8, 0)
    [worker] = Worker.all(connection=redis)
    redis.set("rq:suspended", 1)
    assert redis.publish(f"rq:pubsub:{worker.name}", json.dumps({"command": "shutdown"})) == 0
    carrier.offer([Waiting("j1", "default")])
    assert until(lambda: carrier.offered(["default"], 8, 0.1)) == 1


def test_it_is_seen_as_a_worker_of_rq_until_it_goes(made, redis_url, redis):
    carrier = made(redis_url)
    carrier.offered(QUEUES, 8, 0)
    [worker] = Worker.all(connection=redis)
    assert sorted(each.name for each in worker.queues) == [Calls(mark).queue(each) for each in QUEUES]
    carrier.offer([Waiting("j1", "default")])
    until(lambda: Queue(Calls(mark).queue("default"), connection=redis, serializer=JSONSerializer).count == 1)
    carrier.close()
    assert Worker.all(connection=redis) == []


def test_no_queue_grows_without_end(carrier, redis, monkeypatch):
    monkeypatch.setattr("adapters.outbound.rq_carrier._MOST_STANDING", 10)
    carrier.offer([Waiting(f"j{each}", "default") for each in range(25)])
    carrier.offer([Waiting(f"k{each}", "default") for each in range(25)])
    until(lambda: standing(redis) == 10)
    sleep(0.1)
    assert standing(redis) == 10


def test_a_job_runs_while_redis_is_away_and_by_its_word_once_it_is_back(redis_server, made, noticed):
    ran, carrier = [], made(redis_server.url)
    with backend(carrier=carrier) as room:
        room.jobs.register("note", lambda n: ran.append(n))
        redis_server.kill()
        began = monotonic()
        room.jobs.enqueue("note", n=1)
        assert monotonic() - began < 0.5
        assert (room.job_runs.drain(), ran) == (1, [1])
        redis_server.start()
        until(lambda: carrier.offered(["default"], 8, 0.1) or any(isinstance(each, CarrierBack) for each in noticed.observations))
        room.jobs.enqueue("note", n=2)
        assert until(lambda: room.job_runs.called(8, None, 1.0)) == 1
    kinds = [type(each) for each in noticed.observations]
    assert kinds == [CarrierAway, CarrierBack]


def test_one_that_hangs_holds_up_nobody_who_asks_for_work(redis_server, made, noticed):
    carrier = made(redis_server.url)
    assert carrier.offered(["default"], 8, 0) == 0
    redis_server.signal(signal.SIGSTOP)
    try:
        with backend(carrier=carrier) as room:
            room.jobs.register("note", lambda n: None)
            began = monotonic()
            for each in range(50):
                room.jobs.enqueue("note", n=each)
            assert monotonic() - began < 1
            assert room.job_runs.drain() == 50
    finally:
        redis_server.signal(signal.SIGCONT)
    assert [each.reason for each in noticed.observations if isinstance(each, CarrierAway)] == ["TimeoutError"]


def test_one_that_is_full_keeps_no_job_from_running(redis_server, made, noticed):
    carrier = made(redis_server.url)
    with redis_server.client() as client:
        client.config_set("maxmemory", 1)
    with backend(carrier=carrier) as room:
        room.jobs.register("note", lambda n: None)
        for each in range(50):
            room.jobs.enqueue("note", n=each)
        assert room.job_runs.drain() == 50
    until(lambda: [each for each in noticed.observations if isinstance(each, CarrierAway)])


def test_what_was_undone_or_is_for_later_calls_nobody(carrier, redis):
    with backend(carrier=carrier) as room:
        room.jobs.register("note", lambda: None)
        room.jobs.enqueue("note", at=timedelta(hours=1))
        room.undone(lambda: room.jobs.enqueue("note"))
        sleep(0.1)
        assert standing(redis) == 0
        id = room.jobs.enqueue("note")
        until(lambda: standing(redis) == 1)
        assert redis.lrange(f"rq:queue:{Calls(mark).queue('default')}", 0, -1) == [id.encode()]
