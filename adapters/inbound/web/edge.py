"""The first and the last word on every request: its id, the headers that protect its answer, and one observation of it.

It wraps the whole Flask application: so it holds for answers that no Flask hook sees, and costs less than such hooks.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from time import perf_counter
from typing import Any

from adapters.inbound.web.cross_origin import CrossOrigin, joined
from adapters.inbound.web.devices import shown_device
from adapters.inbound.web.errors import MEDIA_TYPE, REQUEST_ID, problem_body
from adapters.inbound.web.headers import Headers, protected
from adapters.inbound.web.rate_headers import rate_headers
from domain.actor import GUEST, Actor
from domain.errors import NotFound
from domain.limits.addresses import Network
from domain.limits.visits import Visit
from domain.origins import NOBODY, Origins
from ports.observer import Observer, RequestFailed, RequestServed, trace

# Where a door leaves the actor that it recognised, for the request log.
ACTOR = "stillroom.actor"
# The id of the operation, where somebody counts requests by it.
OPERATION = "stillroom.operation"
# What limits know of the request.
VISIT = "stillroom.visit"
# An id that a proxy or client gives is kept, so that its log and ours can be joined; anything odd is replaced.
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
# Up to this size an answer is handed on in one piece, which servers send faster than a stream.
_WHOLE = 1_048_576

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Edge:
    """`trusted` are the proxies whose word on where a request came from is taken, `origins` those of pages that may read answers."""

    def __init__(
        self, application: Application, observer: Observer, defaults: Mapping[str, tuple[str, str]], trusted: Sequence[Network] = (),
        origins: Origins = NOBODY,
    ) -> None:  # fmt: skip
        self._application, self._observer, self._defaults, self._trusted = application, observer, defaults, trusted
        self._cross_origin = CrossOrigin(origins)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        started = perf_counter()
        id = environ[REQUEST_ID] = _request_id(environ)
        came = environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", "")
        visit = environ[VISIT] = Visit(*came, self._trusted, device=shown_device(environ))
        answer = _Answer(start_response, self._defaults, id, visit, self._cross_origin.headers(environ))
        try:
            body = self._answered(environ, answer)
        except Exception as error:  # noqa: BLE001  the last place where it can still become an answer
            self._observer.observe(RequestFailed(id, "\n".join(trace(error))))
            body = answer.broken()
        self._observer.observe(_served(environ, answer, perf_counter() - started))
        return body

    def _answered(self, environ: dict[str, Any], answer: "_Answer") -> Iterable[bytes]:
        granted = self._cross_origin.preflight(environ)
        if granted is not None:
            return answer.granted(granted)
        # Werkzeug would take `//api` for `/api`: a proxy that guards a path by its beginning would not.
        doubled = environ.get("PATH_INFO", "").startswith("//")
        return answer.nowhere() if doubled else answer.whole(self._application(environ, answer.start))


class _Answer:
    """What goes out for one request."""

    __slots__ = ("_defaults", "_shared", "_start", "_visit", "id", "size", "status")

    def __init__(
        self, start: Callable[..., Any], defaults: Mapping[str, tuple[str, str]], id: str, visit: Visit, shared: Headers
    ) -> None:
        self._start, self._defaults, self._visit, self._shared, self.id = start, defaults, visit, shared, id
        self.status, self.size = 0, None  # type: int, int | None

    def start(self, status: str, headers: Headers, exc_info: Any = None) -> Any:
        self.status = int(status[:3])
        self.size = next((int(value) for name, value in headers if name == "Content-Length"), None)
        headers = joined(protected(headers, self._defaults), self._shared)
        headers.append(("X-Request-Id", self.id))
        if self._visit.tallies:
            headers += rate_headers(self._visit.tallies)
        return self._start(status, headers, exc_info) if exc_info else self._start(status, headers)

    def whole(self, chunks: Iterable[bytes]) -> Iterable[bytes]:
        if self.size is None or self.size > _WHOLE:
            return chunks
        try:
            return [b"".join(chunks)]
        finally:
            getattr(chunks, "close", _nothing)()

    def broken(self) -> list[bytes]:
        return self._refused(500, "internal_error", "something went wrong on our side; it was noted under this request id")

    def granted(self, headers: Headers) -> list[bytes]:
        self.start("204 No Content", headers)
        return []

    def nowhere(self) -> list[bytes]:
        return self._refused(404, NotFound.code, "nothing is served at this path")

    def _refused(self, status: int, code: str, detail: str) -> list[bytes]:
        body = problem_body(status, code, detail, id=self.id)
        self.start(f"{status} {HTTPStatus(status).phrase}", [("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(body)))])
        return [body]


def visit_of(environ: Mapping[str, Any]) -> Visit:
    visit: Visit = environ[VISIT]
    return visit


def _nothing() -> None:
    pass


def _request_id(environ: Mapping[str, Any]) -> str:
    given = environ.get("HTTP_X_REQUEST_ID", "")
    return given if _GIVEN_ID.fullmatch(given) else os.urandom(16).hex()


def _served(environ: Mapping[str, Any], answer: _Answer, seconds: float) -> RequestServed:
    actor: Actor = environ.get(ACTOR, GUEST)
    path = environ.get("PATH_INFO", "")[:500].encode("latin-1", "replace").decode("utf-8", "replace")
    milliseconds = round(seconds * 1000, 2)
    who = actor.kind, actor.id, environ.get(OPERATION, "")
    return RequestServed(answer.id, environ["REQUEST_METHOD"], path, answer.status, milliseconds, answer.size, *who)
