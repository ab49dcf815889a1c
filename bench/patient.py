"""Load by a client that waits for its answers: for requests that are good once, such as deletions, and for those that may take
longer than a turn of wrk, which leaves when its time is up. Its own cost is small beside theirs."""

import http.client
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, cycle

from bench.load import Measured

_PATIENCE = 120
# Deletions go over so many connections, slow reads over so many.
_WRITERS, _READERS = 4, 2

Asked = tuple[str, str | None]  # path and body
Told = tuple[int, float]  # status and seconds


@dataclass(slots=True)
class Once:
    """Each of `paths` is asked for once; a run takes the next share of them, however long that takes."""

    port: int
    method: str
    paths: Sequence[str]
    shares: int
    _sent: int = field(default=0, init=False)

    def run(self, seconds: int) -> Measured:
        size = len(self.paths) // self.shares
        share = self.paths[self._sent : self._sent + size]
        self._sent += size
        send = lambda at: list(_answers(self.port, self.method, ((path, None) for path in share[at::_WRITERS]), {}))
        return _measured(send, _WRITERS)


@dataclass(frozen=True, slots=True)
class Slow:
    """Goes round `pool`, paths with their bodies, for so many seconds, and for as long as the last answers take."""

    port: int
    method: str
    pool: Sequence[Asked]
    headers: Mapping[str, str]

    def run(self, seconds: int) -> Measured:
        until = time.monotonic() + seconds
        send = lambda at: list(_answers(self.port, self.method, _until(until, [*self.pool[at:], *self.pool[:at]]), self.headers))
        return _measured(send, _READERS)


def _measured(send: Callable[[int], list[Told]], connections: int) -> Measured:
    began = time.monotonic()
    with ThreadPoolExecutor(connections) as pool:
        answers = list(chain.from_iterable(pool.map(send, range(connections))))
    took = time.monotonic() - began
    waits = sorted(waited for _, waited in answers)
    slow = waits[int(len(waits) * 0.99)] if waits else 0.0
    return Measured(len(answers), took, sum(status >= 400 for status, _ in answers), 0, slow * 1000)


def _until(end: float, pool: Sequence[Asked]) -> Iterator[Asked]:
    """At least one."""
    for asked in cycle(pool):
        yield asked
        if time.monotonic() >= end:
            return


def _answers(port: int, method: str, pool: Iterator[Asked], headers: Mapping[str, str]) -> Iterator[Told]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        for path, body in pool:
            began = time.monotonic()
            connection.request(method, path, body, headers=dict(headers))
            answer = connection.getresponse()
            answer.read()
            yield answer.status, time.monotonic() - began
    finally:
        connection.close()
