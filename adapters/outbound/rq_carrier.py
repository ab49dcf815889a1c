"""Carries word of waiting jobs by RQ's queues on Redis, which holds no truth: flushed, stopped or filled by others, it costs time alone.

Of RQ this takes the queues, the form of its jobs and the list of its workers, not its loop. That would obey commands by pub/sub, pause
when a key says so, call what a job in Redis names as its callback and post to its webhooks: doors for anybody who can write there. And a
child for each job, or six round trips of bookkeeping, would be most of the work; our processes may die of a job already.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import groupby, islice
from threading import Event, Lock, Thread
from time import monotonic, sleep
from typing import Any, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue
from rq.serializers import JSONSerializer

from adapters.outbound.rq_calls import MOST_BYTES, Calls, Refused
from adapters.outbound.rq_presence import Presence
from domain.jobs.job import Waiting
from ports.observer import CallsRefused, CarrierAway, CarrierBack, Observer

T = TypeVar("T")
# Between two looks at the rows. Longer than a call is waited for, so that a Redis that hangs is told from one that has nothing to say.
_LONGEST_WAIT, _TIMEOUT = 1.0, 2.5
# After a failure Redis is left alone for so long, and who runs jobs looks as often as without it.
_PAUSE, _LOOK = 3.0, 0.25
# Said at once, kept to be said, and standing in one queue of Redis. Where so many stand every worker is busy, and looks for more when it
# is done: one call more would begin no job sooner, and costs as much as the row.
_AT_ONCE, _MOST_UNSAID, _MOST_STANDING = 200, 1000, 1000
# What is committed in this time is said together, so that a busy server is not busier for it.
_GATHER = 0.003
_SAID_UNASKED, _FULL = 100, 0.1
_LONGEST_ID = 64
_LAST_WORDS = 1.0


class RqCarrier:
    """Keeps ports.carrier.Carrier. `mark` is what only this backend can make of a text. Nothing is connected before the first word."""

    name = "by RQ on Redis"
    longest_wait = _LONGEST_WAIT

    def __init__(self, url: str, mark: Callable[[str], bytes], observer: Observer) -> None:
        # No retries: the next word or look comes soon enough.
        self._redis = redis.Redis.from_url(url, socket_timeout=_TIMEOUT, socket_connect_timeout=1.0, retry=Retry(NoBackoff(), 0))
        self._calls, self._observer, self._line = Calls(mark), observer, _Line(observer)
        self._presence: Presence | None = None
        # By queue: how many calls may be said, and when to ask again where that is none.
        self._rooms: dict[str, tuple[int, float]] = {}
        self._unsaid: deque[Waiting] = deque(maxlen=_MOST_UNSAID)
        self._wanted, self._over, self._starting = Event(), Event(), Lock()
        self._thread: Thread | None = None

    def offer(self, waiting: Sequence[Waiting]) -> None:
        if not self._line.is_away:
            self._unsaid.extend(waiting)
            self._start()
            self._wanted.set()

    def offered(self, queues: Collection[str], at_most: int, patience: float) -> int:
        # Who knows no job has no queue to listen to.
        heard = self._line.asked(lambda: self._heard(queues, at_most, patience)) if queues else None
        if heard is not None:
            return heard
        if self._presence is not None:
            self._presence.unseen()
        sleep(min(patience, _LOOK))
        return 0

    def close(self) -> None:
        self._over.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(_LAST_WORDS)
        if self._presence is not None:
            self._line.asked(self._presence.leave)
        self._redis.close()

    # --- saying

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = Thread(target=self._say, name="stillroom-calls", daemon=True)
                self._thread.start()

    def _say(self) -> None:
        """In a thread of its own: no request waits for Redis."""
        while not self._over.is_set():
            self._wanted.wait()
            self._over.wait(_GATHER)
            self._wanted.clear()
            while self._unsaid:
                some = [self._unsaid.popleft() for _ in range(min(len(self._unsaid), _AT_ONCE))]
                self._line.asked(lambda some=some: self._said(some))  # type: ignore[misc]

    def _said(self, waiting: Iterable[Waiting]) -> None:
        by_queue = lambda each: each.queue
        for name, calls in groupby(sorted(waiting, key=by_queue), by_queue):
            queue = Queue(self._calls.queue(name), connection=self._redis, serializer=JSONSerializer)
            once = {each.id: each for each in calls}.values()
            if room := self._room(queue):
                said = queue.enqueue_many(self._calls.written(each) for each in islice(once, room))
                self._rooms[queue.name] = (room - len(said), 0.0)

    def _room(self, queue: Queue) -> int:
        """How many more calls may stand there. Asked for now and then, for asking costs as much as saying."""
        room, again = self._rooms.get(queue.name, (0, 0.0))
        if not room and monotonic() >= again:
            room = max(0, min(_SAID_UNASKED, _MOST_STANDING - queue.count))
            self._rooms[queue.name] = (room, monotonic() + _FULL)
        return room

    # --- hearing

    def _heard(self, queues: Collection[str], at_most: int, patience: float) -> int:
        if self._presence is None or self._presence.asked != frozenset(queues):
            self._presence = Presence(queues, [self._calls.queue(each) for each in sorted(queues)], self._redis)
        self._presence.show()
        ids = self._taken(self._presence.queue_keys(), at_most, patience)
        return self._checked(ids) if ids else 0

    def _taken(self, keys: Sequence[str], at_most: int, patience: float) -> list[bytes]:
        with self._redis.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.lpop(key, at_most)
            ids = [id for some in pipeline.execute() for id in some or ()]
        if ids or not patience:
            return ids
        found: Any = self._redis.blpop(list(keys), patience)
        return [found[1]] if found else []

    def _checked(self, ids: Sequence[bytes]) -> int:
        """How many of them are calls of ours. What is too long is not even fetched."""
        names = [b"rq:job:" + id for id in ids if len(id) <= _LONGEST_ID]
        with self._redis.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.hstrlen(name, "data")
            sizes = pipeline.execute(raise_on_error=False)
            for name, size in zip(names, sizes, strict=True):
                if isinstance(size, int) and 0 < size <= MOST_BYTES:
                    pipeline.hget(name, "data")
                pipeline.unlink(name)
            read = [each for each in pipeline.execute(raise_on_error=False) if isinstance(each, bytes)]
        # One that is gone from Redis was heard before, or is too old.
        odd = len(ids) - len(names) + sum(not isinstance(size, int) or size > MOST_BYTES for size in sizes)
        return self._known(read, odd)

    def _known(self, packed: Sequence[bytes], odd: int) -> int:
        why, known = "it is too long" if odd else "", 0
        for each in packed:
            try:
                self._calls.read(each)
                known += 1
            except Refused as refused:
                why, odd = str(refused), odd + 1
        if odd:
            self._observer.observe(CallsRefused(odd, why))
        return known


class _Line:
    """Whether Redis answers. After a failure it is left alone for a while, and what was to be said or asked is not."""

    def __init__(self, observer: Observer) -> None:
        self._observer, self._lock = observer, Lock()
        self._failed, self._again = False, 0.0

    @property
    def is_away(self) -> bool:
        return monotonic() < self._again

    def asked(self, what: Callable[[], T]) -> T | None:
        if self.is_away:
            return None
        try:
            answer = what()
        except (redis.RedisError, OSError, MemoryError) as error:
            self._lost(error)
            return None
        if self._failed:
            self._found()
        return answer

    def _lost(self, error: Exception) -> None:
        with self._lock:
            first, self._failed, self._again = not self._failed, True, monotonic() + _PAUSE
        if first:
            self._observer.observe(CarrierAway(type(error).__name__))

    def _found(self) -> None:
        with self._lock:
            was, self._failed = self._failed, False
        if was:
            self._observer.observe(CarrierBack())
