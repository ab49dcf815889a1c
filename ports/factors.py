"""Second factors of accounts, kept in the database. What is good once is used up by one conditional statement."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from domain.accounts.factors import Totp
from domain.schema.collection import Collection


class FactorStore(Protocol):
    def totp(self, collection: Collection, account: str) -> Totp | None: ...

    def propose_totp(self, collection: Collection, account: str, sealed: bytes, now: str) -> bool:
        """A seed that counts for nothing until it is confirmed, in place of one that never was. False, and nothing changed, where the
        account has a confirmed one."""
        ...

    def confirm_totp(self, collection: Collection, account: str, sealed: bytes, step: int) -> bool:
        """Whether this very seed was still waiting for its first code; from now on it counts, and later steps than this one are good."""
        ...

    def use_step(self, collection: Collection, account: str, step: int) -> bool:
        """Whether no code of this step or a later one was used before; of many that use it at once one does."""
        ...

    def remove_totp(self, collection: Collection, account: str) -> bool: ...

    def put_recovery(self, collection: Collection, account: str, digests: Sequence[str]) -> None:
        """In place of all that the account had."""
        ...

    def take_recovery(self, collection: Collection, account: str, digest: str) -> bool:
        """Whether there was such a code; it is gone then."""
        ...

    def recovery_left(self, collection: Collection, account: str) -> int: ...

    def forget(self, collection: Collection, accounts: Sequence[str]) -> None:
        """Every factor of these accounts, whatever it is: of those that are deleted, or whose owner has just proved that somebody
        else may have planted some."""
        ...

    def is_fresh(self, collection: Collection, account: str, session: str, since: str) -> bool:
        """Whether this session was signed in or stepped up after this moment."""
        ...

    def step_up(self, collection: Collection, account: str, session: str, now: str) -> bool:
        """Whether there is such a session; it is fresh from now on."""
        ...


class AppCodes(Protocol):
    """Codes of authenticator apps (RFC 6238)."""

    def seed(self) -> str: ...

    def uri(self, seed: str, *, account: str, issuer: str) -> str:
        """What an app reads from a picture."""
        ...

    def step(self, seed: str, code: str, at: datetime) -> int | None:
        """The step that this is the code of, among those that are taken at this moment; compared in constant time."""
        ...


class QrCodes(Protocol):
    def svg(self, text: str) -> str: ...
