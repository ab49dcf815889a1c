"""Where events wait, in the same transaction as what they tell of, until whoever subscribed has heard them."""

from collections.abc import Sequence
from typing import Protocol

from domain.events import Event, Origin, Told


class OutboxStore(Protocol):
    """The record store adds the events of its own writes, so that no way of changing records can forget them; what it leaves to its
    callers says so. Events of a body are written when it ends, and are gone with whatever of it is undone."""

    def attribute(self, origin: Origin, *, each_record: bool = True) -> None:
        """From here to the end of the body things happen in this name; at the beginning it is the system's. Without `each_record` the
        record store adds no events: a caller that writes millions adds one for all of them."""
        ...

    def add(self, event: Event) -> None: ...

    def remark(self, event: Event) -> None:
        """What happens is told to the audit trail, where it belongs there, and to nobody else."""
        ...

    def relieve(self) -> None:
        """Where many events are waiting for the body's end they are written now, unless nested work is running, which might be undone
        without what came before."""
        ...

    def arrange(self, limit: int) -> int:
        """Gives at most so many committed events their places behind all those that have one; how many it gave. An event's place comes
        after those of everything that its transaction could see, so the events of one record stand in the order of its versions."""
        ...

    def after(self, position: int, limit: int) -> Sequence[Told]:
        """The next events that have a place, in order."""
        ...

    def erase(self, collection: str, records: Sequence[str]) -> None:
        """Empties the payloads of all events of these records; `collection` is its id. Who has not heard them yet hears no values."""
        ...

    def stands(self, id: int) -> bool:
        """Whether what the event told has not been erased, and is not before the transaction ends."""
        ...

    def forget(self, before: str, lately: int, limit: int) -> int:
        """Removes at most so many of the oldest events from before this moment, but none that is deferred, nor one that somebody has
        not heard who was here in the last so many milliseconds. How many it removed."""
        ...
