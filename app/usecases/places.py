"""How many at once do in one process what keeps a thread busy for long."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from domain.errors import Unavailable


class Places:
    """`told` begins the sentence for whoever finds none free: "other exports are running"."""

    def __init__(self, count: int, told: str) -> None:
        self._places, self._told = BoundedSemaphore(count), told

    @contextmanager
    def one(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise Unavailable(self._told, code="busy", retry_after=5, hint="try again when they are done")
        try:
            yield
        finally:
            self._places.release()
