"""Second factors of an account: made, confirmed, listed, removed; by the account itself, or taken away by an admin."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from app.usecases.audit import note
from app.usecases.factor_proofs import FactorJudge, about_seed, factors_of, need_fresh
from app.usecases.factor_rule import FactorRule
from app.usecases.happenings import happens
from app.usecases.limits import LimitUseCases
from app.usecases.sessions import accounts_of
from domain.accounts.factors import (
    PASSKEY,
    RECOVERY_BYTES,
    RECOVERY_CODES,
    TOTP,
    has_one_already,
    last_one,
    no_factor,
    not_confirmed,
    own,
    recovery_code,
    recovery_digest,
)
from domain.accounts.passkeys import Passkey
from domain.accounts.roles import RUN, require
from domain.actor import ADMINS, SYSTEM, Actor
from domain.errors import NotFound
from domain.hooks.changes import FactorChange
from domain.records.reading import guard_of
from domain.rules.values import RequestFacts
from domain.schema.collection import Collection
from domain.schema.fields.text import email_key
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.factors import AppCodes, QrCodes
from ports.seals import Sealing
from ports.unit_of_work import Stores, UnitOfWork

_FROM_THE_MACHINE = RequestFacts("POST")


@dataclass(frozen=True, slots=True)
class Proposal:
    """An authenticator app to be: its seed, the URI that says it to an app, and that as a picture."""

    secret: str
    uri: str
    qr: str


@dataclass(frozen=True, slots=True)
class FactorList:
    """`totp` is when the app was set up, or None."""

    totp: str | None
    recovery_codes: int
    passkeys: Sequence[Passkey]


class FactorUseCases:
    def __init__(
        self, work: UnitOfWork, judge: FactorJudge, rule: FactorRule, codes: AppCodes, pictures: QrCodes, seal: Sealing,
        limits: LimitUseCases, clock: Clock, ids: Ids, *, issuer: str,
    ) -> None:  # fmt: skip
        self._work, self._judge, self._rule, self._codes, self._pictures, self._seal = work, judge, rule, codes, pictures, seal
        self._limits, self._clock, self._ids, self._issuer = limits, clock, ids, issuer

    def list(self, name: str, *, actor: Actor) -> FactorList:
        own(actor, name)
        return self._work.read(lambda stores: self._listed(stores, actor))

    def _listed(self, stores: Stores, actor: Actor) -> FactorList:
        collection = _standing(stores, actor)
        app = stores.factors.totp(collection, actor.id)
        left = stores.factors.recovery_left(collection, actor.id)
        return FactorList(app.created if app and app.is_confirmed else None, left, stores.passkeys.of_account(collection, actor.id))

    # --- an authenticator app

    def propose_totp(self, name: str, *, actor: Actor) -> Proposal:
        """A new seed, in place of one that was never confirmed. Conflict where the account has an app; Forbidden where the session is
        not fresh, here and below."""
        own(actor, name)
        return self._work.run(lambda stores: self.begin_app(stores, self._fresh(stores, actor), actor.id))

    def begin_app(self, stores: Stores, collection: Collection, account: str) -> Proposal:
        """Inside the transaction of whoever knows that it is this account."""
        seed = self._codes.seed()
        email = self._proposed(stores, collection, account, seed)
        uri = self._codes.uri(seed, account=email, issuer=self._issuer)
        return Proposal(seed, uri, self._pictures.svg(uri))

    def _proposed(self, stores: Stores, collection: Collection, account: str, seed: str) -> str:
        sealed = self._seal.close(seed.encode(), about=about_seed(collection, account))
        if not stores.factors.propose_totp(collection, account, sealed, self._now()):
            raise has_one_already()
        credentials = stores.accounts.credentials_of(collection, account)
        return (credentials and credentials.email) or account

    def confirm_totp(self, name: str, code: str, *, actor: Actor, facts: RequestFacts) -> tuple[str, ...]:
        """The app counts from now on, and all other sessions end: whoever opened one by the password alone is out. Recovery codes,
        where this is the first factor; they are told here and never again."""
        self._limits.second_factor(facts.visit, name, own(actor, name))
        return self._work.run(lambda stores: self.keep_app(stores, self._fresh(stores, actor), actor, code, facts))

    def keep_app(self, stores: Stores, collection: Collection, actor: Actor, code: str, facts: RequestFacts) -> tuple[str, ...]:
        """Inside the transaction of whoever knows that it is this account."""
        app = stores.factors.totp(collection, actor.id)
        if app is None or app.is_confirmed:
            raise NotFound("no authenticator app waits for its first code", hint=f"POST /api/v1/auth/{collection.name}/factors/totp first")
        step = self._judge.step(collection, actor.id, app.sealed, code)
        if step is None or not stores.factors.confirm_totp(collection, actor.id, app.sealed, step):
            raise not_confirmed()
        self.tell(stores, "add", collection, actor, TOTP, facts=facts)
        return self.counts(stores, collection, actor)

    def counts(self, stores: Stores, collection: Collection, actor: Actor) -> tuple[str, ...]:
        """After a factor was added: recovery codes where it is the first. Inside the transaction that adds it. Keys that were made without
        it end with the sessions that were opened without it: either would be a way around."""
        stores.sessions.end_others(collection, actor.id, actor.session)
        stores.own_keys.forget(collection, [actor.id])
        if stores.factors.recovery_left(collection, actor.id):
            return ()
        return self._renewed(stores, collection, actor)

    def remove_totp(self, name: str, *, actor: Actor, facts: RequestFacts | None = None) -> None:
        own(actor, name)
        self._work.run(lambda stores: self._removed(stores, actor, facts))

    def _removed(self, stores: Stores, actor: Actor, facts: RequestFacts | None) -> None:
        collection = self._fresh(stores, actor)
        if not stores.factors.remove_totp(collection, actor.id):
            raise NotFound("this account has no authenticator app")
        self.tell(stores, "remove", collection, actor, TOTP, facts=facts)
        self.tidy(stores, collection, actor.id)

    def tidy(self, stores: Stores, collection: Collection, account: str) -> None:
        """After an account took a factor away. Recovery codes stand in for one; without it they would be a password that nobody thinks
        of. Conflict where it was the last and the account has to have one."""
        if not _has_real(stores, collection, account):
            self._check_free(stores, collection, account)
            stores.factors.put_recovery(collection, account, ())

    def _check_free(self, stores: Stores, collection: Collection, account: str) -> None:
        if self._rule.binds(stores, collection, account):
            raise last_one()

    # --- recovery codes

    def renew_recovery(self, name: str, *, actor: Actor, facts: RequestFacts | None = None) -> tuple[str, ...]:
        """Ten new ones in place of all there were. Conflict where the account has no factor that they could stand in for."""
        own(actor, name)
        return self._work.run(lambda stores: self._renew(stores, actor, facts))

    def _renew(self, stores: Stores, actor: Actor, facts: RequestFacts | None) -> tuple[str, ...]:
        collection = self._fresh(stores, actor)
        if not _has_real(stores, collection, actor.id):
            raise no_factor()
        self.tell(stores, "renew", collection, actor, "recovery_codes", facts=facts)
        return self._renewed(stores, collection, actor)

    def _renewed(self, stores: Stores, collection: Collection, actor: Actor) -> tuple[str, ...]:
        made = tuple(recovery_code(secrets.token_bytes(RECOVERY_BYTES)) for _ in range(RECOVERY_CODES))
        stores.factors.put_recovery(collection, actor.id, [recovery_digest(collection.id, actor.id, each) for each in made])
        return made

    # --- all of them

    def reset(self, name: str, account: str | None, *, actor: Actor, facts: RequestFacts) -> None:
        """Takes all factors away: one's own, or, for an admin, those of an account whose owner lost them."""
        if account is None or (actor.collection, actor.id) == (name, account):
            account = own(actor, name)
        elif actor.kind == "account":
            raise NotFound("there is no such account, or its factors are not yours")
        else:
            # Who takes factors away signs in with what is left.
            require(actor, RUN, "the factors of others are")
        self._work.run(lambda stores: self._reset(stores, name, account, actor, facts))

    def _reset(self, stores: Stores, name: str, account: str, actor: Actor, facts: RequestFacts) -> None:
        if actor != SYSTEM:
            self._fresh(stores, actor)
        collection = accounts_of(stores, name)
        if stores.accounts.credentials_of(collection, account) is None:
            raise NotFound("there is no such account, or its factors are not yours")
        if account == actor.id:
            self._check_free(stores, collection, account)
        stores.factors.forget(collection, [account])
        self.tell(stores, "reset", collection, actor, "all", account, facts=facts)
        if account != actor.id:
            note(stores, self._ids.new(), self._now(), "factors.reset", account, actor=actor, facts=facts, detail=name)

    def reset_admin(self, email: str) -> None:
        """For whoever runs the backend's own command: the only owner has nobody else to ask. NotFound where there is no such admin."""

        def body(stores: Stores) -> None:
            found = stores.accounts.credentials(stores.schema.collection(ADMINS), email_key(email))
            if found is None:
                raise NotFound(f"no admin signs in with {email[:254]}")
            self._reset(stores, ADMINS, found.id, SYSTEM, _FROM_THE_MACHINE)

        self._work.run(body)

    def tell(
        self, stores: Stores, what: str, collection: Collection, actor: Actor, factor: str, account: str = "", *,
        facts: RequestFacts | None = None,
    ) -> None:  # fmt: skip
        change = FactorChange(
            event=f"factors.{what}", actor=actor, request=facts.request_id if facts else "", collection=collection.name,
            account=account or actor.id, factor=factor,
        )  # fmt: skip
        happens(stores, change, self._now(), collection, facts=facts)

    def _fresh(self, stores: Stores, actor: Actor) -> Collection:
        collection = _standing(stores, actor)
        need_fresh(stores, collection, actor, self._clock.now())
        return collection

    def _now(self) -> str:
        return write_instant(self._clock.now())


def _standing(stores: Stores, actor: Actor) -> Collection:
    stores.records.check_guard(guard_of(actor))
    return accounts_of(stores, actor.collection)


def _has_real(stores: Stores, collection: Collection, account: str) -> bool:
    return not {TOTP, PASSKEY}.isdisjoint(factors_of(stores, collection, account))
