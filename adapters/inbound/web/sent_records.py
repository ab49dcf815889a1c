"""The body of a request that writes a record: JSON, or a form with files."""

from collections.abc import Callable
from typing import TypeVar

from flask import Request, current_app

from adapters.inbound.web.bodies import parse, read_object
from adapters.inbound.web.forms import is_form, parts_of
from adapters.inbound.web.idempotency import Hashed
from app.usecases.backend import Backend
from app.usecases.uploads import Received
from domain.actor import Actor
from domain.rules.values import RequestFacts

T = TypeVar("T")


class SentJson:
    """`seen` as `once` wants it: this body is read there."""

    seen = None

    def __init__(self, request: Request) -> None:
        self._request = request

    def written(self, write: Callable[[Received], T], *, dry_run: bool = False) -> T:
        return write(Received(read_object(self._request), ""))


class SentForm:
    """Whoever may not write there is refused before the first byte is read."""

    def __init__(self, request: Request, backend: Backend, c: str, id: str | None, actor: Actor, facts: RequestFacts) -> None:
        self._request, self._uploads = request, backend.uploads
        self._intake = self._uploads.intake(c, id, actor=actor, facts=facts)
        self._most_text = current_app.config["MAX_CONTENT_LENGTH"]
        request.max_content_length = self._intake.most_bytes(self._most_text)
        self._stream = Hashed(request.stream)
        self.seen = self._stream.digest

    def written(self, write: Callable[[Received], T], *, dry_run: bool = False) -> T:
        parts = parts_of(self._request, self._stream)
        with self._uploads.received(self._intake, parts, parse=parse, most_text=self._most_text, dry_run=dry_run) as received:
            return write(received)


def sent(request: Request, backend: Backend, c: str, id: str | None, actor: Actor, facts: RequestFacts) -> SentJson | SentForm:
    return SentForm(request, backend, c, id, actor, facts) if is_form(request) else SentJson(request)
