"""What every use of a second factor shares: asking for one in place of a session, judging a proof, holding to a fresh sign-in."""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.accounts.factors import (
    TRIES,
    FactorAsked,
    FirstFactor,
    fresh_since,
    kinds,
    not_fresh,
    read_app_code,
    recovery_digest,
)
from domain.accounts.one_time import ENROLMENT, LIFETIMES, SECOND_FACTOR, TOKEN_BYTES, kept, token
from domain.accounts.passkeys import Passkey, credential_of, handle_of, user_handle
from domain.actor import SYSTEM, Actor
from domain.errors import Unauthenticated
from domain.schema.collection import Collection
from domain.schema.fields.times import write_instant
from ports.clock import Clock
from ports.factors import AppCodes
from ports.passkeys import Passkeys
from ports.seals import Sealing
from ports.unit_of_work import Stores


@dataclass(frozen=True, slots=True)
class Given:
    """One proof, as it was sent; the others are None."""

    code: str | None = None
    recovery_code: str | None = None
    passkey: Mapping[str, Any] | None = None


class FactorJudge:
    def __init__(self, codes: AppCodes, passkeys: Passkeys, seal: Sealing, clock: Clock) -> None:
        self._codes, self._passkeys, self._seal, self._clock = codes, passkeys, seal, clock

    def uses(self, stores: Stores, collection: Collection, account: str, given: Given, bound: str = "{}") -> bool:
        """Whether this is a good proof, which is used up then; inside the transaction that goes on from it. `bound` is what the ticket
        is about, which has the challenge that a passkey answers."""
        if given.passkey is not None:
            return self.uses_passkey(stores, collection, given.passkey, bound) == account
        if given.code is not None:
            return self._uses_code(stores, collection, account, given.code)
        digest = recovery_digest(collection.id, account, given.recovery_code or "")
        return stores.factors.take_recovery(collection, account, digest)

    def _uses_code(self, stores: Stores, collection: Collection, account: str, typed: str) -> bool:
        app = stores.factors.totp(collection, account)
        if app is None or not app.is_confirmed:
            return False
        step = self.step(collection, account, app.sealed, typed)
        return step is not None and stores.factors.use_step(collection, account, step)

    def uses_passkey(self, stores: Stores, collection: Collection, answer: Mapping[str, Any], bound: str) -> str | None:
        """Whose passkey has answered the challenge, as it should; None for every other answer."""
        challenge = decoded(json.loads(bound).get("challenge", ""))
        found = stores.passkeys.find(collection, credential_of(answer)) if challenge else None
        if found is None or not self._is_of(answer, collection, found):
            return None
        counter = self._passkeys.authenticated(answer, challenge, public_key=found.public_key, counter=found.counter)
        if counter is None or not stores.passkeys.use(collection, found, counter, write_instant(self._clock.now())):
            return None
        return found.account

    def _is_of(self, answer: Mapping[str, Any], collection: Collection, found: Passkey) -> bool:
        """An authenticator that tells whose its passkey is must tell the account that we know it of."""
        told = handle_of(answer)
        return not told or told == encoded(user_handle(collection.id, found.account))

    def step(self, collection: Collection, account: str, sealed: bytes, typed: str) -> int | None:
        code = read_app_code(typed)
        if code is None:
            return None
        seed = self._seal.open(sealed, about=about_seed(collection, account)).decode()
        return self._codes.step(seed, code, self._clock.now())


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def about_seed(collection: Collection, account: str) -> str:
    """A seed opens for its own account only, wherever somebody who writes to the database puts it."""
    return f"totp:{collection.id}:{account}"


def factors_of(stores: Stores, collection: Collection, account: str) -> tuple[str, ...]:
    app = stores.factors.totp(collection, account)
    has_app = app is not None and app.is_confirmed
    has_passkeys, left = bool(stores.passkeys.of_account(collection, account)), stores.factors.recovery_left(collection, account)
    return kinds(totp=has_app, passkeys=has_passkeys, recovery=left)


def ask_factor(stores: Stores, collection: Collection, actor: Actor, first: FirstFactor, at: datetime) -> FactorAsked:
    """A ticket for the place where the second factor is shown."""
    ticket, factors = token(secrets.token_bytes(TOKEN_BYTES)), factors_of(stores, collection, actor.id)
    if not factors:
        # What stood in the way of a session was no factor, or one that was taken away meanwhile.
        raise Unauthenticated("this account has just changed, or is gone", hint="sign in again")
    stores.one_time.put(
        kept(SECOND_FACTOR, ticket, actor.id, collection=collection.id, epoch=actor.epoch, at=at, bound=first.text(), tries=TRIES)
    )
    return FactorAsked(ticket, factors, int(LIFETIMES[SECOND_FACTOR].total_seconds()))


def ask_enrolment(
    stores: Stores, collection: Collection, actor: Actor, first: FirstFactor, at: datetime, choices: tuple[str, ...]
) -> FactorAsked:
    """A ticket for the place where a second factor is set up."""
    ticket = token(secrets.token_bytes(TOKEN_BYTES))
    stores.one_time.put(
        kept(ENROLMENT, ticket, actor.id, collection=collection.id, epoch=actor.epoch, at=at, bound=first.text(), tries=TRIES)
    )
    return FactorAsked(ticket, choices, int(LIFETIMES[ENROLMENT].total_seconds()), to_set_up=True)


def need_fresh(stores: Stores, collection: Collection, actor: Actor, at: datetime) -> None:
    """A stolen token alone changes no factor: its session was signed in, or stepped up, a short while ago."""
    if not stores.factors.is_fresh(collection, actor.id, actor.session, fresh_since(at)):
        raise not_fresh(collection.name)


def need_fresh_admin(stores: Stores, actor: Actor, at: datetime) -> None:
    """As `need_fresh`; what runs inside of the process has no session."""
    if actor != SYSTEM:
        need_fresh(stores, stores.schema.collection(actor.collection), actor, at)
