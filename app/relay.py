"""The thread that hands committed events over; any number of processes that share a database have one."""

from collections.abc import Callable
from threading import Event, Thread
from typing import Protocol

from app.usecases.events import EventUseCases
from ports.observer import HousekeepingFailed, Observer, trace

# Seconds between two looks at what other processes have committed, which nobody tells us of.
_POLL = 0.1
# After a commit of ours: what is committed in this time is handed over in the same round, so that a busy server is not busier for it.
_GATHER = 0.01
# Where the database does not answer.
_REST = 1.0
# A round that is under way ends after the event that is being handled; the process does not wait longer for it than this.
_PATIENCE = 5.0


class Heeded(Protocol):
    def heed(self, told: Callable[[], None]) -> None: ...


class Relay:
    """Does nothing at all where nobody has subscribed by the time of `start`."""

    def __init__(self, events: EventUseCases, work: Heeded, observer: Observer) -> None:
        self._events, self._work, self._observer = events, work, observer
        self._wanted, self._over = Event(), Event()
        self._thread = Thread(target=self._go, name="stillroom-relay", daemon=True)

    def start(self) -> "Relay":
        if self._events.has_subscribers:
            self._work.heed(self._wanted.set)
            self._thread.start()
        return self

    def stop(self) -> None:
        self._over.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE)

    def _go(self) -> None:
        rest = 0.0
        while not self._over.is_set():
            if rest:
                self._over.wait(rest)
            elif self._wanted.wait(_POLL):
                self._over.wait(_GATHER)
            self._wanted.clear()
            rest = 0.0 if self._done(lambda: self._events.drain(stopped=self._over.is_set)) else _REST
        self._done(self._events.give_up)

    def _done(self, what: Callable[[], object]) -> bool:
        try:
            what()
        except Exception as error:  # noqa: BLE001 - the next round may go well, and this thread is the only one
            self._observer.observe(HousekeepingFailed("events", "\n".join(trace(error))))
            return False
        return True
