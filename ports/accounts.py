"""What signing in needs of the database."""

from dataclasses import dataclass
from typing import Protocol

from domain.schema.collection import Collection


@dataclass(frozen=True, slots=True)
class Credentials:
    id: str
    password_hash: str | None
    epoch: int


@dataclass(frozen=True, slots=True)
class SigningKey:
    """`private` is the key sealed (encrypted) with the backend's secret; `public` is its JWK as JSON text."""

    kid: str
    sealed: bytes
    public: str
    created: str


class AccountStore(Protocol):
    def credentials(self, collection: Collection, email_key: str) -> Credentials | None:
        """Of the account with this normalised e-mail address."""
        ...

    def credentials_of(self, collection: Collection, id: str) -> Credentials | None: ...

    def set_password(self, collection: Collection, id: str, password_hash: str, *, end_sessions: bool) -> None:
        """Writes the hash; with `end_sessions` the epoch grows, so that every token issued before stops working."""
        ...

    def count(self, collection: Collection) -> int:
        """How many accounts there are; asked for `_admins` before the first one is made."""
        ...


class KeyStore(Protocol):
    """The keys that sign access tokens, and the one-time token of the first admin."""

    def signing_keys(self) -> tuple[SigningKey, ...]:
        """Newest first."""
        ...

    def add_signing_key(self, key: SigningKey) -> None: ...

    def put_setup_token(self, digest: str, expires: str) -> None:
        """Keeps the digest of the one-time token that makes the first admin, in place of any earlier one."""
        ...

    def take_setup_token(self, digest: str, now: str) -> bool:
        """Whether this digest was kept and not expired; it is gone then. One conditional statement, so of many takers one wins."""
        ...
