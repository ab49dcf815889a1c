"""The audit trail: it grows, and nothing that the backend offers changes it; what was kept long enough is forgotten."""

from collections.abc import Sequence
from typing import Protocol

from domain.accounts.audit import Entry, Wanted


class AuditStore(Protocol):
    def add(self, entry: Entry) -> None:
        """In the transaction of what it tells."""
        ...

    def about(self, account: str, before: str | None, limit: int) -> Sequence[Entry]:
        """What an account did and what was done to it, by its id; the newest first, from behind the id `before`."""
        ...

    def list(self, limit: int, before: str | None, wanted: Wanted) -> Sequence[Entry]:
        """The newest first, from behind the id `before`."""
        ...

    def forget(self, before: str, limit: int) -> int:
        """Removes at most so many of the oldest, from before this moment; how many. It is for nothing but their time being over."""
        ...
