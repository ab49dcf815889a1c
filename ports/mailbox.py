"""Letters that are to go out, written in the same transaction as what wants them: at least once, each with its own retries.

They wait here and not among the events: what a letter says is a secret, so it is sealed and gone once it was sent, and an address that
refuses mail holds up nobody else's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Waiting:
    """`sealed` is what it is about, or the letter itself once that was written (`is_written`). It is due at `due`, for the
    `attempts` + first time."""

    id: str
    sealed: bytes
    due: str
    is_written: bool = False
    attempts: int = 0


class Mailbox(Protocol):
    def post(self, mail: Waiting) -> None: ...

    def due(self, now: str, limit: int) -> Sequence[Waiting]:
        """The ones that have waited longest."""
        ...

    def all(self, after: str, limit: int) -> Sequence[Waiting]:
        """Whatever waits, due or not, in the order of ids from behind `after`."""
        ...

    def claim(self, mail: Waiting, until: str) -> bool:
        """Whether it is ours until then: of many processes that try, one has it. One conditional statement."""
        ...

    def written(self, id: str, sealed: bytes) -> None:
        """Puts the letter in place of what it is about."""
        ...

    def done(self, id: str) -> None:
        """It is gone."""
        ...
