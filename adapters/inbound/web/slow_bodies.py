"""Clients that send their body slowly, or never, hold a thread each; here they get half of a worker's threads at most.

The server (Granian) times headers but not bodies, and a read of one cannot be given up: to answer while another thread still
reads stops its whole process. So what is left is to keep the other half for everybody else: reads and `/livez` go on, and
writes are turned away while the half is taken. A proxy that buffers bodies keeps such clients out altogether.
"""

import threading
from collections.abc import Callable, Iterable
from typing import Any

from domain.errors import Unavailable

# Bodies that are on their way already are read within microseconds; this long a request waits while others read theirs.
_MOMENT = 0.25

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class SlowBodies:
    """WSGI middleware. `threads` are those of the server."""

    def __init__(self, application: Application, *, threads: int) -> None:
        self._application = application
        self._places = threading.BoundedSemaphore(max(1, threads // 2))

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("CONTENT_LENGTH", "0") != "0" or "HTTP_TRANSFER_ENCODING" in environ:
            environ["wsgi.input"] = _Input(environ["wsgi.input"], self._places)
        return self._application(environ, start_response)


class _Input:
    """`wsgi.input` that is read in one of the places; Unavailable where none gets free."""

    __slots__ = ("_places", "_raw")

    def __init__(self, raw: Any, places: threading.BoundedSemaphore) -> None:
        self._raw, self._places = raw, places

    def read(self, *size: int) -> bytes:
        if not self._places.acquire(timeout=_MOMENT):
            raise Unavailable("too many bodies are on their way at once", code="busy", retry_after=2)
        try:
            body: bytes = self._raw.read(*size)
            return body
        finally:
            self._places.release()
