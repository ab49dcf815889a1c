"""Providers of sign-in, whose people are which accounts, and sign-ins that are under way."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.accounts.providers import Provider
from domain.schema.collection import Collection


@dataclass(frozen=True, slots=True)
class KeptIdentity:
    """That the person whom `issuer` calls `subject` is this account. `provider` and `email` are what it came by, for people to know it."""

    id: str
    issuer: str
    subject: str
    account: str
    provider: str
    email: str
    created: str
    used: str


class ProviderStore(Protocol):
    def put(self, collection: Collection, provider: Provider, sealed: bytes) -> None:
        """In place of the one of this name. `sealed` is its secret."""
        ...

    def find(self, collection: Collection, name: str) -> tuple[Provider, bytes] | None: ...

    def all(self, collection: Collection) -> Sequence[Provider]:
        """By name."""
        ...

    def remove(self, collection: Collection, name: str) -> bool: ...


class IdentityStore(Protocol):
    def find(self, collection: Collection, issuer: str, subject: str) -> str | None:
        """The account that this person is."""
        ...

    def add(self, collection: Collection, identity: KeptIdentity) -> bool:
        """False, and nothing is kept, where the person is an account already."""
        ...

    def use(self, collection: Collection, issuer: str, subject: str, now: str) -> None: ...

    def of_account(self, collection: Collection, account: str) -> Sequence[KeptIdentity]:
        """The oldest first."""
        ...

    def remove(self, collection: Collection, account: str, id: str) -> bool: ...

    def forget(self, collection: Collection, accounts: Sequence[str]) -> None: ...

    # --- sign-ins that are under way

    def begin(self, digest: str, collection: Collection, step: str, sealed: bytes, expires: str) -> None: ...

    def find_begun(self, digest: str, collection: Collection, step: str, now: str) -> bytes | None:
        """Only `take_begun` decides."""
        ...

    def take_begun(self, digest: str, collection: Collection, step: str, now: str) -> bytes | None:
        """What was sealed, once: one conditional statement, so of many that come with it one has it. None where it is gone or over."""
        ...

    def sweep(self, now: str, limit: int) -> int:
        """Takes away up to `limit` that are over; how many."""
        ...
