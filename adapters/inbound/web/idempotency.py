"""The Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header): read strictly, honoured by endpoints that say so, refused by
every other one that changes something. Safe methods have no effect that could be doubled and pass it over.

What a key stands for is decided in domain.idempotency.
"""

import re
from collections.abc import Callable
from functools import partial, wraps
from hashlib import sha256
from typing import IO, Any, TypeVar

from flask import Flask, Request, Response
from flask import request as flask_request

from adapters.inbound.web.openapi import IDEMPOTENCY_KEY
from app.usecases.backend import Backend
from app.usecases.idempotency import Keep, unkept
from domain.actor import Actor
from domain.errors import Invalid, invalid
from domain.idempotency import HEADER, Answer, Asked, asked, check_key, digest

T = TypeVar("T")

_ENVIRON = "HTTP_IDEMPOTENCY_KEY"
_THEIRS = "keys_are_theirs"
F = TypeVar("F", bound=Callable[..., Any])
# A string of RFC 8941, or the same without its quotes, as most clients send it. A comma outside of quotes is where two headers were joined.
_QUOTED = re.compile(r'"((?:[!#-\[\]-~]|\\["\\]){1,255})"')
_BARE = re.compile(r"[!#-+\--:<-\[\]-~]{1,255}")
_ESCAPED = re.compile(r'\\(["\\])')
# Headers that say what a request means.
_MEANT = ("CONTENT_TYPE", "HTTP_CONTENT_ENCODING", "HTTP_IF_MATCH")
_REPLAYED = ("Idempotency-Replayed", "true")
_CHUNK = 65_536
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def once(
    request: Request, backend: Backend, actor: Actor, do: Callable[[Keep], T], form: Callable[[T], Response], *,
    seen: Callable[[], bytes] | None = None,
) -> Response:  # fmt: skip
    """`do` has its effect once for a key, and `form` says how what comes of it is answered. `seen` tells the SHA-256 of a body that `do`
    reads as it comes; any other is read here."""
    header = request.environ.get(_ENVIRON)
    if header is None:
        return form(do(unkept))
    key = read_key(header)
    check_key(key, actor)
    if seen is None:
        whole = sha256(request.get_data()).digest()
        seen = lambda: whole
    said = partial(_asked, request, actor, key, seen)
    return _response(backend.idempotency.once(said, do, lambda made: _answer(form(made)), actor=actor))


def check_unused_key(request: Request, actor: Actor) -> None:
    """Of a dry run, which keeps no answer: what would be refused of the real request is refused of this one."""
    header = request.environ.get(_ENVIRON)
    if header is not None:
        check_key(read_key(header), actor)


class Hashed:
    """A body that is read as it comes, and what its SHA-256 is once all of it was."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._hash = stream, sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._stream.read(size)
        self._hash.update(chunk)
        return chunk

    def digest(self) -> bytes:
        """Of the whole body: what a refusal left unread is read for it."""
        while self.read(_CHUNK):
            pass
        return self._hash.digest()


def read_key(header: str) -> str:
    found = _QUOTED.fullmatch(header.strip())
    if found:
        return _ESCAPED.sub(r"\1", found[1])
    if _BARE.fullmatch(header.strip()):
        return header.strip()
    hint = "send a new UUID for each new request"
    raise invalid(HEADER, "invalid_header", f"{HEADER} is one string of 1 to 255 visible characters, in quotes or bare", hint=hint)


def refuse_elsewhere(app: Flask) -> None:
    """Once all routes are there. Nobody is to believe in a protection that is not there."""
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if rule.methods and rule.methods - _SAFE and not takes_key(view) and not getattr(view, _THEIRS, False):
            app.view_functions[rule.endpoint] = _refusing(view)


def keys_are_theirs(view: F) -> F:
    """For requests whose senders know nothing of ours: the header is one more that they may send."""
    setattr(view, _THEIRS, True)
    return view


def takes_key(view: Callable[..., Any]) -> bool:
    return IDEMPOTENCY_KEY in getattr(view, "_apidoc", {}).get("manual_doc", {}).get("parameters", ())


def _refusing(view: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(view)
    def door(**arguments: Any) -> Any:
        if _ENVIRON in flask_request.environ and flask_request.method not in _SAFE:
            detail = f"this endpoint takes no {HEADER}: it answers with a secret or mails one, spends what it came with, or keeps nothing"
            raise Invalid(detail, code="idempotency_key_not_taken", hint="send the request without this header")
        return view(**arguments)

    return door


def _asked(request: Request, actor: Actor, key: str, seen: Callable[[], bytes]) -> Asked:
    environ = request.environ
    said = (environ.get("QUERY_STRING", ""), *(environ.get(name, "") for name in _MEANT))
    fingerprint = digest([*(each.encode("latin-1", "replace") for each in said), seen()])
    return asked(key, actor, request.method, request.path, fingerprint)


def _answer(response: Response) -> Answer:
    headers = tuple((name, value) for name, value in response.headers if name != "Content-Length")
    return Answer(response.status_code, headers, response.get_data())


def _response(answer: Answer) -> Response:
    response = Response(answer.body, answer.status)
    response.headers.clear()
    response.headers.extend([*answer.headers, *([_REPLAYED] if answer.replayed else [])])
    response.headers["Content-Length"] = str(len(answer.body))
    return response
