"""Whose account a token of another issuer stands for: that of its identity, which is asked for with every request, so that one that was
unlinked, disabled or deleted is refused at once, and whose `auth` rule is asked as often as that of a session."""

import threading
from collections import OrderedDict
from datetime import datetime

from app.usecases.foreign_tokens import ForeignTokens
from app.usecases.sessions import SessionUseCases, accounts_of
from app.usecases.sign_ups import SignUps
from domain.accounts.issuers import Statement
from domain.accounts.tokens import ACCESS, LIFETIMES
from domain.actor import Actor, account
from domain.errors import Conflict, NotFound, Problem, Unauthenticated, Unavailable
from domain.rules.values import RequestFacts
from domain.schema.collection import Collection
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.identities import KeptIdentity
from ports.unit_of_work import Stores, UnitOfWork

# To rules it is a sign-in by a provider, whatever request comes with it: one decision holds for all of them.
_FACTS = RequestFacts("POST", context="oauth2")
_ADMITTED_FOR = LIFETIMES[ACCESS]
_KEPT = 20_000


class ForeignAccounts:
    def __init__(
        self, work: UnitOfWork, foreign: ForeignTokens, sessions: SessionUseCases, sign_ups: SignUps, clock: Clock, ids: Ids
    ) -> None:
        self._work, self._foreign, self._sessions, self._sign_ups = work, foreign, sessions, sign_ups
        self._clock, self._ids = clock, ids
        self._admitted: OrderedDict[Actor, datetime] = OrderedDict()
        self._lock = threading.Lock()

    def actor(self, token: str) -> Actor | None:
        """None for a token of ours. Unauthenticated where it is not good or stands for nobody here; Forbidden where the account's
        collection does not let it in. It has no session: what takes a fresh sign-in is not done with it."""
        said = self._foreign.read(token)
        if said is None:
            return None
        found = self._work.read(lambda stores: self._standing(stores, said)) or self._made(said)
        if found is None:
            raise _unknown()
        return found

    def _made(self, said: Statement) -> Actor | None:
        """A new account for somebody unknown, where that is wanted. Of many requests that come with the first token at once one makes
        it, and the others find it."""
        if not said.by.creates:
            return None
        try:
            return self._work.run(lambda stores: self._signed_up(stores, said))
        except Unavailable:
            raise
        except Problem as refused:
            found = self._work.read(lambda stores: self._standing(stores, said))
            if found is None:
                # What the collection asks of a new account is no answer to a request that made none knowingly.
                raise _unknown("an account cannot be made of what the token says") from refused
            return found

    def _signed_up(self, stores: Stores, said: Statement) -> Actor | None:
        collection = _collection(stores, said)
        now = write_instant(self._clock.now())
        id = self._sign_ups.by_provider(stores, collection, said.identity, {}, _FACTS)
        kept = KeptIdentity(self._ids.new(), said.by.issuer, said.subject, id, "", said.email, now, now)
        if not stores.identities.add(collection, kept):
            raise Conflict("somebody else has made it")
        return self._standing(stores, said)

    def _standing(self, stores: Stores, said: Statement) -> Actor | None:
        collection = _collection(stores, said)
        found = stores.accounts.credentials_by(collection, said.by.issuer, said.subject)
        if found is None:
            return None
        actor = account(found.id, collection.name, found.epoch)
        if not self._is_admitted(actor):
            self._sessions.admit(stores, actor, _FACTS)
            self._admit(actor)
        return actor

    def _is_admitted(self, actor: Actor) -> bool:
        """Under this epoch: whatever ends sessions of the account asks its rule anew."""
        until = self._admitted.get(actor)
        return until is not None and self._clock.now() < until

    def _admit(self, actor: Actor) -> None:
        with self._lock:
            self._admitted[actor] = self._clock.now() + _ADMITTED_FOR
            if len(self._admitted) > _KEPT:
                self._admitted.popitem(last=False)


def _collection(stores: Stores, said: Statement) -> Collection:
    try:
        return accounts_of(stores, said.by.collection)
    except NotFound as gone:
        raise _unknown() from gone


def _unknown(detail: str = "nobody here is known by this token's issuer and subject") -> Unauthenticated:
    hint = "sign in by that issuer here once, or let the account be linked to it"
    return Unauthenticated(detail, code="identity_unknown", hint=hint)
