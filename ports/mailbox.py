"""Letters that are to go out, written in the same transaction as what wants them. When and how often each is tried stands in the job that
has its id, with which it goes.

They wait here and not in the job: what a letter says is a secret, so it is sealed, and gone once it was sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Waiting:
    """`sealed` is what it is about, or the letter itself once that was written (`is_written`). Nobody can use what it holds from
    `expires` on."""

    id: str
    sealed: bytes
    expires: str
    is_written: bool = False


class Mailbox(Protocol):
    def post(self, mail: Waiting) -> None:
        """Once the job is there that sends it."""
        ...

    def find(self, id: str) -> Waiting | None: ...

    def is_due(self) -> bool:
        """Whether the job of one waits for somebody; asked several times a second, so it costs nothing where other jobs crowd."""
        ...

    def all(self, after: str, limit: int) -> Sequence[Waiting]:
        """Whatever is here, in the order of ids from behind `after`."""
        ...

    def written(self, id: str, sealed: bytes) -> None:
        """Puts the letter in place of what it is about."""
        ...

    def done(self, id: str) -> None:
        """It is gone."""
        ...

    def sweep(self, now: str, limit: int) -> int:
        """Those that have expired, and that no job is going to look for; at most so many are removed, and how many that were."""
        ...
