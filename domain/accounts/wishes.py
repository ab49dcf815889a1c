"""A wish for a letter, as it waits for whoever writes it: who asked for what. Whether there is such an account is not known yet.

So asking costs the same for an address that has an account and for one that has none: all that differs comes after the answer.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta

from domain.accounts.one_time import INVITATION, LIFETIMES, SIGN_IN_CODE, SIGN_IN_LINK

# Before some people sits an empty mailbox; whoever is invited does not know of it yet.
_PRIORITIES = {SIGN_IN_CODE: 9, SIGN_IN_LINK: 9, INVITATION: 0}
_ASKED_FOR = 8


@dataclass(frozen=True, slots=True)
class Wish:
    """`collection` is an id. `ticket` is the secret that a code goes with. `account` is set where it is known who asks; `bound` is what
    the secret is to be about. `base` is what links begin with, as the process knows it that was asked: another one may send the letter."""

    purpose: str
    collection: str
    email: str
    languages: Sequence[str] = ()
    ticket: str = ""
    account: str = ""
    bound: str = ""
    base: str = ""

    @property
    def priority(self) -> int:
        return _PRIORITIES.get(self.purpose, _ASKED_FOR)

    @property
    def lasts(self) -> timedelta:
        """After this nobody can use what the letter would hold."""
        return LIFETIMES[self.purpose]

    def as_text(self) -> str:
        return json.dumps(asdict(self))


def read_wish(text: str) -> Wish:
    return Wish(**json.loads(text))


def place(id: str) -> str:
    """What a waiting letter is sealed for: another's cannot be put in its place."""
    return f"mail {id}"
