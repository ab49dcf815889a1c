"""Messages go out here, to one endpoint after another in no order: each is held by one process at a time, by a lease in the database, and
is sent a few messages at once, of different records. What comes of it is decided in domain.webhooks.deliveries."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from threading import Thread
from time import monotonic

from app.usecases.webhook_secrets import WebhookSecrets
from domain.jobs.job import milliseconds
from domain.webhooks.deliveries import EXCERPT, Attempt, Delivery, Settled, is_resting, settled
from domain.webhooks.endpoints import DISABLED, OVERRUN, Breaker, disabled
from domain.webhooks.responses import excerpt_of, retry_after
from domain.webhooks.signatures import ID, SIGNATURE, TIMESTAMP, sign
from ports.clock import Clock, Ids
from ports.observer import Observation, Observer
from ports.unit_of_work import Stores, UnitOfWork
from ports.webhooks import Lease, NotSent, WebhookDoor

# What died while it was sending is succeeded after this time, in which every attempt that it began has ended.
LEASE = timedelta(seconds=25)
# Of one endpoint.
_AT_ONCE = 8
_ENDPOINTS_AT_ONCE = 100
# For a receiver that is away for days, this is as much as is kept for it.
MOST_WAITING = 100_000
_FORGOTTEN_AT_ONCE = 500

Stopped = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class WebhookDisabled(Observation):
    """An endpoint that is sent nothing any more until an admin enables it; `reason` says why."""

    webhook: str
    reason: str


class WebhookSending:
    def __init__(
        self, work: UnitOfWork, door: WebhookDoor, secrets: WebhookSecrets, clock: Clock, ids: Ids, observer: Observer, *, kept: timedelta
    ) -> None:
        self._work, self._door, self._secrets, self._clock, self._ids, self._observer = work, door, secrets, clock, ids, observer
        self._kept = kept

    def due(self) -> Sequence[str]:
        """The endpoints that something is due for."""
        return self._work.read(lambda stores: stores.webhooks.due(_ENDPOINTS_AT_ONCE))

    def deliver(self, *, stopped: Stopped = lambda: False) -> int:
        """Sends here what is due, one endpoint after another; how many attempts that were."""
        return sum(self.send(each, stopped=stopped) for each in self.due())

    def send(self, webhook: str, *, stopped: Stopped = lambda: False) -> int:
        """Sends what is due for this endpoint, until nothing is, it has to be left alone, or another process sends to it."""
        lease = self._work.run(lambda stores: stores.webhooks.claim(webhook, self._ids.new(), _milliseconds(LEASE)))
        if lease is None:
            return 0
        try:
            return self._sent(lease, stopped)
        finally:
            self._work.run(lambda stores: stores.webhooks.release(lease))

    def _sent(self, lease: Lease, stopped: Stopped) -> int:
        count, breaker = 0, lease.endpoint.breaker
        while not stopped() and (batch := self._next(lease.endpoint.id, breaker)):
            came = self._tried(lease, batch)
            count += len(batch)
            if came is None or came.gone or came.breaker.again is not None:
                break
            breaker = came.breaker
        return count

    def _next(self, webhook: str, breaker: Breaker) -> Sequence[Delivery]:
        if is_resting(breaker):
            return self._work.read(lambda stores: stores.webhooks.probe(webhook))
        return self._work.read(lambda stores: stores.webhooks.next(webhook, _AT_ONCE))

    def _tried(self, lease: Lease, batch: Sequence[Delivery]) -> Settled | None:
        """None where another process has the endpoint by now, so that nothing was kept of what came."""
        keys = self._secrets.signing(lease.endpoint.id, lease.secrets, milliseconds(self._clock.now()))
        attempts = _together(lambda each: self._attempt(lease.endpoint.url, keys, each), batch)
        tried, chance = [(each, attempts[each.id]) for each in batch], random.random()

        def body(stores: Stores) -> Settled | None:
            came = settled(_breaker(stores, lease), tried, stores.webhooks.now(), chance)
            return came if stores.webhooks.settle(lease, came, _milliseconds(LEASE)) else None

        came = self._work.run(body)
        if came is not None and came.gone:
            self._observer.observe(WebhookDisabled(lease.endpoint.id, "the receiver says that it is gone (410)"))
        return came

    def _attempt(self, url: str, keys: Sequence[str], delivery: Delivery) -> Attempt:
        now, began, body = self._clock.now(), monotonic(), delivery.body.encode()
        at = int(now.timestamp())
        headers = {
            "Content-Type": "application/json", ID: delivery.id, TIMESTAMP: str(at), SIGNATURE: sign(keys, delivery.id, at, body),
        }  # fmt: skip
        try:
            answer = self._door.post(url, headers, body)
        except NotSent as failed:
            return Attempt(milliseconds(now), _since(began), reason=str(failed))
        attempt = Attempt(milliseconds(now), _since(began), answer.status, retry_after(answer.headers.get("retry-after"), now))
        if attempt.is_taken:
            return attempt
        return Attempt(attempt.at, attempt.took, attempt.status, attempt.after, "", excerpt_of(answer.body, EXCERPT))

    # --- rounds of housekeeping

    def look_after(self, *, stopped: Stopped = lambda: False) -> int:
        """Removes what was kept for long enough, and leaves endpoints alone for which too much waits; how much was removed."""
        for webhook in self._work.read(lambda stores: stores.webhooks.overrun(MOST_WAITING)):
            self._work.run(lambda stores: _overrun(stores, webhook))  # noqa: B023 - called at once
            self._observer.observe(WebhookDisabled(webhook, f"more than {MOST_WAITING} messages wait for it"))
        removed, count = 0, 1
        while count and not stopped():
            count = self._work.run(self._forgotten)
            removed += count
        return removed

    def _forgotten(self, stores: Stores) -> int:
        before = stores.webhooks.now() - _milliseconds(self._kept)
        return stores.webhooks.forget(before, before, _FORGOTTEN_AT_ONCE) or stores.inbound.forget(before, _FORGOTTEN_AT_ONCE)


def _together(attempt: Callable[[Delivery], Attempt], batch: Sequence[Delivery]) -> dict[str, Attempt]:
    """By message. The threads end with the process, which those of a pool would keep from ending."""
    found: dict[str, Attempt] = {}

    def one(each: Delivery) -> None:
        found[each.id] = attempt(each)

    threads = [Thread(target=one, args=(each,), name="stillroom-message", daemon=True) for each in batch[1:]]
    for thread in threads:
        thread.start()
    one(batch[0])
    for thread in threads:
        thread.join()
    return found


def _breaker(stores: Stores, lease: Lease) -> Breaker:
    """An admin may have begun it anew meanwhile."""
    found = stores.webhooks.find(lease.endpoint.id)
    return (found or lease.endpoint).breaker


def _overrun(stores: Stores, webhook: str) -> None:
    found = stores.webhooks.hold(webhook)
    if found is not None and found.state != DISABLED:
        stores.webhooks.put(disabled(found, OVERRUN))


def _since(began: float) -> int:
    return round((monotonic() - began) * 1000)


def _milliseconds(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)
