"""The application, which dies where a request says so in `X-Die`: `before` the commit, its answer kept already, or `after` it, before a
byte of the answer is sent. `late` is the control: it writes the key by itself once the effect is there, and dies in between."""

import os
import signal
from collections.abc import Callable, Iterable
from typing import Any

from flask import request

from app import create_app
from app.usecases.idempotency import IdempotencyUseCases, unkept

_put = IdempotencyUseCases._put
_inner = create_app()


def _die_if(moment: str, asked: str) -> None:
    if moment == asked:
        os.kill(os.getpid(), signal.SIGKILL)


def _put_and_die(self: IdempotencyUseCases, stores: Any, asked: Any, answer: Any) -> None:
    _put(self, stores, asked, answer)
    _die_if("before", request.headers.get("X-Die", ""))


def _once_late(self: IdempotencyUseCases, asked: Any, do: Any, form: Any, *, actor: Any) -> Any:
    found = self._work.read(lambda stores: self._found(stores, asked(), actor))
    if found is not None:
        return found
    answer = form(do(unkept))
    _die_if("after", request.headers.get("X-Die", ""))
    self._work.run(lambda stores: _put(self, stores, asked(), answer))
    return answer


def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    IdempotencyUseCases._put = _put_and_die  # type: ignore[method-assign]
    answered = [*_inner(environ, start)]
    _die_if("after", environ.get("HTTP_X_DIE", ""))
    return answered


def late(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    IdempotencyUseCases.once = _once_late  # type: ignore[method-assign]
    return _inner(environ, start)
