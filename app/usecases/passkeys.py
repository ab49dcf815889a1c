"""Passkeys: registered by an account that is signed in, and asked for by challenges that are good once."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.usecases.factor_proofs import decoded, encoded, need_fresh
from app.usecases.factors import FactorUseCases
from app.usecases.naming import take_name
from app.usecases.sessions import accounts_of
from domain.accounts.factors import PASSKEY, TRIES, own
from domain.accounts.one_time import (
    NEW_PASSKEY,
    PASSKEY_SIGN_IN,
    SECOND_FACTOR,
    TOKEN_BYTES,
    kept,
    presented,
    refused,
    token,
)
from domain.accounts.passkeys import (
    CHALLENGE_BYTES,
    MOST,
    Passkey,
    not_possible,
    not_registered,
    read_name,
    too_many,
    user_handle,
)
from domain.actor import Actor
from domain.errors import NotFound
from domain.records.reading import guard_of
from domain.rules.values import RequestFacts
from domain.schema.collection import Collection
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.passkeys import Passkeys
from ports.unit_of_work import Stores, UnitOfWork


@dataclass(frozen=True, slots=True)
class Challenge:
    """`options` are for the browser; its answer is sent with the ticket."""

    ticket: str
    options: dict[str, Any]


class PasskeyUseCases:
    def __init__(self, work: UnitOfWork, factors: FactorUseCases, passkeys: Passkeys, clock: Clock, ids: Ids) -> None:
        self._work, self._factors, self._passkeys, self._clock, self._ids = work, factors, passkeys, clock, ids

    # --- a new one

    def propose(self, name: str, *, actor: Actor) -> Challenge:
        """Forbidden where the session is not fresh; Unavailable where this backend does not know its public address."""
        own(actor, name)
        self.check_possible()
        challenge = Challenge(token(secrets.token_bytes(TOKEN_BYTES)), {})
        raw = secrets.token_bytes(CHALLENGE_BYTES)
        options = self._work.run(lambda stores: self._proposed(stores, actor, challenge.ticket, raw))
        return Challenge(challenge.ticket, options)

    def _proposed(self, stores: Stores, actor: Actor, ticket: str, raw: bytes) -> dict[str, Any]:
        collection = self._fresh(stores, actor)
        bound = json.dumps({"challenge": encoded(raw)})
        stores.one_time.put(
            kept(NEW_PASSKEY, ticket, actor.id, collection=collection.id, epoch=actor.epoch, at=self._clock.now(), bound=bound)
        )
        return self.registration(stores, collection, actor.id, raw)

    def registration(self, stores: Stores, collection: Collection, account: str, raw: bytes) -> dict[str, Any]:
        """What the browser is asked, inside the transaction of whoever knows that it is this account and keeps the challenge."""
        there = stores.passkeys.of_account(collection, account)
        if len(there) >= MOST:
            raise too_many()
        credentials = stores.accounts.credentials_of(collection, account)
        shown = (credentials and credentials.email) or account
        handle = user_handle(collection.id, account)
        return self._passkeys.registration(raw, handle=handle, name=shown, there=[each.credential for each in there])

    def register(
        self, name: str, ticket: str, called: str, answer: Mapping[str, Any], *, actor: Actor, facts: RequestFacts | None = None
    ) -> tuple[Passkey, tuple[str, ...]]:
        """The passkey, and recovery codes where it is the account's first factor."""
        own(actor, name)
        self.check_possible()
        read_name(called)
        return self._work.run(lambda stores: self._registered(stores, actor, ticket, called, answer, facts))

    def _registered(
        self, stores: Stores, actor: Actor, ticket: str, called: str, answer: Mapping[str, Any], facts: RequestFacts | None
    ) -> tuple[Passkey, tuple[str, ...]]:
        collection = self._fresh(stores, actor)
        taken = stores.one_time.take(collection, presented(NEW_PASSKEY, ticket), self._now())
        if taken is None or taken.account != actor.id:
            raise refused()
        return self.keep(stores, collection, actor, called, answer, taken.bound, facts)

    def keep(
        self, stores: Stores, collection: Collection, actor: Actor, called: str, answer: Mapping[str, Any], bound: str,
        facts: RequestFacts | None,
    ) -> tuple[Passkey, tuple[str, ...]]:  # fmt: skip
        """The same once it is known whose it is to be; `bound` has the challenge that was asked."""
        made = self._passkeys.registered(answer, decoded(json.loads(bound).get("challenge", "")))
        if made is None:
            raise not_registered()
        passkey = Passkey(self._ids.new(), made.credential, actor.id, made.public_key, made.counter, called, self._now())
        if not stores.passkeys.add(collection, passkey):
            raise not_registered()
        self._factors.tell(stores, "add", collection, actor, PASSKEY, facts=facts)
        take_name(stores, collection, actor.id, self._now())
        return passkey, self._factors.counts(stores, collection, actor)

    # --- asking for one

    def ask(self, name: str, ticket: str | None) -> Challenge:
        """For a second factor with the ticket of the sign-in; without one for whoever has a passkey: who that is tells the passkey, so
        nobody learns from this which accounts there are."""
        self.check_possible()
        raw = secrets.token_bytes(CHALLENGE_BYTES)
        if ticket is None:
            return self._ask_anybody(name, raw)
        allowed = self._work.run(lambda stores: self._bind(stores, name, ticket, raw))
        return Challenge(ticket, self._passkeys.authentication(raw, allowed=allowed))

    def _ask_anybody(self, name: str, raw: bytes) -> Challenge:
        made, bound = token(secrets.token_bytes(TOKEN_BYTES)), json.dumps({"challenge": encoded(raw)})

        def body(stores: Stores) -> None:
            stores.records.check_guard(None)
            collection, at = accounts_of(stores, name), self._clock.now()
            stores.one_time.put(kept(PASSKEY_SIGN_IN, made, "", collection=collection.id, epoch=0, at=at, bound=bound, tries=TRIES))

        self._work.run(body)
        return Challenge(made, self._passkeys.authentication(raw, allowed=()))

    def _bind(self, stores: Stores, name: str, ticket: str, raw: bytes) -> Sequence[str]:
        stores.records.check_guard(None)
        collection, shown, now = accounts_of(stores, name), presented(SECOND_FACTOR, ticket), self._now()
        found = stores.one_time.find(collection, shown, now)
        if found is None:
            raise refused()
        bound = {**json.loads(found.bound), "challenge": encoded(raw)}
        if not stores.one_time.bind(collection, shown, json.dumps(bound), now):
            raise refused()
        return [each.credential for each in stores.passkeys.of_account(collection, found.account)]

    # --- what it is called, and taking one away

    def rename(self, name: str, id: str, called: str, *, actor: Actor, facts: RequestFacts | None = None) -> Passkey:
        """NotFound where the account has no such passkey."""
        own(actor, name)
        read_name(called)

        def body(stores: Stores) -> Passkey:
            stores.records.check_guard(guard_of(actor))
            collection = accounts_of(stores, actor.collection)
            renamed = stores.passkeys.rename(collection, actor.id, id, called)
            if renamed is None:
                raise NotFound("this account has no such passkey")
            self._factors.tell(stores, "rename", collection, actor, PASSKEY, facts=facts)
            return renamed

        return self._work.run(body)

    def remove(self, name: str, id: str, *, actor: Actor, facts: RequestFacts | None = None) -> None:
        own(actor, name)

        def body(stores: Stores) -> None:
            collection = self._fresh(stores, actor)
            if not stores.passkeys.remove(collection, actor.id, id):
                raise NotFound("this account has no such passkey")
            self._factors.tell(stores, "remove", collection, actor, PASSKEY, facts=facts)
            self._factors.tidy(stores, collection, actor.id)

        self._work.run(body)

    def _fresh(self, stores: Stores, actor: Actor) -> Collection:
        stores.records.check_guard(guard_of(actor))
        collection = accounts_of(stores, actor.collection)
        need_fresh(stores, collection, actor, self._clock.now())
        return collection

    @property
    def possible(self) -> bool:
        return self._passkeys.are_possible

    def check_possible(self) -> None:
        if not self._passkeys.are_possible:
            raise not_possible()

    def _now(self) -> str:
        return write_instant(self._clock.now())
