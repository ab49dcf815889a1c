"""The sessions of accounts, kept as rows. A session stands while its row is there and repeats the epoch of its account."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.accounts.refresh import KeptToken
from domain.accounts.sessions import Session
from domain.schema.collection import Collection

# A list is for a person to look through.
LISTED = 200


@dataclass(frozen=True, slots=True)
class Turn:
    """One use of a refresh token: the one presented, the one that follows, and the salt from which that follows. `grace` is the moment
    since which a spent token may be presented again, `expires` the session's idle end from now on."""

    presented: KeptToken
    next: KeptToken
    salt: bytes
    now: str
    grace: str
    expires: str
    address: str = ""


class SessionStore(Protocol):
    def add(self, collection: Collection, session: Session, token: KeptToken, *, both: bool = True) -> bool:
        """Whether it was added: not where the account is gone, and without `both` not where it has a second factor. Asked by the statement
        that adds it, and the account held until the transaction ends, so that there is no moment between: nothing is left of
        an account by a sign-in that was under way when it went."""
        ...

    def spend(self, collection: Collection, turn: Turn) -> Session | None:
        """The session whose present token was the one presented; the next one is in its place then. One conditional statement, so
        of many that present one token at once one spends it. None for every other token, and where the session or its
        account no longer stands."""
        ...

    def just_spent(self, collection: Collection, turn: Turn) -> tuple[Session, bytes] | None:
        """The session of which the presented token was spent last and within the grace, with the salt of that turn."""
        ...

    def end_family(self, collection: Collection, family: str) -> Session | None:
        """The session that had this family; it is gone then."""
        ...

    def of_account(self, collection: Collection, account: str, now: str, limit: int = LISTED) -> Sequence[Session]:
        """Those that stand, the one used last first."""
        ...

    def end(self, collection: Collection, account: str, id: str) -> bool:
        """Whether there was one."""
        ...

    def end_others(self, collection: Collection, account: str, kept: str | None) -> int:
        """All sessions of the account but `kept`; how many there were."""
        ...

    def carry_over(self, collection: Collection, account: str, kept: str | None) -> None:
        """Lets this session, or with None every one that stood until now, go on under the epoch to which the account just moved."""
        ...

    def forget(self, collection: Collection, accounts: Sequence[str]) -> None:
        """Of accounts that are deleted."""
        ...

    def overdue(self, now: str) -> bool:
        """Whether there is anything to sweep."""
        ...

    def sweep(self, now: str, limit: int) -> int:
        """Takes away up to `limit` rows of sessions that have expired; how many."""
        ...
