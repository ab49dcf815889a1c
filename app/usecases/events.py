"""Handing committed events to whoever subscribed inside of this process: in the order of the outbox, each at least once.

How far each subscriber has heard is kept in the database, after it has heard. One that fails is told the same event again, later and
later, while the others go on.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.events import Told
from domain.schema.fields.times import write_instant
from ports.clock import Clock
from ports.observer import Observer, SubscriberFailed, trace
from ports.unit_of_work import UnitOfWork

# Read, and told before progress is kept: so many may be told again after a crash.
_AT_ONCE = 100
_ARRANGED_AT_ONCE = 1000
_FORGOTTEN_AT_ONCE = 500
# After a failure; each further one doubles it.
_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=1), timedelta(minutes=1)
# Events are kept so long after they happened, whoever has heard them: each holds whole records, so a longer time would fill the disk, and
# keep what its owner has deleted.
RETENTION = timedelta(days=1)

Handle = Callable[[Told], object]
Stopped = Callable[[], bool]


@dataclass(slots=True)
class _Subscriber:
    name: str
    kinds: frozenset[str]
    handle: Handle
    position: int = -1  # not known yet
    failures: int = 0
    again: datetime | None = field(default=None)

    def rest(self, now: datetime) -> None:
        self.failures += 1
        self.again = now + min(_FIRST_WAIT * 2 ** min(self.failures - 1, 10), _LONGEST_WAIT)

    def recover(self) -> None:
        self.failures, self.again = 0, None


class EventUseCases:
    def __init__(self, work: UnitOfWork, clock: Clock, observer: Observer) -> None:
        self._work, self._clock, self._observer = work, clock, observer
        self._subscribers: list[_Subscriber] = []

    def subscribe(self, name: str, kinds: Iterable[str], handle: Handle) -> None:
        """From now on `handle` hears every event of these kinds, in the one process that drains; under this name it goes on where it
        stood when that process ends. It has to bear an event that it has heard before, and no transaction is open when it is called."""
        if any(each.name == name for each in self._subscribers):
            raise ValueError(f"there is a subscriber `{name}` already")
        if self._work.read(lambda stores: stores.outbox.progress(name)) is None:
            self._work.run(lambda stores: stores.outbox.enter(name))
        self._subscribers.append(_Subscriber(name, frozenset(kinds), handle))

    @property
    def has_subscribers(self) -> bool:
        return bool(self._subscribers)

    def begin_anew(self) -> None:
        """Forgets how far everybody has heard: another process may have gone on meanwhile."""
        for each in self._subscribers:
            each.position = -1

    def drain(self, *, stopped: Stopped = lambda: False) -> int:
        """Hands over whatever is committed, until nothing is left or all that is left has failed just now; how many events were gone
        through, counted for each subscriber. For one process at a time: others would tell the same once more."""
        handed = 0
        while not stopped():
            self._arrange()
            count = sum(self._hand_over(each, stopped) for each in self._subscribers if self._is_due(each))
            if not count:
                break
            handed += count
        return handed

    def forget(self, *, stopped: Stopped = lambda: False) -> int:
        """Removes what has been kept long enough and heard by all that subscribe here; how much that was."""
        before, removed = write_instant(self._clock.now() - RETENTION), 0
        heard = self._work.read(lambda stores: [stores.outbox.progress(each.name) or 0 for each in self._subscribers])
        upto = min(heard, default=None)
        while not stopped():
            count = self._work.run(lambda stores: stores.outbox.forget(upto, before, _FORGOTTEN_AT_ONCE))
            removed += count
            if count < _FORGOTTEN_AT_ONCE:
                break
        return removed

    def _arrange(self) -> None:
        while self._work.read(lambda stores: stores.outbox.is_unplaced()):
            if not self._work.run(lambda stores: stores.outbox.arrange(_ARRANGED_AT_ONCE)):
                break

    def _is_due(self, subscriber: _Subscriber) -> bool:
        return subscriber.again is None or subscriber.again <= self._clock.now()

    def _hand_over(self, subscriber: _Subscriber, stopped: Stopped) -> int:
        """The next events; how many were gone through."""
        kept = self._place(subscriber)
        events = self._work.read(lambda stores: stores.outbox.after(kept, _AT_ONCE))
        heard, done = 0, kept
        for event in events:
            if stopped() or not self._told(subscriber, event):
                break
            heard, done = heard + 1, event.position
        subscriber.position = done
        if any(each.kind in subscriber.kinds for each in events[:heard]) or heard == _AT_ONCE:
            # What it does not want is passed over again after a crash, and costs no commit now.
            self._work.run(lambda stores: stores.outbox.keep_progress(subscriber.name, done))
        return heard

    def _place(self, subscriber: _Subscriber) -> int:
        """Read once: while it is this process's turn nobody else moves it on."""
        if subscriber.position < 0:
            subscriber.position = self._work.read(lambda stores: stores.outbox.progress(subscriber.name)) or 0
        return subscriber.position

    def _told(self, subscriber: _Subscriber, event: Told) -> bool:
        if event.kind not in subscriber.kinds:
            return True
        try:
            subscriber.handle(event)
        except Exception as error:  # noqa: BLE001 - whatever it was, the event is told again
            subscriber.rest(self._clock.now())
            self._observer.observe(SubscriberFailed(subscriber.name, event.kind, event.id, subscriber.failures, "\n".join(trace(error))))
            return False
        subscriber.recover()
        return True
