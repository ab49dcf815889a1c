"""Handing committed events to whoever subscribed inside of this process: each at least once, those of one record in order.

Any number of processes do so. Who hands events to a subscriber holds a lease in the database, which ends by itself; how far it has heard
is kept, after it has heard, only as long as nobody holds a later one.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import monotonic

from domain.deliveries import DEAD_FOR, Deferred, Ordered, behind, failed, ordered_by
from domain.events import Told
from domain.schema.fields.times import write_instant
from ports.clock import Clock
from ports.deliveries import Lease, Outlook
from ports.observer import Observer, SubscriberFailed, trace
from ports.unit_of_work import Stores, UnitOfWork

# Read, and told before progress is kept: so many may be told again after a crash.
_AT_ONCE = 100
_ARRANGED_AT_ONCE = 1000
_FORGOTTEN_AT_ONCE = 500
# What dies while it holds a lease is succeeded after this time. One handler that takes longer may be overtaken by another's.
LEASE = timedelta(seconds=15)
# For how long a subscriber that comes no more keeps others' events from being forgotten.
_LATELY = timedelta(days=7)

Handle = Callable[[Told], object]
Stopped = Callable[[], bool]
Wanted = Callable[[], bool]


class _Overtaken(Exception):
    """Somebody else hands events to this subscriber now."""


@dataclass(slots=True)
class _Subscriber:
    """`heard` may be older than what the database has, never newer; it is the lease's own while that is held."""

    name: str
    kinds: frozenset[str]
    handle: Handle
    is_wanted: Wanted
    heard: int = -1
    lease: Lease | None = None
    until: float = 0.0

    def holds(self) -> bool:
        return self.lease is not None and monotonic() < self.until

    def got(self, lease: Lease | None, until: float) -> bool:
        self.lease, self.until = lease, until
        self.heard = lease.position if lease else self.heard
        return lease is not None


@dataclass(slots=True)
class _Heard:
    """What came of a few events: to be kept together."""

    upto: int
    wanted: int = 0
    through: int = 0
    deferred: list[Deferred] = field(default_factory=list)
    settled: list[int] = field(default_factory=list)


class EventUseCases:
    def __init__(self, work: UnitOfWork, clock: Clock, observer: Observer, *, kept: timedelta, lease: timedelta = LEASE) -> None:
        self._work, self._clock, self._observer, self._kept = work, clock, observer, kept
        self.lease = lease
        self._subscribers: list[_Subscriber] = []

    def subscribe(self, name: str, kinds: Iterable[str], handle: Handle) -> None:
        """From now on `handle` hears every event of these kinds, in whichever process hands them over; under this name it goes on where it
        stood when that process ends. It has to bear an event that it has heard before, and no transaction is open when it is called."""
        self._work.run(lambda stores: stores.deliveries.enter(name))
        self.expect(name, kinds, handle, lambda: True)

    def expect(self, name: str, kinds: Iterable[str], handle: Handle, is_wanted: Wanted) -> None:
        """As `subscribe`, for one that enters and leaves with what it serves: while it is not wanted events cost it nothing."""
        if any(each.name == name for each in self._subscribers):
            raise ValueError(f"there is a subscriber `{name}` already")
        self._subscribers.append(_Subscriber(name, frozenset(kinds), handle, is_wanted))

    @property
    def _milliseconds(self) -> int:
        return round(self.lease.total_seconds() * 1000)

    @property
    def has_subscribers(self) -> bool:
        return bool(self._subscribers)

    def drain(self, *, stopped: Stopped = lambda: False) -> int:
        """Hands over whatever is committed, until nothing is left, or all that is left has failed just now or is another process's; how
        many events were gone through, counted for each subscriber."""
        handed, wanted = 0, [each for each in self._subscribers if each.is_wanted()]
        while wanted and not stopped():
            outlook = self._outlook()
            count = sum(self._round(each, outlook, stopped) for each in wanted)
            if not count:
                break
            handed += count
        return handed

    def give_up(self) -> None:
        """Others may go on at once."""
        for each in self._subscribers:
            lease = each.lease
            if lease and each.holds():
                self._work.run(lambda stores: stores.deliveries.release(each.name, lease))  # noqa: B023 - called at once
            each.lease = None

    def forget(self, *, stopped: Stopped = lambda: False) -> int:
        """Removes what has been kept long enough and heard by all who were here lately; how much that was. And what was given up so long
        ago that nobody will look at it."""
        now = self._clock.now()
        before, dead = write_instant(now - self._kept), write_instant(now - DEAD_FOR)
        lately = round(_LATELY.total_seconds() * 1000)
        self._repeated(lambda stores: stores.deliveries.drop_dead(dead, _FORGOTTEN_AT_ONCE), stopped)
        return self._repeated(lambda stores: stores.outbox.forget(before, lately, _FORGOTTEN_AT_ONCE), stopped)

    def _repeated(self, body: Callable[[Stores], int], stopped: Stopped) -> int:
        removed, count = 0, _FORGOTTEN_AT_ONCE
        while count == _FORGOTTEN_AT_ONCE and not stopped():
            count = self._work.run(body)
            removed += count
        return removed

    # --- a round

    def _outlook(self) -> Outlook:
        outlook = self._work.read(lambda stores: stores.deliveries.outlook())
        while outlook.is_unplaced and self._work.run(lambda stores: stores.outbox.arrange(_ARRANGED_AT_ONCE)):
            outlook = self._work.read(lambda stores: stores.deliveries.outlook())
        return outlook

    def _round(self, subscriber: _Subscriber, outlook: Outlook, stopped: Stopped) -> int:
        now = self._clock.now()
        is_due = outlook.again is not None and outlook.again <= write_instant(now)
        if subscriber.heard >= outlook.latest and not is_due:
            return 0
        if not subscriber.holds() and not self._claimed(subscriber):
            return 0
        try:
            again = self._tell_again(subscriber, now, stopped) if is_due else 0
            return again + self._tell(subscriber, stopped)
        except _Overtaken:
            subscriber.lease = None
            return 0

    def _claimed(self, subscriber: _Subscriber) -> bool:
        """Asked by a reader first: whoever waits for its turn keeps no writer waiting."""
        standing = self._work.read(lambda stores: stores.deliveries.standing(subscriber.name))
        if standing is None or standing.is_held:
            subscriber.heard = standing.position if standing else subscriber.heard
            return False
        return subscriber.got(self._work.run(lambda stores: stores.deliveries.claim(subscriber.name, self._milliseconds)), self._until())

    def _until(self) -> float:
        """By our own clock, and well before the database's end: a claim that is given up too early costs a statement."""
        return monotonic() + self._milliseconds / 2000

    def _tell_again(self, subscriber: _Subscriber, now: datetime, stopped: Stopped) -> int:
        """What was deferred, and is due."""
        due = self._work.read(lambda stores: stores.deliveries.due(subscriber.name, write_instant(now), _AT_ONCE))
        heard = _Heard(subscriber.heard)
        for each in due:
            if stopped() or not subscriber.holds():
                break
            outcome = self._tried(subscriber, each)
            heard.through, heard.wanted = heard.through + 1, heard.wanted + 1
            if outcome is None:
                heard.settled.append(each.event.id)
            else:
                heard.deferred.append(outcome)
        self._keep(subscriber, heard)
        return heard.through

    def _tell(self, subscriber: _Subscriber, stopped: Stopped) -> int:
        """The next events; how many were gone through."""
        events, waiting = self._work.read(lambda stores: self._next(stores, subscriber))
        heard = self._gone_through(subscriber, events, set(waiting), stopped)
        # What it does not want is passed over again after a crash, and costs no commit now.
        if heard.wanted or heard.through == _AT_ONCE:
            self._keep(subscriber, heard)
        subscriber.heard = heard.upto
        return heard.through

    def _next(self, stores: Stores, subscriber: _Subscriber) -> tuple[Sequence[Told], frozenset[Ordered]]:
        events = stores.outbox.after(subscriber.heard, _AT_ONCE)
        return events, stores.deliveries.waiting(subscriber.name) if events else frozenset()

    def _gone_through(self, subscriber: _Subscriber, events: Sequence[Told], waiting: set[Ordered], stopped: Stopped) -> _Heard:
        heard = _Heard(subscriber.heard)
        for event in events:
            if stopped() or not subscriber.holds():
                break
            if event.kind in subscriber.kinds:
                heard.wanted += 1
                deferred = behind(event) if ordered_by(event) in waiting else self._tried(subscriber, behind(event))
                if deferred is not None:
                    heard.deferred.append(deferred)
                    waiting.add(ordered_by(event))
            heard.upto, heard.through = event.position, heard.through + 1
        return heard

    def _tried(self, subscriber: _Subscriber, deferred: Deferred) -> Deferred | None:
        """None where it was handled."""
        event = deferred.event
        try:
            subscriber.handle(event)
        except Exception as error:  # noqa: BLE001 - whatever it was, the event is told again
            again = failed(deferred, type(error).__name__, self._clock.now())
            self._observer.observe(SubscriberFailed(subscriber.name, event.kind, event.id, again.tries, "\n".join(trace(error))))
            return again
        return None

    def _keep(self, subscriber: _Subscriber, heard: _Heard) -> None:
        if subscriber.lease is None:
            raise _Overtaken
        lease = replace(subscriber.lease, position=heard.upto)
        self._work.run(lambda stores: self._kept_in(stores, subscriber.name, lease, heard))
        subscriber.got(lease, self._until())

    def _kept_in(self, stores: Stores, name: str, lease: Lease, heard: _Heard) -> None:
        if not stores.deliveries.keep(name, lease, self._milliseconds):
            raise _Overtaken
        for each in heard.deferred:
            stores.deliveries.defer(name, each)
        for event in heard.settled:
            stores.deliveries.settle(name, event)
