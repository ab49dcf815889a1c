"""Refresh tokens: what they look like, what is kept of them, and which one follows.

A token has a part that stays for the life of its session (its family) and a part that is used up. Whoever presents a family's token that is
neither the present one nor the one just spent holds a copy that somebody used already: then nobody can tell thief and owner apart, and the
session ends. Both parts are random: nobody can end a session whose family he never held.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.errors import Unauthenticated
from domain.schema.fields.times import write_instant

# For so long after it was spent, the same token is answered with the same successor: whoever did not hear the answer asks again.
GRACE = timedelta(seconds=10)
# How many random bytes a family and a token need; 16 bytes are 22 characters, 32 are 43.
FAMILY_BYTES, SECRET_BYTES = 16, 32
# By it people and scanners recognise a token that leaked.
PREFIX = "srt_"

_TOKEN = re.compile(PREFIX + r"([A-Za-z0-9_-]{22})([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class RefreshToken:
    family: str
    secret: str

    @property
    def text(self) -> str:
        return f"{PREFIX}{self.family}{self.secret}"

    @property
    def kept(self) -> "KeptToken":
        return KeptToken(_digest(self.family), _digest(self.text))

    def successor(self, salt: bytes) -> "RefreshToken":
        """Follows from the token and a salt that only the database knows: an identical retry gets the same one, and nobody computes it who
        has stolen either of them alone."""
        return RefreshToken(self.family, _base64(hmac.digest(salt, self.text.encode(), "sha256")))


@dataclass(frozen=True, slots=True)
class KeptToken:
    """What lies in the database. A fast hash is enough: there is nothing to guess in 32 random bytes."""

    family: str
    token: str


def minted(family: bytes, secret: bytes) -> RefreshToken:
    return RefreshToken(_base64(family), _base64(secret))


def read_refresh_token(text: str) -> RefreshToken:
    found = _TOKEN.fullmatch(text)
    if found is None:
        raise refresh_refused()
    return RefreshToken(found[1], found[2])


def grace_begins(at: datetime) -> str:
    """A token that was spent before this moment is not answered any more."""
    return write_instant(at - GRACE)


def refresh_refused() -> Unauthenticated:
    """The same for a token that never was, one that is over and one that was used twice: it says nothing to whoever found it."""
    return Unauthenticated("this refresh token is not good", code="invalid_refresh_token", hint="sign in again")


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
