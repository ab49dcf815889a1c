"""One-time secrets: what each is for, how long it is good, how often one may guess, and by what it is kept.

A secret is good once, for its own purpose, in its own collection, and only while its account repeats the epoch that it had: so whatever
ends the sessions of an account (a new password, another address) ends its open links and codes too.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from domain.errors import Unauthenticated
from domain.schema.fields.times import write_instant

VERIFICATION, PASSWORD_RESET, SIGN_IN_CODE, SIGN_IN_LINK = "verification", "password_reset", "code", "link"
# An address changes in two steps: whoever has the old one agrees, then whoever has the new one shows that it is theirs.
EMAIL_LEAVES, EMAIL_COMES = "email_leaves", "email_comes"

# What an account is made with that somebody was asked to have.
INVITATION = "invitation"

# What a first factor opens: the place where the second one is shown.
SECOND_FACTOR = "second_factor"
# What it opens where there is none and the account has to have one: the place where one is set up.
ENROLMENT = "factor_enrolment"
# Challenges of passkeys: of one that is made, and of one that somebody signs in with.
NEW_PASSKEY, PASSKEY_SIGN_IN = "new_passkey", "passkey"

# Long enough for a mail that comes late; short enough that a mailbox read by others later opens nothing.
LIFETIMES: Mapping[str, timedelta] = MappingProxyType({
    VERIFICATION: timedelta(days=3),
    PASSWORD_RESET: timedelta(hours=1),
    SIGN_IN_CODE: timedelta(minutes=10),
    SIGN_IN_LINK: timedelta(minutes=15),
    EMAIL_LEAVES: timedelta(hours=24),
    EMAIL_COMES: timedelta(hours=24),
    INVITATION: timedelta(days=7),
    SECOND_FACTOR: timedelta(minutes=5),
    ENROLMENT: timedelta(minutes=15),
    NEW_PASSKEY: timedelta(minutes=5),
    PASSKEY_SIGN_IN: timedelta(minutes=5),
})  # fmt: skip

TOKEN_BYTES = 32
# With these two a guess succeeds once in twenty million codes, and the limits on asking for codes leave few of them.
DIGITS, TRIES = 8, 5
_LONGEST = 200  # of what is presented; ours are shorter


@dataclass(frozen=True, slots=True)
class OneTime:
    """As it is kept: nothing of it can be presented. `digest` finds it. `collection` is the id of a collection. A secret that is typed
    by hand has a `code` besides, the digest of it together with the ticket, which is not kept: whoever reads the table cannot find
    out the code by trying all of them. `tries` are left for it. `bound` is what the secret is about, such as the new address."""

    digest: str
    purpose: str
    collection: str
    account: str
    epoch: int
    expires: str
    code: str = ""
    tries: int = 0
    bound: str = ""


@dataclass(frozen=True, slots=True)
class Presented:
    """A secret that somebody sent, by what it would be kept as."""

    digest: str
    purpose: str
    code: str = ""


def token(raw: bytes) -> str:
    return "sot_" + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def code(number: int) -> str:
    """From a random number below 10 ** DIGITS."""
    return f"{number:0{DIGITS}d}"


def presented(purpose: str, text: str, typed: str = "") -> Presented:
    """Unauthenticated where it cannot be one of ours. People type codes with spaces and hyphens between."""
    if not 0 < len(text) <= _LONGEST or len(typed) > _LONGEST:
        raise refused()
    bare = typed.replace(" ", "").replace("-", "")
    return Presented(_digest(text), purpose, _digest(f"{text}:{bare}") if typed else "")


def kept(
    purpose: str, text: str, account: str, *,
    collection: str, epoch: int, at: datetime, typed: str = "", bound: str = "", tries: int = 0,
) -> OneTime:  # fmt: skip
    like = presented(purpose, text, typed)
    expires = write_instant(at + LIFETIMES[purpose])
    return OneTime(like.digest, purpose, collection, account, epoch, expires, like.code, tries or (TRIES if typed else 0), bound)


def refused() -> Unauthenticated:
    """The same for one that never was, one that was used, one that is over and a wrong code: it says nothing to whoever guesses."""
    return Unauthenticated("this link or code is not good", code="invalid_one_time", hint="it may be used up or too old; ask for a new one")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
