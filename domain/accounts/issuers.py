"""Tokens that another issuer made and that are taken for ours by setting: which issuers, what must hold of a token, how long keys are kept.

That its signature is good is shown by ports.oauth.IdTokens; whose account it stands for is looked up by whoever takes it.
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from domain.accounts.identities import (
    ALGORITHMS,
    Identity,
    SignedToken,
    holds,
    read_name,
    read_subject,
    verified_email,
)
from domain.accounts.oauth import not_its_own
from domain.actor import ADMINS
from domain.errors import Invalid, Unauthenticated
from domain.outgoing import read_target

# A key that its issuer takes back is believed for this long at most.
FRESH = timedelta(minutes=10)
# While the issuer does not answer, its keys of before are good for this long.
STALE = timedelta(hours=1)
# A flood of tokens with invented keys makes us ask its issuer no more often than this.
APART = timedelta(seconds=30)
# Nobody here can end such a token before its time: one that lives for longer than this is not taken.
LONGEST_LIFE = timedelta(hours=24)
LONGEST = 8_000  # characters of a token
_CREATES, _EXAMPLE = "create", "https://id.example.org users my-api"
_COLLECTION = re.compile(r"[a-z][a-z0-9_]{0,49}")


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """Its tokens for `audience` stand for those accounts of `collection` whose identity is known there; with `creates` whoever is not
    known yet gets one."""

    issuer: str
    collection: str
    audience: str
    creates: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """What a token said that is believed."""

    by: TrustedIssuer
    subject: str
    email: str
    name: str
    expires: float

    @property
    def identity(self) -> Identity:
        return Identity(self.by.issuer, self.subject, self.email, self.name)


@dataclass(frozen=True, slots=True)
class Keys:
    """What an issuer published, and when it was last asked, whether it answered or not."""

    published: Sequence[Mapping[str, Any]] = ()
    fetched: datetime | None = None
    tried: datetime | None = None

    def is_to_be_asked(self, kid: str | None, now: datetime) -> bool:
        if self.tried is not None and now - self.tried < APART:
            return False
        return self.fetched is None or now - self.fetched >= FRESH or not self.has(kid)

    def are_good(self, now: datetime) -> bool:
        return self.fetched is not None and now - self.fetched < STALE

    def has(self, kid: str | None) -> bool:
        """A token that names no key is tried with each."""
        return kid is None or any(isinstance(key, Mapping) and key.get("kid") == kid for key in self.published)


def read_trusted(text: str) -> tuple[TrustedIssuer, ...]:
    """`https://id.example.org users my-api create, …`. ValueError, with what is wrong, for what can be no list of them."""
    found = tuple(_entry(part.split()) for part in text.split(",") if part.strip())
    pairs = [(each.issuer, each.audience) for each in found]
    if len(set(pairs)) < len(pairs):
        raise ValueError("names one issuer with one audience twice: which collection its tokens are for could not be told")
    return found


def _entry(words: list[str]) -> TrustedIssuer:
    if len(words) not in (3, 4) or (len(words) == 4 and words[3] != _CREATES):
        raise ValueError(f"is a list of issuer, collection and audience, each with `{_CREATES}` or without, for example {_EXAMPLE}")
    issuer, collection, audience = words[:3]
    try:
        read_target(issuer, loopback=True)
    except ValueError as wrong:
        raise ValueError(f"names `{issuer[:100]}`, which is no issuer: {wrong}") from None
    if collection == ADMINS:
        # Whoever runs that issuer would run this backend.
        raise ValueError("cannot be for admins: they sign in here")
    if not _COLLECTION.fullmatch(collection):
        raise ValueError(f"names `{collection[:60]}`, which is no collection")
    return TrustedIssuer(issuer, collection, audience, len(words) == 4)


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a token says of itself, which proves nothing: it only tells whom to ask for keys."""

    kid: str | None
    issuer: str
    audiences: tuple[str, ...]


def claimed(token: str) -> Claimed | None:
    """None where it is none of another issuer: ours are signed by an algorithm that is not on the list."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > LONGEST:
        return None
    try:
        header = _decoded(parts[0])
        if header["alg"] not in ALGORITHMS:
            return None
        claims, kid = _decoded(parts[1]), header.get("kid")
        audience = claims.get("aud")
        several = audience if isinstance(audience, list) else [audience]
        texts = tuple(each for each in several if isinstance(each, str))
        return Claimed(kid if isinstance(kid, str) else None, str(claims.get("iss")), texts)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def trusted_for(said: Claimed, trusted: Sequence[TrustedIssuer]) -> TrustedIssuer | None:
    return next((each for each in trusted if each.issuer == said.issuer and each.audience in said.audiences), None)


def statement_of(token: SignedToken, by: TrustedIssuer, at: datetime) -> Statement:
    """Unauthenticated for a token that is not for us, not of now, or of nobody."""
    claims = token.claims
    audience = claims.get("aud")
    several = audience if isinstance(audience, list) else [audience]
    if claims.get("iss") != by.issuer or by.audience not in several or not holds(claims, at):
        raise token_refused()
    if claims["exp"] - claims["iat"] > LONGEST_LIFE.total_seconds():
        raise token_refused()
    try:
        subject = read_subject(claims.get("sub"))
    except Invalid as nobody:
        raise token_refused() from nobody
    return Statement(by, subject, verified_email(claims), read_name(claims.get("name")), float(claims["exp"]))


def read_keys_address(document: Any, issuer: str, *, loopback: bool = False) -> str:
    """Where an issuer says that its keys are; Invalid as in `oauth.read_issuer`."""
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        raise not_its_own("issuer")
    try:
        read_target(document["jwks_uri"], loopback=loopback)
    except (LookupError, TypeError, ValueError) as error:
        raise not_its_own("jwks_uri") from error
    return str(document["jwks_uri"])


def token_refused() -> Unauthenticated:
    return Unauthenticated("this token is not good", code="invalid_token", hint="get a new one from its issuer")


def _decoded(part: str) -> dict[str, Any]:
    found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    if not isinstance(found, dict):
        raise TypeError("no object")
    return found
