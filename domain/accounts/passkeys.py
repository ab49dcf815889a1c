"""Passkeys of an account: what is kept of one, what they are called, and how the authenticator knows whose they are."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.errors import Invalid, Unavailable, invalid

CHALLENGE_BYTES = 32
MOST = 20
_LONGEST_NAME = 100
# 1,023 bytes are what authenticators may have.
_CREDENTIAL = re.compile(r"[A-Za-z0-9_-]{1,1364}")


@dataclass(frozen=True, slots=True)
class Passkey:
    """`credential` is the id by which its authenticator knows it, `id` the one by which we do. `counter` grows with each use, where the
    authenticator counts at all."""

    id: str
    credential: str
    account: str
    public_key: bytes
    counter: int
    name: str
    created: str
    used: str | None = None

    def as_object(self) -> dict[str, Any]:
        return {"id": self.id, "name": self.name, "created": self.created, "used": self.used}


def user_handle(collection: str, account: str) -> bytes:
    """What an authenticator keeps beside the passkey: it names the account to us and tells nobody else anything."""
    return hashlib.sha256(f"passkey of {collection}:{account}".encode()).digest()


def credential_of(answer: Mapping[str, Any]) -> str:
    found = answer.get("id")
    return found if isinstance(found, str) and _CREDENTIAL.fullmatch(found) else ""


def handle_of(answer: Mapping[str, Any]) -> str:
    response = answer.get("response")
    found = response.get("userHandle") if isinstance(response, Mapping) else None
    return found if isinstance(found, str) else ""


def read_name(name: str) -> str:
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise invalid("/name", "invalid_passkey_name", f"the name of a passkey is one line of 1 to {_LONGEST_NAME} characters")
    return name


def not_registered() -> Invalid:
    hint = "begin anew; a challenge is good once, and for five minutes"
    return invalid("/credential", "invalid_passkey", "this passkey cannot be taken", hint=hint)


def too_many() -> Invalid:
    return invalid("", "too_many_passkeys", f"an account has at most {MOST} passkeys", hint="remove one that is not used any more")


def not_possible() -> Unavailable:
    hint = "whoever runs this backend sets STILLROOM_PUBLIC_URL"
    detail = "passkeys are bound to a public address, and this backend does not know its own"
    return Unavailable(detail, code="passkeys_not_configured", hint=hint)
