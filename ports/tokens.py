"""Access tokens: signed, short-lived statements of who the bearer is."""

from dataclasses import dataclass
from typing import Protocol

from domain.actor import Actor


@dataclass(frozen=True, slots=True)
class Issued:
    token: str
    expires_in: int  # seconds


class Tokens(Protocol):
    def issue(self, actor: Actor, purpose: str = "access") -> Issued:
        """A token that says this actor, its epoch and this purpose."""
        ...

    def read(self, token: str, purpose: str = "access") -> Actor:
        """The actor of a good token. Unauthenticated for every other one: wrong signature, algorithm, key, issuer,
        audience or purpose, expired, malformed. Whether the account still stands with that epoch is not asked here."""
        ...
