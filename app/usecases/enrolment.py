"""Setting up the second factor that an account has to have, before it gets its session: by the ticket that its sign-in answered."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.usecases.factor_proofs import encoded, factors_of
from app.usecases.factors import FactorUseCases, Proposal
from app.usecases.limits import LimitUseCases
from app.usecases.passkeys import PasskeyUseCases
from app.usecases.sessions import SessionUseCases, SignedIn, accounts_of
from domain.accounts.factors import FactorAsked, first_factor
from domain.accounts.one_time import ENROLMENT, OneTime, Presented, presented, refused
from domain.accounts.passkeys import CHALLENGE_BYTES, read_name
from domain.actor import account
from domain.rules.values import RequestFacts
from domain.schema.collection import Collection
from domain.schema.fields.times import write_instant
from ports.clock import Clock
from ports.unit_of_work import Stores, UnitOfWork


@dataclass(frozen=True, slots=True)
class NewFactor:
    """One of both: the first code of an app, or a browser's answer with what the passkey is called."""

    code: str | None = None
    passkey: Mapping[str, Any] | None = None
    called: str = ""


class EnrolmentUseCases:
    def __init__(
        self, work: UnitOfWork, sessions: SessionUseCases, factors: FactorUseCases, passkeys: PasskeyUseCases, limits: LimitUseCases,
        clock: Clock,
    ) -> None:  # fmt: skip
        self._work, self._sessions, self._factors, self._passkeys = work, sessions, factors, passkeys
        self._limits, self._clock = limits, clock

    def propose_app(self, name: str, ticket: str, *, facts: RequestFacts) -> Proposal:
        """As `FactorUseCases.propose_totp`. Unauthenticated where the ticket is not good, here and below."""
        shown = self._admitted(name, ticket, facts)

        def body(stores: Stores) -> Proposal:
            collection = accounts_of(stores, name)
            return self._factors.begin_app(stores, collection, self._standing(stores, collection, shown).account)

        return self._work.run(body)

    def propose_passkey(self, name: str, ticket: str, *, facts: RequestFacts) -> dict[str, Any]:
        """What the browser is asked; its answer is sent with the same ticket."""
        self._passkeys.check_possible()
        shown, raw = self._admitted(name, ticket, facts), secrets.token_bytes(CHALLENGE_BYTES)

        def body(stores: Stores) -> dict[str, Any]:
            collection = accounts_of(stores, name)
            found = self._standing(stores, collection, shown)
            bound = json.dumps({**json.loads(found.bound), "challenge": encoded(raw)})
            if not stores.one_time.bind(collection, shown, bound, self._now()):
                raise refused()
            return self._passkeys.registration(stores, collection, found.account, raw)

        return self._work.run(body)

    def confirm(self, name: str, ticket: str, new: NewFactor, *, facts: RequestFacts) -> SignedIn | FactorAsked:
        """The session that the ticket was given in place of, and the recovery codes. A good first proof alone uses the ticket up; any
        costs it a try, which is committed before the proof is looked at."""
        if new.passkey is not None:
            self._passkeys.check_possible()
            read_name(new.called)
        shown = self._admitted(name, ticket, facts)
        if self._work.run(lambda stores: self._try(stores, name, shown)) is None:
            raise refused()
        return self._work.run(lambda stores: self._confirmed(stores, name, shown, new, facts))

    def _confirmed(
        self, stores: Stores, name: str, shown: Presented, new: NewFactor, facts: RequestFacts
    ) -> SignedIn | FactorAsked:
        collection = accounts_of(stores, name)
        self._standing(stores, collection, shown)
        ticket = stores.one_time.take(collection, shown, self._now())
        if ticket is None:
            raise refused()
        codes, first = self._kept(stores, collection, ticket, new, facts), first_factor(ticket)
        by_first = replace(facts, context=first.method)
        signed = self._sessions.open(name, ticket.account, ticket.epoch, facts=by_first, device_name=first.device, both=True)
        return replace(signed, recovery_codes=codes) if isinstance(signed, SignedIn) else signed

    def _kept(self, stores: Stores, collection: Collection, ticket: OneTime, new: NewFactor, facts: RequestFacts) -> tuple[str, ...]:
        whose = account(ticket.account, collection.name, ticket.epoch)
        if new.passkey is None:
            return self._factors.keep_app(stores, collection, whose, new.code or "", facts)
        return self._passkeys.keep(stores, collection, whose, new.called, new.passkey, ticket.bound, facts)[1]

    # --- the ticket

    def _admitted(self, name: str, ticket: str, facts: RequestFacts) -> Presented:
        """It may be tried: counted for its account over all of its tickets."""
        shown = presented(ENROLMENT, ticket)
        found = self._work.read(lambda stores: stores.one_time.find(accounts_of(stores, name), shown, self._now()))
        if found is None:
            raise refused()
        self._limits.second_factor(facts.visit, name, found.account)
        return shown

    def _standing(self, stores: Stores, collection: Collection, shown: Presented) -> OneTime:
        """Of an account that has no factor still: who has shown one factor does not add a second to one that is there."""
        stores.records.check_guard(None)
        found = stores.one_time.find(collection, shown, self._now())
        if found is None or factors_of(stores, collection, found.account):
            raise refused()
        return found

    def _try(self, stores: Stores, name: str, shown: Presented) -> OneTime | None:
        stores.records.check_guard(None)
        return stores.one_time.spend_try(accounts_of(stores, name), shown, self._now())

    def _now(self) -> str:
        return write_instant(self._clock.now())
