"""Passkeys (WebAuthn): what a browser is asked, and whether what its authenticator answers is right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """`credential` is its id as it is written in answers."""

    credential: str
    public_key: bytes
    counter: int


class Passkeys(Protocol):
    """Each answer has to be of this challenge, of our own origin, and of a person whom the authenticator has verified."""

    @property
    def are_possible(self) -> bool:
        """Whether this backend knows its public address, to which passkeys are bound."""
        ...

    def registration(self, challenge: bytes, *, handle: bytes, name: str, there: Sequence[str]) -> dict[str, Any]:
        """Options for `navigator.credentials.create`; `there` are the passkeys that the account has."""
        ...

    def registered(self, answer: Mapping[str, Any], challenge: bytes) -> NewPasskey | None:
        """None for every answer that is not right."""
        ...

    def authentication(self, challenge: bytes, *, allowed: Sequence[str]) -> dict[str, Any]:
        """Options for `navigator.credentials.get`; without `allowed` the person chooses among those that the authenticator has."""
        ...

    def authenticated(self, answer: Mapping[str, Any], challenge: bytes, *, public_key: bytes, counter: int) -> int | None:
        """The counter that the authenticator is at; None for every answer that is not right, and where the counter went back: then there
        is a copy of the authenticator."""
        ...
