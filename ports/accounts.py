"""What signing in needs of the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.schema.collection import Collection


@dataclass(frozen=True, slots=True)
class Credentials:
    """`email` as it was written; none where accounts sign in by other things, or not at all while they are anonymous."""

    id: str
    email: str | None
    password_hash: str | None
    epoch: int
    is_anonymous: bool = False


@dataclass(frozen=True, slots=True)
class SigningKey:
    """`sealed` is the private key encrypted with the backend's secret; `public` is its JWK as JSON text."""

    kid: str
    sealed: bytes
    public: str
    created: str


class AccountStore(Protocol):
    def credentials(self, collection: Collection, email_key: str) -> Credentials | None:
        """Of the account with this normalised e-mail address."""
        ...

    def credentials_named(self, collection: Collection, field: str, name: str) -> Credentials | None:
        """Of the account with this name in a unique text field, compared as the field is."""
        ...

    def credentials_of(self, collection: Collection, id: str) -> Credentials | None: ...

    def credentials_by(self, collection: Collection, issuer: str, subject: str) -> Credentials | None:
        """Of the account that is the person whom this issuer calls so."""
        ...

    def renew_hash(self, collection: Collection, id: str, *, old: str, new: str) -> bool:
        """Puts `new` in place of the hash `old`, of the same password; False, and nothing changed, where another password was set
        meanwhile. Neither the version nor the epoch grows: nothing that anybody can see has changed."""
        ...

    def count(self, collection: Collection) -> int:
        """How many accounts there are; asked for `_admins` before the first one is made."""
        ...

    def unused(self, collection: Collection, since: str, limit: int) -> Sequence[str]:
        """Ids of anonymous accounts that were neither made nor used since then: no session of theirs, and nothing to sign in with."""
        ...

    def owners(self, admins: Collection) -> tuple[str, ...]:
        """The ids of the admins that are owners and not disabled, all of them held until the transaction ends."""
        ...


class KeyStore(Protocol):
    """The keys that sign access tokens, and the one-time token of the first admin."""

    def signing_keys(self) -> tuple[SigningKey, ...]:
        """Newest first."""
        ...

    def add_signing_key(self, key: SigningKey) -> None: ...

    def remove_signing_keys(self, kids: Sequence[str]) -> None: ...

    def announce(self) -> None:
        """Inside `change_schema`. The schema version grows, so that every process notices that there is something new."""
        ...

    def put_setup_token(self, digest: str, expires: str) -> None:
        """Keeps the digest of the one-time token that makes the first admin, in place of any earlier one."""
        ...

    def has_setup_token(self, digest: str, now: str) -> bool:
        """Whether this digest is kept and not expired. Only `take_setup_token` decides; this one saves hashing for what is wrong anyway."""
        ...

    def take_setup_token(self, digest: str, now: str) -> bool:
        """Whether this digest was kept and not expired; it is gone then. One conditional statement, so of many takers one wins."""
        ...
