"""The keys of other programs, by the digest of their text."""

from collections.abc import Sequence
from typing import Protocol

from domain.accounts.api_keys import ApiKey


class ApiKeyStore(Protocol):
    def add(self, key: ApiKey, digest: str) -> None: ...

    def find(self, digest: str) -> ApiKey | None: ...

    def all(self) -> Sequence[ApiKey]:
        """The newest first."""
        ...

    def ruled(self) -> Sequence[ApiKey]:
        """Those that have rules of their own."""
        ...

    def note_use(self, id: str, at: str) -> None: ...

    def remove_made_by(self, admin: str) -> Sequence[str]:
        """As `remove`, all keys that this admin made; their ids."""
        ...

    def remove(self, id: str) -> bool:
        """Whether it was there. From then on the guard of every request that it asks refuses it, on every process."""
        ...
