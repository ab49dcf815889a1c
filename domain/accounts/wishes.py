"""A wish for a letter, as it waits for whoever writes it: who asked for what. Whether there is such an account is not known yet.

So asking costs the same for an address that has an account and for one that has none: all that differs comes after the answer.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta

# Until an attempt is taken to have failed and the next one comes, the first above the longest that sending takes; after the last the
# letter is given up: nobody waits for a link that long.
_PAUSES = tuple(timedelta(seconds=each) for each in (60, 120, 300, 900, 1800, 3600, 7200))


@dataclass(frozen=True, slots=True)
class Wish:
    """`collection` is an id. `ticket` is the secret that a code goes with. `account` is set where it is known who asks; `bound` is what
    the secret is to be about."""

    purpose: str
    collection: str
    email: str
    languages: Sequence[str] = ()
    ticket: str = ""
    account: str = ""
    bound: str = ""

    def as_text(self) -> str:
        return json.dumps(asdict(self))


def read_wish(text: str) -> Wish:
    return Wish(**json.loads(text))


def place(id: str) -> str:
    """What a waiting letter is sealed for: another's cannot be put in its place."""
    return f"mail {id}"


def pause_after(attempts: int) -> timedelta | None:
    """How long a letter rests that was tried so often; None where it is given up."""
    return _PAUSES[attempts - 1] if attempts <= len(_PAUSES) else None
