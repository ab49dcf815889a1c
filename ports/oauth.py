"""Asking the provider that somebody signs in with: one request, one answer, and proof that a token is the provider's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from domain.accounts.identities import SignedToken


class NotAnswered(Exception):
    """There is no answer that could be used. The text is for the log: shown to whoever named the address, it would tell them about our
    network which ports are open in it."""


class TurnedDown(NotAnswered):
    """The provider answered that the question itself is wrong (400): a code that is spent, or was never given out."""


@dataclass(frozen=True, slots=True)
class Question:
    """With a `form` it is a POST."""

    url: str
    form: Mapping[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class ProviderDoor(Protocol):
    def ask(self, question: Question) -> Any:
        """The JSON of an answer of 200. NotAnswered for everything else: an address that may not be asked, a redirect (which is never
        followed), an answer too long, and one that is not whole in time."""
        ...


class IdTokens(Protocol):
    def signed(self, token: str, keys: Sequence[Mapping[str, Any]]) -> SignedToken:
        """What a token says that one of the keys (JWK, RFC 7517) has signed. NotAnswered for every other. Who it is for, who made it
        and whether it still holds is not judged here."""
        ...

    def made(self, claims: Mapping[str, Any], key: str, kid: str) -> str:
        """A token of ours, signed by ES256 with `key` (PEM), which the provider knows as `kid`. NotAnswered for what is no such key."""
        ...
