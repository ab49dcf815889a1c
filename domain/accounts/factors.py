"""Second factors: what counts as one, how long a proof stays fresh, what recovery codes look like, and how refusals are told.

Whoever has shown one factor gets a ticket, never a token: it opens nothing but the one place where the second factor is shown.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.accounts.impersonation import check_itself
from domain.accounts.one_time import OneTime
from domain.actor import Actor
from domain.errors import Conflict, Forbidden, Invalid, Unauthenticated, invalid
from domain.schema.fields.times import write_instant

TOTP, RECOVERY, PASSKEY = "totp", "recovery_code", "passkey"

# A step of an authenticator app (RFC 6238), and how many before and after the present one are taken: clocks of phones differ.
STEP_SECONDS, STEPS_AROUND = 30, 1
# Of a ticket. The limit `second-factor` counts those of an account over all of its tickets.
TRIES = 5
# How long after a sign-in or a step-up factors may be changed: a token that was stolen later changes none.
FRESH = timedelta(minutes=10)

RECOVERY_CODES = 10
# Ten bytes are sixteen characters of base32: nobody guesses 80 bits, so a fast hash keeps them.
RECOVERY_BYTES = 10
_RECOVERY_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Totp:
    """`sealed` is the seed, `step` the last one that a code was taken of. It counts once a first code has confirmed it."""

    sealed: bytes
    is_confirmed: bool
    step: int
    created: str


@dataclass(frozen=True, slots=True)
class FirstFactor:
    """What a ticket remembers of the sign-in that it goes on with: by which way, and what the client called its device."""

    method: str
    device: str = ""

    def text(self) -> str:
        return json.dumps({"method": self.method, "device": self.device})


@dataclass(frozen=True, slots=True)
class FactorAsked:
    """In place of a session: the first factor was right, and a second is wanted. `factors` are the kinds that the account has, or,
    where it is `to_set_up` one before it gets a session, those that it may choose from."""

    ticket: str
    factors: tuple[str, ...]
    expires_in: int
    to_set_up: bool = False


def first_factor(ticket: OneTime) -> FirstFactor:
    kept = json.loads(ticket.bound)
    return FirstFactor(kept["method"], kept["device"])


def recovery_code(raw: bytes) -> str:
    """Four groups of four, to be written down."""
    text = base64.b32encode(raw).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, _RECOVERY_LENGTH, 4))


def recovery_digest(collection: str, account: str, typed: str) -> str:
    """By which a code is kept; of whatever was typed, with spaces and hyphens or without. It is bound to its account."""
    bare = typed.replace(" ", "").replace("-", "").lower()
    return hashlib.sha256(f"{collection}:{account}:{bare}".encode(errors="surrogatepass")).hexdigest()


def read_app_code(typed: str) -> str | None:
    """Six digits, however they were grouped; None for what no app shows."""
    bare = typed.replace(" ", "").replace("-", "")
    return bare if len(bare) == 6 and bare.isascii() and bare.isdigit() else None


def fresh_since(now: datetime) -> str:
    return write_instant(now - FRESH)


def own(actor: Actor, collection: str) -> str:
    """The actor's own account: nobody else has business with its factors."""
    check_itself(actor)
    if actor.is_guest:
        raise Unauthenticated("sign in to change your second factors")
    if actor.collection != collection:
        raise Forbidden("this token is of another collection", hint=f"ask /api/v1/auth/{actor.collection}/factors")
    return actor.id


def one_proof(**given: object) -> str:
    """The name of the one proof that was given."""
    names = [name for name, value in given.items() if value is not None]
    if len(names) != 1:
        listed = ", ".join(f"`{name}`" for name in given)
        raise invalid("", "one_proof", f"send exactly one of {listed}")
    return names[0]


class SecondFactorRequired(Unauthenticated):
    code = "second_factor_required"

    def __init__(self, asked: FactorAsked) -> None:
        hint = "POST the ticket and a proof to …/factors/confirm"
        super().__init__("the first factor was right, and this account is asked for a second one", hint=hint)
        self.members = {"ticket": asked.ticket, "factors": list(asked.factors), "expires_in": asked.expires_in}


class SecondFactorToSetUp(Unauthenticated):
    code = "second_factor_to_set_up"

    def __init__(self, asked: FactorAsked) -> None:
        hint = "POST the ticket to …/factors/enrolment to begin"
        super().__init__("the first factor was right, and this account has to set up a second one before it is signed in", hint=hint)
        self.members = {"ticket": asked.ticket, "factors": list(asked.factors), "expires_in": asked.expires_in}


def to_be_set_up() -> Unauthenticated:
    """To a session that was opened before the rule held for its account."""
    return Unauthenticated(
        "this account has to set up a second factor", code="second_factor_to_set_up", hint="sign in again: the answer has a ticket for it"
    )


def last_one() -> Conflict:
    return Conflict(
        "this account has to have a second factor, and this is its last", code="factor_needed", hint="set up another one first",
    )  # fmt: skip


def refused() -> Unauthenticated:
    """The same for a wrong code, one that was used and one of a factor that the account has not."""
    hint = "wait for the next code of your app, or use a recovery code"
    return Unauthenticated("this second factor is not good", code="invalid_factor", hint=hint)


def not_confirmed() -> Invalid:
    return invalid("/code", "invalid_factor_code", "this is not the present code of the app", hint="wait for its next code")


def not_fresh(name: str) -> Forbidden:
    hint = f"POST /api/v1/auth/{name}/step-up with the password or a second factor, then ask again"
    return Forbidden("this needs a sign-in of the last ten minutes", code="step_up_required", hint=hint)


def step_up_refused(detail: str, hint: str) -> Forbidden:
    return Forbidden(detail, code="step_up_refused", hint=hint)


def no_factor() -> Conflict:
    return Conflict("recovery codes stand in for a second factor, and this account has none", code="no_factor", hint="set one up first")


def has_one_already() -> Conflict:
    return Conflict("this account has an authenticator app", code="factor_exists", hint="remove it first")


def kinds(*, totp: bool, passkeys: bool, recovery: int) -> tuple[str, ...]:
    there: Sequence[tuple[str, bool]] = ((TOTP, totp), (PASSKEY, passkeys), (RECOVERY, recovery > 0))
    return tuple(name for name, has in there if has)
