"""How a refusal looks on the wire: every error of every kind becomes an RFC 9457 problem here, and only here has it a status.

`type` is always `about:blank`: what programs go by is `code`, which is stable, documented and never used again for another thing.
"""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from domain.errors import (
    Conflict,
    Fault,
    Forbidden,
    Invalid,
    Mismatched,
    NotFound,
    NotSatisfiable,
    OutOfSpace,
    PreconditionFailed,
    Problem,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
)
from ports.observer import Observer, RequestFailed, trace

MEDIA_TYPE = "application/problem+json"
# Where the edge leaves the request's id for whoever answers; see adapters.inbound.web.edge.
REQUEST_ID = "stillroom.request_id"

NO_MEMBERS: Mapping[str, object] = {}
_STATUSES: dict[type[Problem], int] = {
    Invalid: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    PreconditionFailed: 412,
    TooLarge: 413,
    UnsupportedMedia: 415,
    NotSatisfiable: 416,
    Mismatched: 422,
    TooMany: 429,
    Unavailable: 503,
    OutOfSpace: 507,
}
# What Flask and its family raise by themselves. Their own descriptions speak of browsers and may repeat what was sent.
_TOLD: dict[int, tuple[str, str]] = {
    400: (Invalid.code, "the request is not well formed"),
    401: (Unauthenticated.code, "sign in first"),
    403: (Forbidden.code, "this is not allowed"),
    404: (NotFound.code, "nothing is served at this path"),
    405: ("method_not_allowed", "this path does not answer to this method"),
    406: ("not_acceptable", "there is no answer in a form that the request accepts"),
    408: ("request_timeout", "the request took too long to arrive"),
    412: (PreconditionFailed.code, "a condition of the request does not hold"),
    413: (TooLarge.code, "the body is larger than allowed"),
    415: (UnsupportedMedia.code, "this media type is not read here"),
    416: ("range_not_satisfiable", "there is nothing in the range that was asked for"),
    429: (TooMany.code, "too many requests"),
    500: ("internal_error", "something went wrong on our side; it was noted under this request id"),
    503: (Unavailable.code, "this is not available now"),
}
_HINTS = {404: "/api/v1/docs shows what is served, and /api/v1/openapi.json lists it"}
# A refusal repeats some of what was sent; so much of it that it helps, and that nobody is made to pay for a long answer.
_MOST_FAULTS, _LONGEST_TEXT = 50, 1000
# Request faults that HTTP has finer statuses for and we do not (design, section 5).
_AS_400 = frozenset({411, 414, 417, 422, 428, 431})


def install(app: Flask, observer: Observer) -> None:
    """No error leaves the app in another form, whoever raised it."""

    def unexpected(error: Exception) -> Response:
        observer.observe(RequestFailed(request_id(), "\n".join(trace(error))))
        return _answer(500, *_TOLD[500])

    app.register_error_handler(Problem, answer_problem)
    app.register_error_handler(HTTPException, answer_http_exception)
    app.register_error_handler(Exception, unexpected)


def answer_problem(problem: Problem) -> Response:
    return _answer(
        status_of(problem), problem.code, problem.detail, hint=problem.hint, faults=problem.faults, headers=_headers_of(problem),
        members=problem.members,
    )  # fmt: skip


def answer_http_exception(error: HTTPException) -> Response:
    """With the headers that it brought (Allow, Retry-After): the rest of its answer is ours."""
    if error.response is not None or error.code is None or error.code < 400:
        return error.get_response(request.environ)  # type: ignore[return-value]
    status = 400 if error.code in _AS_400 else error.code
    code, detail = _TOLD.get(status, ("http_error", HTTPStatus(status).phrase))
    faults = tuple(_webargs_faults(getattr(error, "data", None)))
    return _answer(status, code, detail, hint=_hint_for(error), faults=faults, headers=_kept_headers(error, status))


def status_of(problem: Problem) -> int:
    return next(_STATUSES[kind] for kind in type(problem).__mro__ if kind in _STATUSES)


def request_id() -> str:
    return request.environ.get(REQUEST_ID, "")


def problem_body(
    status: int, code: str, detail: str, *,
    id: str, hint: str | None = None, faults: tuple[Fault, ...] = (), members: Mapping[str, object] = NO_MEMBERS,
) -> bytes:  # fmt: skip
    return orjson.dumps({
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": _speakable(detail),
        "code": code,
        **({"hint": _speakable(hint)} if hint else {}),
        "errors": [_told_fault(each) for each in faults[:_MOST_FAULTS]],
        "request_id": id,
        **members,
    })  # fmt: skip


def _told_fault(fault: Fault) -> dict[str, str]:
    return {"pointer": _speakable(fault.pointer), "code": fault.code, "detail": _speakable(fault.detail)}


def _answer(
    status: int, code: str, detail: str, *,
    hint: str | None = None, faults: tuple[Fault, ...] = (), headers: Mapping[str, str] | None = None,
    members: Mapping[str, object] = NO_MEMBERS,
) -> Response:  # fmt: skip
    body = problem_body(status, code, detail, id=request_id(), hint=hint, faults=faults, members=members)
    return Response(body, status, headers, content_type=MEDIA_TYPE)


def _headers_of(problem: Problem) -> dict[str, str]:
    if isinstance(problem, TooMany | Unavailable):
        return {"Retry-After": str(problem.retry_after)}
    if isinstance(problem, NotSatisfiable):
        return {"Content-Range": f"bytes */{problem.size}"}
    return {"WWW-Authenticate": _challenge()} if isinstance(problem, Unauthenticated) else {}


def _challenge() -> str:
    """RFC 6750, section 3: the error is told only to those who came with a token."""
    return 'Bearer error="invalid_token"' if "HTTP_AUTHORIZATION" in request.environ else "Bearer"


def _kept_headers(error: HTTPException, status: int) -> dict[str, str]:
    kept = {name: value for name, value in error.get_headers(request.environ) if name.lower() not in ("content-type", "content-length")}
    kept.update((getattr(error, "data", None) or {}).get("headers") or {})
    if status == 401:
        kept.setdefault("WWW-Authenticate", _challenge())
    if status in (429, 503):
        kept.setdefault("Retry-After", "1")
    return kept


def _hint_for(error: HTTPException) -> str | None:
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        return f"it answers to {', '.join(sorted(error.valid_methods))}"
    return _HINTS.get(error.code or 0)


def _webargs_faults(data: Any) -> Iterator[Fault]:
    """What marshmallow found in a request, by place: {"json": {"name": ["Missing data."]}}."""
    messages = (data or {}).get("errors") or (data or {}).get("messages") or {}
    for location, fields in messages.items() if isinstance(messages, Mapping) else ():
        yield from _flattened(fields, "" if location in ("json", "form", "files") else f"{location}:")


def _flattened(found: Any, pointer: str) -> Iterator[Fault]:
    if isinstance(found, Mapping):
        for key, inner in found.items():
            yield from _flattened(inner, pointer + "/" + str(key).replace("~", "~0").replace("/", "~1"))
    elif isinstance(found, list | tuple):
        for each in found:
            yield from _flattened(each, pointer)
    else:
        yield Fault(pointer, "invalid", str(found))


def _speakable(text: str) -> str:
    """A name that a client sent may hold half a surrogate pair, or be endless; an answer may not."""
    cut = text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "…"
    return cut.encode("utf-8", "replace").decode()
