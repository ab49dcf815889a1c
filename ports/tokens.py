"""Access tokens: signed, short-lived statements of who the bearer is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from domain.actor import Actor


@dataclass(frozen=True, slots=True)
class Issued:
    token: str
    expires_in: int  # seconds


class Tokens(Protocol):
    def prepare(self) -> None:
        """Makes the first signing key where there is none; of many processes that start at once, one does."""
        ...

    def rotate(self, *, revoke: bool = False) -> str:
        """From now on a new key signs, in every process that asks the database anything after this; its id. The keys of before go on
        verifying until what they signed has expired, or with `revoke` no more: then every token is refused, and sessions go on
        with their refresh tokens."""
        ...

    def issue(self, actor: Actor, purpose: str = "access") -> Issued:
        """A token that says this actor, its epoch and this purpose."""
        ...

    def read(self, token: str, purpose: str = "access") -> Actor:
        """The actor of a good token. Unauthenticated for every other one: wrong signature, algorithm, key, issuer,
        audience or purpose, expired, malformed. Whether the account still stands with that epoch is not asked here."""
        ...

    def public_keys(self) -> Sequence[dict[str, Any]]:
        """The keys that verify our tokens, as JWKs (RFC 7517), newest first."""
        ...
