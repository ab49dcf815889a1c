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

    def is_unplaced(self) -> bool:
        """Whether there is any event that `arrange` would give a place."""
        ...

    def enter(self, subscriber: str) -> None:
        """One that was never here hears what has no place yet, and whatever comes later."""
        ...

    def progress(self, subscriber: str) -> int | None:
        """Up to which place it has heard everything; None where it was never here."""
        ...

    def keep_progress(self, subscriber: str, position: int) -> None:
        """Never back: a slow process may have been overtaken."""
        ...

    def erase(self, collection: str, records: Sequence[str]) -> None:
        """Empties the payloads of all events of these records; `collection` is its id. Who has not heard them yet hears no values."""
        ...

    def forget(self, position: int | None, before: str, limit: int) -> int:
        """Removes at most so many of the oldest events: those up to this place (None: whether they have one or not) from before this
        moment. How many it removed."""
        ...


class Turn(Protocol):
    """One process of all that share a database hands events over at a time."""

    def is_ours(self) -> bool:
        """Whether it is this process, which tries to get it if nobody has it. To be asked from time to time: it may be lost."""
        ...

    def give_up(self) -> None: ...
