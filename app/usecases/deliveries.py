"""What admins see of events that wait to be heard, and what they do with those that could not be handled."""

from collections.abc import Sequence

from app.usecases.idempotency import Keep, unkept
from domain.accounts.roles import EDIT, LOOK, require
from domain.actor import Actor
from domain.deliveries import Backlog, Deferred, revived
from domain.errors import NotFound
from domain.records.reading import guard_of
from ports.unit_of_work import Stores, UnitOfWork

# That are shown; an admin who sees so many looks for what they have in common.
MOST = 500


class DeliveryUseCases:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    def backlogs(self, *, actor: Actor) -> Sequence[Backlog]:
        """How far behind each subscriber is."""
        require(actor, LOOK, "the outbox is")
        return self._work.read(lambda stores: _sound(stores, actor).deliveries.subscribers())

    def deferred(self, subscriber: str | None = None, *, actor: Actor) -> Sequence[tuple[str, Deferred]]:
        """What could not be handled yet, and what was given up; the oldest first, at most MOST."""
        require(actor, LOOK, "the outbox is")
        return self._work.read(lambda stores: _sound(stores, actor).deliveries.deferred(subscriber, limit=MOST))

    def retry(self, subscriber: str, event: int, *, actor: Actor, keep: Keep = unkept) -> None:
        """It is told as soon as possible, and as often as if it had never been. NotFound where nothing of the kind waits."""
        require(actor, EDIT, "the outbox is")

        def body(stores: Stores) -> None:
            found = _sound(stores, actor).deliveries.find(subscriber, event)
            if found is None:
                raise _nothing()
            stores.deliveries.defer(subscriber, revived(found))
            keep(stores, None)

        self._work.run(body)

    def drop(self, subscriber: str, event: int, *, actor: Actor, keep: Keep = unkept) -> None:
        """The subscriber never hears of it; later events of the same record wait no more."""
        require(actor, EDIT, "the outbox is")

        def body(stores: Stores) -> None:
            if not _sound(stores, actor).deliveries.settle(subscriber, event):
                raise _nothing()
            keep(stores, None)

        self._work.run(body)


def _sound(stores: Stores, actor: Actor) -> Stores:
    """Once it is sure that the actor still stands."""
    stores.records.check_guard(guard_of(actor))
    return stores


def _nothing() -> NotFound:
    return NotFound("no such event waits for this subscriber", hint="list what waits: it may have been handled meanwhile")
