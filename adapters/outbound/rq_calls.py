"""A call to a job as RQ keeps it in Redis: JSON with one function's name, the row's id and queue, and our mark over both.

What is read here may have been written by anybody who reaches Redis: it is never unpickled, imported or called, only compared.
"""

import hmac
import zlib
from collections.abc import Callable
from typing import Any

from rq.queue import EnqueueData, Queue
from rq.serializers import JSONSerializer

from domain.jobs.job import Waiting

# The one function that there is; nothing of this name can be imported, so a worker of RQ's own that strays here runs nothing.
FUNCTION = "stillroom.run_job"
# A row's id and queue have far less.
MOST_BYTES = 1024
# Who was not heard by then finds the row by looking; Redis need not keep the rest.
_KEPT = 3600


class Refused(Exception):
    """It is none of our calls; says why, and repeats nothing of it."""


class Calls:
    """`mark` is what only we can make of a text."""

    def __init__(self, mark: Callable[[str], bytes]) -> None:
        self._mark = mark
        # Backends that share a Redis do not hear each other's calls.
        self._own = mark("queues")[:4].hex()

    def queue(self, name: str) -> str:
        """As RQ calls it."""
        return f"stillroom-{self._own}-{name}"

    def written(self, waiting: Waiting) -> EnqueueData:
        arguments = (waiting.id, waiting.queue, self._marked(waiting))
        # Nothing of what RQ would do itself: no retries, no results, no list of failures. The row says all that.
        return Queue.prepare_data(
            FUNCTION, args=arguments, job_id=waiting.id, ttl=_KEPT, result_ttl=0, failure_ttl=0, description=waiting.queue
        )

    def read(self, packed: bytes) -> Waiting:
        """Refused where we did not write it."""
        try:
            function, instance, arguments, named = JSONSerializer.loads(_unpacked(packed))
            id, queue, mark = arguments
            found, said = Waiting(_text(id), _text(queue)), _text(mark)
        except (ValueError, TypeError, KeyError, RecursionError, zlib.error) as error:
            raise Refused("it cannot be read") from error
        if function != FUNCTION or instance is not None or named:
            raise Refused("it names another function")
        if not hmac.compare_digest(said.encode(), self._marked(found).encode()):
            raise Refused("its signature is not ours")
        return found

    def _marked(self, waiting: Waiting) -> str:
        return self._mark(f"{waiting.id}\0{waiting.queue}").hex()


def _unpacked(packed: bytes) -> bytes:
    """Bounded, for a few bytes can be packed that fill any memory."""
    inflating = zlib.decompressobj()
    text = inflating.decompress(packed, MOST_BYTES)
    if inflating.unconsumed_tail:
        raise ValueError("too long")
    return text


def _text(value: Any) -> str:
    if not (isinstance(value, str) and value.isascii()):
        raise TypeError("no text of ours")
    return value
