"""Showing a second factor: to end a sign-in that was asked for one, and to make a session fresh again."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.usecases.devices import DeviceDesk
from app.usecases.factor_proofs import FactorJudge, Given, factors_of
from app.usecases.happenings import happens
from app.usecases.limits import LimitUseCases
from app.usecases.passwords import PasswordDesk
from app.usecases.refusals import SIGN_IN, STEP_UP, Refusals
from app.usecases.sessions import SessionUseCases, SignedIn, accounts_of
from domain.accounts.factors import PASSKEY, FactorAsked, first_factor, own, refused, step_up_refused
from domain.accounts.one_time import PASSKEY_SIGN_IN, SECOND_FACTOR, OneTime, Presented, presented
from domain.accounts.one_time import refused as ticket_refused
from domain.accounts.passkeys import handle_of
from domain.actor import Actor
from domain.hooks.changes import AccountChange
from domain.records.reading import guard_of
from domain.rules.values import RequestFacts
from domain.schema.collection import Collection
from domain.schema.fields.times import write_instant
from ports.accounts import Credentials
from ports.clock import Clock
from ports.unit_of_work import Stores, UnitOfWork


class SecondFactorUseCases:
    def __init__(
        self, work: UnitOfWork, sessions: SessionUseCases, judge: FactorJudge, desk: PasswordDesk, limits: LimitUseCases,
        devices: DeviceDesk, refusals: Refusals, clock: Clock,
    ) -> None:  # fmt: skip
        self._work, self._sessions, self._judge, self._refusals = work, sessions, judge, refusals
        self._desk, self._limits, self._devices, self._clock = desk, limits, devices, clock

    def confirm(self, name: str, ticket: str, given: Given, *, facts: RequestFacts) -> SignedIn | FactorAsked:
        """The session that the ticket was given in place of. Unauthenticated where the ticket or the proof is not good; the ticket is
        used up by a good proof alone, and its tries by any."""
        shown = presented(SECOND_FACTOR, ticket)
        tried = self._work.run(lambda stores: self._try(stores, name, shown))
        if tried is None and given.passkey is not None:
            return self._by_passkey_alone(name, presented(PASSKEY_SIGN_IN, ticket), given.passkey, facts)
        if tried is None:
            raise ticket_refused()
        device = self._devices.spared(facts.visit, name)
        if device is None or not device.is_of(tried.account, tried.epoch):
            self._limits.second_factor(facts.visit, name, tried.account)
        with self._refusals.noting(SIGN_IN, name, tried.account, "second factor", facts):
            return self._work.run(lambda stores: self._confirmed(stores, name, shown, given, facts))

    def _try(self, stores: Stores, name: str, shown: Presented) -> OneTime | None:
        """Committed before the proof is looked at."""
        stores.records.check_guard(None)
        return stores.one_time.spend_try(accounts_of(stores, name), shown, self._now())

    def _confirmed(self, stores: Stores, name: str, shown: Presented, given: Given, facts: RequestFacts) -> SignedIn | FactorAsked:
        collection = accounts_of(stores, name)
        ticket = stores.one_time.take(collection, shown, self._now())
        if ticket is None:
            raise ticket_refused()
        if not self._judge.uses(stores, collection, ticket.account, given, ticket.bound):
            raise refused()
        first = first_factor(ticket)
        by_first = replace(facts, context=first.method)
        return self._sessions.open(name, ticket.account, ticket.epoch, facts=by_first, device_name=first.device, both=True)

    def _by_passkey_alone(self, name: str, shown: Presented, answer: Mapping[str, Any], facts: RequestFacts) -> SignedIn | FactorAsked:
        """A passkey is both factors in one: something that one has, which has verified the person by something more."""
        if self._work.run(lambda stores: self._try(stores, name, shown)) is None:
            raise ticket_refused()
        with self._refusals.noting(SIGN_IN, name, "", "passkey", facts):
            return self._work.run(lambda stores: self._opened_by_passkey(stores, name, shown, answer, replace(facts, context=PASSKEY)))

    def _opened_by_passkey(
        self, stores: Stores, name: str, shown: Presented, answer: Mapping[str, Any], facts: RequestFacts
    ) -> SignedIn | FactorAsked:
        collection = accounts_of(stores, name)
        ticket = stores.one_time.take(collection, shown, self._now())
        if ticket is None:
            raise ticket_refused()
        # Nobody has said who he is but the passkey, so it has to say it.
        account = self._judge.uses_passkey(stores, collection, answer, ticket.bound) if handle_of(answer) else None
        credentials = stores.accounts.credentials_of(collection, account) if account else None
        if credentials is None:
            raise refused()
        return self._sessions.open(name, credentials.id, credentials.epoch, facts=facts, both=True)

    def step_up(self, name: str, given: Given, password: str | None, ticket: str = "", *, actor: Actor, facts: RequestFacts) -> None:
        """The actor's session is fresh from now on. An account with a second factor shows that: whoever stole token and password has
        nothing more to show. Others give their password."""
        id = own(actor, name)
        if password is not None:
            self._desk.check_present(self._work.read(lambda stores: _credentials(stores, actor)), password, "/password", actor, facts.visit)
        else:
            self._limits.second_factor(facts.visit, name, id)
        with self._refusals.noting(STEP_UP, name, id, "second factor", facts):
            self._work.run(lambda stores: self._step_up(stores, actor, given, ticket, facts, by_password=password is not None))

    def _step_up(self, stores: Stores, actor: Actor, given: Given, ticket: str, facts: RequestFacts, *, by_password: bool) -> None:
        stores.records.check_guard(guard_of(actor))
        collection = accounts_of(stores, actor.collection)
        if by_password and factors_of(stores, collection, actor.id):
            raise step_up_refused("this account has a second factor", "send its proof, not the password")
        bound = self._challenge(stores, collection, ticket) if given.passkey is not None else "{}"
        if not by_password and not self._judge.uses(stores, collection, actor.id, given, bound):
            raise refused()
        if not stores.factors.step_up(collection, actor.id, actor.session, self._now()):
            raise step_up_refused("this token belongs to no session", "sign in")
        change = AccountChange(
            event="accounts.step_up", actor=actor, collection=collection.name, account=actor.id, by="password" if by_password else "factor",
            session=actor.session, request=facts.request_id,
        )  # fmt: skip
        happens(stores, change, self._now(), collection, facts=facts)

    def _challenge(self, stores: Stores, collection: Collection, ticket: str) -> str:
        taken = stores.one_time.take(collection, presented(PASSKEY_SIGN_IN, ticket), self._now())
        if taken is None:
            raise ticket_refused()
        return taken.bound

    def _now(self) -> str:
        return write_instant(self._clock.now())


def _credentials(stores: Stores, actor: Actor) -> Credentials | None:
    """None also where a second factor is asked for: then the password is not looked at, so that it cannot be guessed here."""
    stores.records.check_guard(guard_of(actor))
    collection = accounts_of(stores, actor.collection)
    if factors_of(stores, collection, actor.id):
        raise step_up_refused("this account has a second factor", "send its proof, not the password")
    return stores.accounts.credentials_of(collection, actor.id)
