"""Load of requests that are good once, such as deletions: sent a share a turn, over a few connections that stay open."""

import http.client
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain

from bench.load import Measured

_CONNECTIONS, _PATIENCE = 4, 60


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
        began = time.monotonic()
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            answers = list(chain.from_iterable(pool.map(self._send_all, (share[at::_CONNECTIONS] for at in range(_CONNECTIONS)))))
        took = time.monotonic() - began
        slowest = max((waited for _, waited in answers), default=0.0)
        return Measured(len(answers), took, sum(status >= 400 for status, _ in answers), 0, slowest * 1000)

    def _send_all(self, paths: Sequence[str]) -> list[tuple[int, float]]:
        """Status and seconds of each."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE)
        try:
            return [self._send(connection, path) for path in paths]
        finally:
            connection.close()

    def _send(self, connection: http.client.HTTPConnection, path: str) -> tuple[int, float]:
        began = time.monotonic()
        connection.request(self.method, path)
        answer = connection.getresponse()
        answer.read()
        return answer.status, time.monotonic() - began
