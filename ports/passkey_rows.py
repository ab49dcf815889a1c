"""Passkeys of accounts, kept in the database."""

from collections.abc import Sequence
from typing import Protocol

from domain.accounts.passkeys import Passkey
from domain.schema.collection import Collection


class PasskeyStore(Protocol):
    def add(self, collection: Collection, passkey: Passkey) -> bool:
        """False, and nothing added, where the collection has a passkey of this credential."""
        ...

    def find(self, collection: Collection, credential: str) -> Passkey | None: ...

    def of_account(self, collection: Collection, account: str) -> Sequence[Passkey]:
        """In the order in which they were made."""
        ...

    def use(self, collection: Collection, passkey: Passkey, counter: int, now: str) -> bool:
        """Whether it was still at the counter that it was judged by; it is at this one then."""
        ...

    def rename(self, collection: Collection, account: str, id: str, name: str) -> Passkey | None: ...

    def remove(self, collection: Collection, account: str, id: str) -> bool: ...
