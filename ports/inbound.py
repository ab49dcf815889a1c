"""Sources of messages from other servers as rows, and what came."""

from collections.abc import Sequence
from typing import Protocol

from domain.webhooks.inbound import Message, Source
from ports.webhooks import Secrets


class InboundStore(Protocol):
    """The clock is the database's own."""

    def now(self) -> int:
        """Milliseconds."""
        ...

    def all(self) -> Sequence[Source]:
        """By name."""
        ...

    def find(self, name: str) -> tuple[Source, Secrets] | None: ...
    def hold(self, name: str) -> tuple[Source, Secrets] | None:
        """The one with that name, which nobody else changes until the transaction ends."""
        ...

    def put(self, source: Source, secrets: Secrets) -> None:
        """In place of the one with that name."""
        ...

    def remove(self, name: str) -> bool:
        """With all that is noted of its messages."""
        ...

    def take(self, source: str, message: Message) -> bool:
        """Notes that it came; whoever comes with the same id waits for this transaction. False, and nothing is noted, where it was taken
        before; one that had failed is noted anew."""
        ...

    def made(self, source: str, id: str, record: str) -> None:
        """Which record one that was taken has made."""
        ...

    def fail(self, source: str, message: Message) -> None:
        """Notes why nothing was made of it; nothing where it was taken meanwhile."""
        ...

    def messages(self, source: str, *, limit: int) -> Sequence[Message]:
        """The latest first."""
        ...

    def forget(self, before: int, limit: int) -> int:
        """Removes notes of at most so many messages that came before that moment; how many."""
        ...
