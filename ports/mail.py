"""Sending mail: one letter to one address."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Letter:
    """`id` stays the same when it is sent again, so that a mailbox can know the copy. `html` may be empty."""

    id: str
    to: str
    subject: str
    text: str
    html: str = ""


class NotSent(Exception):
    """It did not go out; `permanent` where trying again cannot help. The text names no address and nothing of the letter."""

    def __init__(self, reason: str, *, permanent: bool = False) -> None:
        super().__init__(reason)
        self.permanent = permanent


class Mailer(Protocol):
    def send(self, letter: Letter) -> None:
        """Returns once somebody else has taken charge of it; NotSent otherwise, within two minutes."""
        ...
