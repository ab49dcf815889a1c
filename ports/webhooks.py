"""Endpoints of other servers and the messages for them as rows, and the way out to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.webhooks.deliveries import Backlog, Delivery, Settled
from domain.webhooks.endpoints import Endpoint


class NotSent(Exception):
    """There was no answer. The text is a word for the log of deliveries, and tells nothing of the network."""


@dataclass(frozen=True, slots=True)
class Response:
    """`headers` by lower-case names; `body` is the beginning."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class WebhookDoor(Protocol):
    def check(self, url: str) -> bool:
        """Whether this address would be asked now."""
        ...

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Any status is an answer, a redirect (which is never followed) too. NotSent where none comes within fifteen seconds; then
        none comes later either."""
        ...


@dataclass(frozen=True, slots=True)
class Secrets:
    """Sealed. The one `before` signs as well until that moment, in milliseconds."""

    sealed: bytes
    before: bytes | None = None
    until: int = 0


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to send to an endpoint, for as long as the database has it held by `holder`."""

    endpoint: Endpoint
    secrets: Secrets
    holder: str


class WebhookStore(Protocol):
    """The clock is the database's own."""

    def now(self) -> int:
        """Milliseconds."""
        ...

    # --- endpoints

    def all(self) -> Sequence[Endpoint]:
        """The oldest first."""
        ...

    def any(self) -> bool: ...
    def find(self, id: str) -> Endpoint | None: ...
    def hold(self, id: str) -> Endpoint | None:
        """The one with that id, which nobody else changes until the transaction ends."""
        ...

    def add(self, endpoint: Endpoint, secrets: Secrets) -> None: ...
    def put(self, endpoint: Endpoint) -> None:
        """In place of what it was; its secrets stay."""
        ...

    def secrets(self, id: str) -> Secrets | None: ...
    def renew(self, id: str, secrets: Secrets) -> None: ...
    def remove(self, id: str) -> bool:
        """With all that was for it."""
        ...

    # --- messages

    def post(self, deliveries: Sequence[Delivery]) -> int:
        """Due at once, but none before an earlier one of the same record; how many there were not before. None for an endpoint that is
        not there or disabled."""
        ...

    def listed(self, webhook: str, state: str | None, *, before: str | None, limit: int) -> Sequence[Delivery]:
        """The latest first, without their bodies; `before` is the id of the last one that was seen."""
        ...

    def delivery(self, webhook: str, id: str) -> Delivery | None: ...
    def again(self, webhook: str, ids: Sequence[str]) -> int:
        """Those of them that are over are due at once, as if they had never been tried; those that wait are due at once."""
        ...

    def dead_since(self, webhook: str, since: int, limit: int) -> Sequence[str]:
        """The ids of those that were made since then and given up, the oldest first."""
        ...

    def erase(self, collection: str, records: Sequence[str]) -> None:
        """Nothing is left of messages about these records; `collection` is its id."""
        ...

    # --- sending

    def due(self, limit: int) -> Sequence[str]:
        """The ids of endpoints for which something is due, that nobody sends to just now and that nothing stands against."""
        ...

    def claim(self, id: str, holder: str, lease: int) -> Lease | None:
        """For so many milliseconds; None where somebody else has it, or it is to be asked no more."""
        ...

    def next(self, webhook: str, limit: int) -> Sequence[Delivery]:
        """Those that are due, of each record the first, and none where that is not due. Those that were tried least come first, and of
        them the oldest."""
        ...

    def probe(self, webhook: str) -> Sequence[Delivery]:
        """One of those that `next` has, at most: any of those that were tried least."""
        ...

    def settle(self, lease: Lease, settled: Settled, more: int) -> bool:
        """Writes what came of attempts, and holds on for so many milliseconds. False, and nothing is done, where somebody else has it by
        now, or it is disabled."""
        ...

    def release(self, lease: Lease) -> None: ...

    # --- looking after them

    def overrun(self, most: int) -> Sequence[str]:
        """The ids of enabled endpoints for which more than so many wait."""
        ...

    def forget(self, delivered: int, dead: int, limit: int) -> int:
        """Removes at most so many of those that are over, delivered before the one moment or given up before the other, and of those
        whose endpoint is gone; how many."""
        ...

    def backlog(self) -> Backlog: ...
