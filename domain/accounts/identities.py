"""Who a provider says that somebody is: what must hold of an id token before it is believed, and which of its addresses are.

That the provider signed the token is shown by ports.oauth.IdTokens; where its keys come from is left to whoever asks for them.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeGuard

from domain.errors import Invalid

# By which the provider's clock may differ from ours.
_LEEWAY = timedelta(seconds=60)
_LONGEST_SUBJECT = 255  # characters (OpenID Connect Core, 2)
# What at_hash is made with, by the token's algorithm (OpenID Connect Core, 3.1.3.6). One that is not here cannot be checked.
_HASHES = {"RS256": "sha256", "PS256": "sha256", "ES256": "sha256", "RS384": "sha384", "PS384": "sha384", "ES384": "sha384",
           "RS512": "sha512", "PS512": "sha512", "ES512": "sha512"}  # fmt: skip
ALGORITHMS = tuple(_HASHES)
_LONGEST_NAME = 200  # characters

Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Awaited:
    """The sign-in that was begun: a token is for this one or for none."""

    issuer: str
    client_id: str
    nonce: str


@dataclass(frozen=True, slots=True)
class SignedToken:
    """What an id token said whose signature is good, the algorithm of that, and whose tokens alone the key signs where that is told."""

    claims: Claims
    algorithm: str
    key_issuer: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """An account is found by issuer and subject alone: addresses change hands. `email` is one that the provider vouches for, or empty;
    `name` is what the person is called there, which proves nothing."""

    issuer: str
    subject: str
    email: str = ""
    name: str = ""


def verified_email(claims: Claims) -> str:
    """Only a true `true` counts: some providers send the text "false", which is true to a language that asks loosely."""
    return told_email(claims) if claims.get("email_verified") is True else ""


def told_email(claims: Claims) -> str:
    """Whoever calls this has proof from elsewhere that the address is the person's."""
    email = claims.get("email")
    return email if isinstance(email, str) else ""


def issued_by(awaited: str, token: SignedToken) -> str:
    return awaited if token.claims.get("iss") == awaited else ""


def _standard_subject(claims: Claims) -> Any:
    return claims.get("sub")


@dataclass(frozen=True, slots=True)
class Reading:
    """Where a provider says what it says: as the standard has it, unless it is known to do otherwise.

    `issuer` gives the issuer to keep an identity under, or nothing for a token of somebody else. Without `nonce` the provider repeats none.
    """

    subject: Callable[[Claims], Any] = _standard_subject
    email: Callable[[Claims], str] = verified_email
    issuer: Callable[[str, SignedToken], str] = issued_by
    nonce: bool = True


STANDARD = Reading()


def identity_of(
    token: SignedToken, awaited: Awaited, *, access_token: str = "", at: datetime, reading: Reading = STANDARD
) -> Identity:
    """Invalid, and always in the same words, for a token that is not the answer to this sign-in."""
    claims = token.claims
    issuer = reading.issuer(awaited.issuer, token)
    sound = (
        issuer
        and _is_for(claims, awaited.client_id)
        and (not reading.nonce or _is_same(claims.get("nonce"), awaited.nonce))
        and holds(claims, at)
        and _goes_with(token, access_token)
    )
    if not sound:
        raise identity_refused()
    return told_identity(claims, issuer, reading)


def told_identity(claims: Claims, issuer: str, reading: Reading = STANDARD) -> Identity:
    """Of claims that are known to be the issuer's own, about whoever came back."""
    return Identity(issuer, read_subject(reading.subject(claims)), reading.email(claims), read_name(claims.get("name")))


def read_name(name: Any) -> str:
    """A name that does not look like one is none: nobody's sign-in fails for it."""
    return name if isinstance(name, str) and len(name) <= _LONGEST_NAME and name.isprintable() else ""


def read_subject(subject: Any) -> str:
    """Some providers number their people."""
    text = str(subject) if isinstance(subject, int) and not isinstance(subject, bool) else subject
    if not isinstance(text, str) or not 1 <= len(text) <= _LONGEST_SUBJECT or not text.isprintable():
        raise identity_refused()
    return text


def identity_refused() -> Invalid:
    return Invalid("the provider's answer does not belong to this sign-in", hint="begin the sign-in again")


def _is_for(claims: Claims, client_id: str) -> bool:
    """With several audiences the one it was made for is named in `azp`, and that is us or it is somebody else's token."""
    audience = claims.get("aud")
    several = audience if isinstance(audience, list) else [audience]
    party = claims.get("azp", client_id if len(several) == 1 else None)
    return bool(client_id) and client_id in several and party == client_id


def _is_same(said: Any, awaited: str) -> bool:
    # Without a nonce of ours there is nothing that a token could be an answer to.
    return bool(awaited) and isinstance(said, str) and said.isascii() and hmac.compare_digest(said, awaited)


def holds(claims: Claims, at: datetime) -> bool:
    """At this moment: it was made, it has begun, and it has not ended."""
    now, leeway = at.timestamp(), _LEEWAY.total_seconds()
    ends, made, begins = claims.get("exp"), claims.get("iat"), claims.get("nbf", 0)
    if not (_is_time(ends) and _is_time(made) and _is_time(begins)):
        return False
    return now - leeway < ends and made <= now + leeway and begins <= now + leeway


def _is_time(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _goes_with(token: SignedToken, access_token: str) -> bool:
    """`at_hash` may be left out, but where it is, the access token is the one that was given out with it."""
    said = token.claims.get("at_hash")
    if said is None:
        return True
    name = _HASHES.get(token.algorithm)
    if name is None or not isinstance(said, str) or not said.isascii():
        return False
    digest = hashlib.new(name, access_token.encode()).digest()
    half = base64.urlsafe_b64encode(digest[: len(digest) // 2]).decode().rstrip("=")
    return hmac.compare_digest(said, half)
