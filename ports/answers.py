"""Where first answers are kept for requests that are sent again."""

from collections.abc import Sequence
from typing import Protocol

from domain.idempotency import Answer, Asked, Kept


class AnswerStore(Protocol):
    """Instants as they are stored. What has expired counts as not there, whether or not it was swept."""

    def put(self, asked: Asked, answer: Answer, *, now: str, expires: str) -> bool:
        """In one statement, in the transaction of the effect. False where another request in this scope was first: the transaction has
        to be undone then. Waits for a rival that is under way: it is kept if that one is not."""
        ...

    def find(self, scope: str, now: str) -> Kept | None: ...

    def page(self, after: str, limit: int) -> Sequence[tuple[str, bytes]]:
        """Scopes, and the bodies of what is kept under them, in the order of scopes from behind `after`."""
        ...

    def erase(self, scopes: Sequence[str]) -> None:
        """Puts `ERASED` in the place of these answers. They stay: a request that is sent again must not be done again."""
        ...

    def overdue(self, now: str) -> bool:
        """Whether anything has expired."""
        ...

    def sweep(self, now: str, limit: int) -> int:
        """So many at most of those that have expired are gone; what another process is sweeping is passed over."""
        ...
