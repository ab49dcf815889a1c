"""The events of one running body, until it ends: many of them cost one statement then."""

from domain.events import Event, Origin

# So many are written before the body ends, where it asks for that.
MOST = 1000


class PendingEvents:
    __slots__ = ("depth", "each_record", "events", "origin", "remarks", "were_written")

    def __init__(self) -> None:
        self.events: list[tuple[Origin, Event]] = []
        self.remarks: list[tuple[Origin, Event]] = []
        self.begin(0)

    def begin(self, depth: int) -> None:
        """A session serves one body after another, and one that was given up may have left something."""
        self.events.clear()
        self.remarks.clear()
        self.depth, self.were_written = depth, False
        self.origin, self.each_record = Origin(), True

    def add(self, event: Event) -> None:
        self.events.append((self.origin, event))

    def remark(self, event: Event) -> None:
        self.remarks.append((self.origin, event))

    def of_record(self, event: Event) -> None:
        if self.each_record:
            self.add(event)
