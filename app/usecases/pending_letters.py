"""Letters that are still to go out to certain people. They are sealed, whatever they are about, so all that wait are opened for it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from domain.accounts.wishes import place
from domain.schema.fields.text import email_key
from ports.mailbox import Waiting
from ports.seals import Sealing
from ports.unit_of_work import Stores

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Addressee:
    """`collection` is an id; `email` the key of an address, or "" where there is none."""

    collection: str
    account: str
    email: str


class PendingLetters:
    def __init__(self, seal: Sealing) -> None:
        self._seal = seal

    def of(self, stores: Stores, whom: Addressee) -> Iterator[tuple[Waiting, Mapping[str, Any]]]:
        """Each with what it says about itself: a wish, or the letter itself."""
        after = ""
        while page := stores.mailbox.all(after, _AT_ONCE):
            for each in page:
                kept = json.loads(self._seal.open(each.sealed, about=place(each.id)))
                if _is_for(kept, whom):
                    yield each, kept
            after = page[-1].id

    def forget(self, stores: Stores, whom: Addressee) -> int:
        found = [each.id for each, _ in self.of(stores, whom)]
        for id in found:
            stores.mailbox.done(id)
            # One that runs ends by itself: it finds nothing.
            stores.jobs.drop(id)
        return len(found)


def _is_for(kept: Mapping[str, Any], whom: Addressee) -> bool:
    """A letter that is written knows an address and no account."""
    if "to" in kept:
        return bool(whom.email) and email_key(kept["to"]) == whom.email
    if kept["collection"] != whom.collection:
        return False
    return kept["account"] == whom.account or (bool(whom.email) and email_key(kept["email"]) == whom.email)
