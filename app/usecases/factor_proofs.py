"""What every use of a second factor shares: asking for one in place of a session, judging a proof, holding to a fresh sign-in."""

import secrets
from dataclasses import dataclass
from datetime import datetime

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
from domain.accounts.one_time import LIFETIMES, SECOND_FACTOR, TOKEN_BYTES, kept, token
from domain.actor import Actor
from domain.schema.collection import Collection
from ports.clock import Clock
from ports.factors import AppCodes
from ports.seals import Sealing
from ports.unit_of_work import Stores


@dataclass(frozen=True, slots=True)
class Given:
    """One proof, as it was sent; the others are None."""

    code: str | None = None
    recovery_code: str | None = None


class FactorJudge:
    def __init__(self, codes: AppCodes, seal: Sealing, clock: Clock) -> None:
        self._codes, self._seal, self._clock = codes, seal, clock

    def uses(self, stores: Stores, collection: Collection, account: str, given: Given) -> bool:
        """Whether this is a good proof, which is used up then; inside the transaction that goes on from it."""
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

    def step(self, collection: Collection, account: str, sealed: bytes, typed: str) -> int | None:
        code = read_app_code(typed)
        if code is None:
            return None
        seed = self._seal.open(sealed, about=about_seed(collection, account)).decode()
        return self._codes.step(seed, code, self._clock.now())


def about_seed(collection: Collection, account: str) -> str:
    """A seed opens for its own account only, wherever somebody who writes to the database puts it."""
    return f"totp:{collection.id}:{account}"


def factors_of(stores: Stores, collection: Collection, account: str) -> tuple[str, ...]:
    app = stores.factors.totp(collection, account)
    has_app = app is not None and app.is_confirmed
    return kinds(totp=has_app, passkeys=False, recovery=stores.factors.recovery_left(collection, account))


def ask_factor(stores: Stores, collection: Collection, actor: Actor, first: FirstFactor, at: datetime) -> FactorAsked:
    """A ticket for the place where the second factor is shown."""
    ticket, factors = token(secrets.token_bytes(TOKEN_BYTES)), factors_of(stores, collection, actor.id)
    stores.one_time.put(
        kept(SECOND_FACTOR, ticket, actor.id, collection=collection.id, epoch=actor.epoch, at=at, bound=first.text(), tries=TRIES)
    )
    return FactorAsked(ticket, factors, int(LIFETIMES[SECOND_FACTOR].total_seconds()))


def need_fresh(stores: Stores, collection: Collection, actor: Actor, at: datetime) -> None:
    """A stolen token alone changes no factor: its session was signed in, or stepped up, a short while ago."""
    if not stores.factors.is_fresh(collection, actor.id, actor.session, fresh_since(at)):
        raise not_fresh(collection.name)
