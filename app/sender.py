"""The threads that send messages to other servers: one looks for what is due, others send, each to one endpoint. Any number of processes
that share a database have them."""

from collections.abc import Callable
from functools import partial
from threading import Event, Lock, Thread
from time import monotonic
from typing import TypeVar

from app.usecases.webhook_sending import WebhookSending
from ports.observer import HousekeepingFailed, Observer, trace

# Seconds between two looks at what other processes have made, and at what is due by now.
_POLL = 1.0
# Endpoints that are sent to at once: one that does not answer holds its thread for as long as an answer may take, and is then left alone.
_ENDPOINTS = 16
# What is under way when the process ends is not waited for: whoever comes next sends it again.
_PATIENCE = 5.0
# Where others wait for a thread, an endpoint has one for no longer than this and the answers that it waits for.
_TURN = 10.0
# An endpoint that could not be sent to for a reason of ours, say a secret that no key opens any more, is tried again after this time.
_REST = 10.0

T = TypeVar("T")


class Sender:
    def __init__(self, sending: WebhookSending, is_wanted: Callable[[], bool], observer: Observer) -> None:
        self._sending, self._is_wanted, self._observer = sending, is_wanted, observer
        self._roused, self._over, self._changing = Event(), Event(), Lock()
        self._busy: set[str] = set()
        self._resting: dict[str, float] = {}
        # When each had its last turn.
        self._served: dict[str, float] = {}
        self._thread = Thread(target=self._go, name="stillroom-sender", daemon=True)

    def start(self) -> "Sender":
        self._thread.start()
        return self

    def rouse(self) -> None:
        """Something is due; it takes no time, and it is nothing where this was not started."""
        self._roused.set()

    def stop(self) -> None:
        self._over.set()
        self._roused.set()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE)

    def _go(self) -> None:
        while not self._over.is_set():
            self._roused.wait(_POLL)
            self._roused.clear()
            self._watched("webhooks", self._look)

    def _look(self) -> None:
        if not self._is_wanted():
            return
        # Endpoints that take their time and have much to be sent would otherwise be the first again each time.
        for webhook in sorted(self._sending.due(), key=lambda each: self._served.get(each, 0.0)):
            if self._is_free(webhook):
                Thread(target=self._send, args=(webhook,), name="stillroom-send", daemon=True).start()

    def _is_free(self, webhook: str) -> bool:
        with self._changing:
            if webhook in self._busy or len(self._busy) >= _ENDPOINTS or monotonic() < self._resting.get(webhook, 0):
                return False
            self._resting.pop(webhook, None)
            self._busy.add(webhook)
            return True

    def _send(self, webhook: str) -> None:
        ends = monotonic() + _TURN
        count = self._watched("webhooks", partial(self._sending.send, webhook, stopped=lambda: self._is_over(ends)))
        with self._changing:
            self._busy.discard(webhook)
            self._served[webhook] = monotonic()
            if count is None:
                self._resting[webhook] = monotonic() + _REST
        # What came while it was the last one's turn was passed over. Where nothing could be sent, it is left to the next look.
        if count:
            self._roused.set()

    def _is_over(self, ends: float) -> bool:
        return self._over.is_set() or (monotonic() > ends and len(self._busy) >= _ENDPOINTS)

    def _watched(self, what: str, body: Callable[[], T]) -> T | None:
        """None where it failed."""
        try:
            return body()
        except Exception as error:  # noqa: BLE001 - the next look may go well
            self._observer.observe(HousekeepingFailed(what, "\n".join(trace(error))))
            return None
