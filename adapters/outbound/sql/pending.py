"""The events of one running body, until it ends: many of them cost one statement then."""

from domain.events import Event, Origin

# Beyond it they are written at once, where nothing nested is running that might be undone without what came before.
MOST = 1000


class PendingEvents:
    __slots__ = ("each_record", "events", "origin")

    def __init__(self) -> None:
        self.events: list[tuple[Origin, Event]] = []
        self.begin()

    def begin(self) -> None:
        """A session serves one body after another, and one that was given up may have left something."""
        self.events.clear()
        self.origin, self.each_record = Origin(), True

    def add(self, event: Event) -> None:
        self.events.append((self.origin, event))

    def of_record(self, event: Event) -> None:
        if self.each_record:
            self.add(event)
