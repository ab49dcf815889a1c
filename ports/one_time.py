"""One-time secrets, kept by their digests. Each is consumed by one conditional statement: of many that present it at once, one has it."""

from collections.abc import Sequence
from typing import Protocol

from domain.accounts.one_time import OneTime, Presented
from domain.schema.collection import Collection


class OneTimeStore(Protocol):
    """A secret stands until it expires, and while its account repeats the epoch that it was made under."""

    def put(self, secret: OneTime) -> None: ...

    def find(self, collection: Collection, presented: Presented, now: str) -> OneTime | None:
        """The one that stands, without a look at its code. Only `take` and `attempt` decide; this saves hashing for what is
        wrong anyway."""
        ...

    def take(self, collection: Collection, presented: Presented, now: str) -> OneTime | None:
        """The one that stands and has no code; it is gone then."""
        ...

    def attempt(self, collection: Collection, presented: Presented, now: str) -> OneTime | None:
        """The one that stands, has tries left and has this code; it is used up then. Another code costs it a try, which has to be
        committed: the caller does not raise in the transaction because of None."""
        ...

    def spend_try(self, collection: Collection, presented: Presented, now: str) -> OneTime | None:
        """The one that stands and has a try left, which this uses; for a secret whose proof is judged elsewhere. It has to be committed
        before that proof is looked at: of many at once no more are judged than it had tries."""
        ...

    def bind(self, collection: Collection, presented: Presented, bound: str, now: str) -> bool:
        """Whether it stands; it is about `bound` from now on."""
        ...

    def of_account(self, collection: Collection, account: str, now: str) -> Sequence[OneTime]:
        """Those that stand; none of them can be presented by what is answered."""
        ...

    def end(self, collection: Collection, account: str) -> None:
        """All of the account, whatever they are for."""
        ...

    def forget(self, collection: Collection, accounts: Sequence[str]) -> None:
        """Of accounts that are deleted."""
        ...

    def sweep(self, now: str, limit: int) -> int:
        """Takes away up to `limit` that have expired; how many."""
        ...
