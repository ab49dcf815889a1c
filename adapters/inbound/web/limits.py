"""Limits of routes, declared by flask-limiter, and the limits of collections at the hot doors, which go past it.

flask-limiter looks at every request, limited or not, before and after its view: a list without limits took 221 µs of CPU with its hooks
and 143 without. So these stay out, routes that the owner limits are decorated by it, and what is counted by collection and actor asks
the use case itself. Both count in the same place.
"""

import time
from collections.abc import Callable
from functools import wraps
from threading import local
from typing import Any

from flask import Flask, Request
from flask import request as flask_request
from flask_limiter import Limiter, RateLimitExceeded
from limits.storage import Storage

from adapters.inbound.web.edge import visit_of
from adapters.inbound.web.identity import identify
from app.usecases.backend import Backend
from app.usecases.limits import LimitUseCases
from domain.actor import GUEST, Actor
from domain.errors import Unauthenticated
from domain.limits.quotas import MOST, Meter, Quota, Tally, meter, too_many
from domain.limits.visits import whom

# What the doors of records do, by their endpoints.
_ACTIONS = {
    "records.list_records": "list",
    "records.aggregate_records": "list",
    # A file of all of them is one list; that it costs more is what `export_records` is for.
    "exports.export_records": "list",
    "records.get_record": "view",
    "records.create_record": "create",
    "records.update_record": "update",
    "records.delete_record": "delete",
}
SCHEME = "stillroom"


def admit(request: Request, backend: Backend, actor: Actor) -> None:
    """Counts this request of this actor."""
    action = _ACTIONS.get(request.endpoint or "", "")
    backend.limits.admit(visit_of(request.environ), actor, (request.view_args or {}).get("c", "") if action else "", action)


def limit_routes(app: Flask, backend: Backend) -> None:
    """Once all routes are there."""
    if not backend.limits.routes:
        return
    options: dict[str, Any] = {"limits": backend.limits}
    limiter = Limiter(lambda: _whom(backend), storage_uri=f"{SCHEME}://", storage_options=options, strategy="fixed-window")
    # It adds its hooks to the application where it is not among these already.
    app.extensions["limiter"] = {limiter}
    limiter.init_app(app)
    for endpoint, operation in operations(app).items():
        quota = backend.limits.routes.get(operation)
        if quota is not None:
            app.view_functions[endpoint] = _limited(app.view_functions[endpoint], limiter, backend, operation, quota)


def operations(app: Flask) -> dict[str, str]:
    """The id of the operation behind each documented endpoint."""
    found = {endpoint: getattr(view, "_apidoc", {}) for endpoint, view in app.view_functions.items()}
    return {endpoint: about["manual_doc"]["operationId"] for endpoint, about in found.items() if "manual_doc" in about}


def _limited(view: Callable[..., Any], limiter: Limiter, backend: Backend, name: str, quota: Quota) -> Callable[..., Any]:
    checked = limiter.limit(
        f"{quota.count} per {quota.seconds} seconds", exempt_when=lambda: _actor(backend).passes_rules
    )(view)

    @wraps(view)
    def door(**arguments: Any) -> Any:
        visit = visit_of(flask_request.environ)
        try:
            return checked(**arguments)
        except RateLimitExceeded as exceeded:
            raise too_many(_tallies(limiter, name, quota)) or exceeded from exceeded
        finally:
            visit.tallies += _tallies(limiter, name, quota)

    return door


def _tallies(limiter: Limiter, name: str, quota: Quota) -> list[Tally]:
    told = limiter.current_limits
    # Where it was refused, nothing is left and the count is over.
    return [
        Tally(Meter(name, quota, b""), quota.count + 1 if each.breached else quota.count - each.remaining, each.reset_at - time.time())
        for each in told
    ]


def _actor(backend: Backend) -> Actor:
    """A token that is no good is counted by the address that sent it; what becomes of it is the view's business."""
    try:
        return identify(flask_request, backend)
    except Unauthenticated:
        return GUEST


def _whom(backend: Backend) -> str:
    return "\0".join(whom(_actor(backend), visit_of(flask_request.environ)))


class CounterStorage(Storage):
    """The counter of this backend as a storage of the `limits` library, for its fixed windows. What is left is known of the key that
    this thread has counted last, which is what a request asks for after its own count."""

    STORAGE_SCHEME = [SCHEME]

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, *, limits: LimitUseCases, **_: Any) -> None:
        super().__init__(uri, wrap_exceptions)
        self._limits, self._last = limits, local()

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        return ()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        tally = self._limits.hit(meter("route", Quota(MOST, expiry), key))
        self._last.key, self._last.used, self._last.ends = key, tally.used, time.time() + tally.ends_in
        return tally.used

    def get(self, key: str) -> int:
        return self._last.used if getattr(self._last, "key", None) == key else 0

    def get_expiry(self, key: str) -> float:
        return self._last.ends if getattr(self._last, "key", None) == key else time.time()

    def check(self) -> bool:
        return True

    def reset(self) -> int | None:
        raise NotImplementedError

    def clear(self, key: str) -> None:
        raise NotImplementedError
