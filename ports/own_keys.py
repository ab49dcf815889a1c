"""The keys that accounts make for themselves, by the digest of their text. One stands as long as it repeats the epoch of its account."""

from collections.abc import Sequence
from typing import Protocol

from domain.accounts.own_keys import OwnKey
from domain.schema.collection import Collection


class OwnKeyStore(Protocol):
    def add(self, collection: Collection, key: OwnKey, digest: str) -> bool:
        """With the account's present epoch; False where there is no such account."""
        ...

    def find(self, digest: str) -> OwnKey | None:
        """Whether it stands is asked by the guard of what comes next."""
        ...

    def of_account(self, collection: Collection, account: str, now: str) -> Sequence[OwnKey]:
        """Those that stand at this moment, the newest first."""
        ...

    def carry_over(self, collection: Collection, account: str) -> None:
        """Right after the account's epoch has grown by one: those that stood before stand on."""
        ...

    def note_use(self, id: str, at: str) -> None: ...

    def remove(self, collection: Collection, account: str, id: str) -> bool:
        """Whether it was there. From then on the guard of every request that it asks refuses it, on every process."""
        ...

    def forget(self, collection: Collection, accounts: Sequence[str]) -> Sequence[str]:
        """As `remove`, all of these accounts; their ids."""
        ...

    def end(self, ids: Sequence[str]) -> None:
        """As `remove`, these keys of whoever they are."""
        ...

    def narrowed(self, collection: str) -> Sequence[OwnKey]:
        """All that have a rule for the collection of this id."""
        ...

    def sweep(self, now: str, limit: int) -> int:
        """Takes away those that have expired, at most so many; how many they were."""
        ...
