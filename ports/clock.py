"""Time and new identifiers, so that both can be told in tests."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The present instant, in UTC."""
        ...


class Ids(Protocol):
    def new(self) -> str:
        """A new id that was never given before: a UUIDv7 as 36 characters, so that later ids sort after earlier ones."""
        ...

    def some(self, number: int) -> list[str]:
        """So many new ids, in their order."""
        ...
