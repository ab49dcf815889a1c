"""What the database knows of the state of the whole backend, for those who watch it. The form in which it is told is a door's."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from threading import Lock
from time import monotonic

from domain.metrics import Measure, of_database, of_queues, of_runs, of_schedules, of_subscribers, of_webhooks
from ports.clock import Clock
from ports.observer import HousekeepingFailed, Observer, trace
from ports.unit_of_work import Stores, UnitOfWork

# However many ask at once, and whoever asks in a loop: the database is asked once in so many seconds.
_KEPT = 5.0

# Each in a statement or two. One more gauge is one more line here.
SOURCES: tuple[Callable[[Stores, datetime], Iterable[Measure]], ...] = (
    lambda stores, now: of_queues(stores.jobs.queues()),
    lambda stores, now: of_runs(stores.jobs.tallies()),
    lambda stores, now: of_schedules(stores.schedules.rounds()),
    lambda stores, now: of_subscribers(stores.deliveries.subscribers(), now),
    lambda stores, now: of_webhooks(stores.webhooks.backlog()),
)


class MetricsUseCases:
    def __init__(self, work: UnitOfWork, clock: Clock, observer: Observer) -> None:
        self._work, self._clock, self._observer = work, clock, observer
        self._asking, self._until = Lock(), float("-inf")
        self._known: Sequence[Measure] = ()

    def measures(self) -> Sequence[Measure]:
        """As they were at most five seconds ago. Never raises, for what processes count is told all the same: where the database does not
        answer, or not within the time that a statement has, what it knows is missing, and `stillroom_database_up` is 0."""
        with self._asking:
            if monotonic() >= self._until:
                self._known = self._asked()
                self._until = monotonic() + _KEPT
            return self._known

    def _asked(self) -> Sequence[Measure]:
        now, found = self._clock.now(), list[Measure]()
        try:
            for source in SOURCES:
                found += self._work.read(lambda stores: list(source(stores, now)))  # noqa: B023 - called at once
        except Exception as error:  # noqa: BLE001 - whoever watches learns it from what is told
            self._observer.observe(HousekeepingFailed("metrics", "\n".join(trace(error))))
            return (*found, of_database(answers=False))
        return (*found, of_database(answers=True))
