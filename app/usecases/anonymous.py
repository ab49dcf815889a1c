"""Signing in without a name: an account that has neither address nor password, until it sets both by a change of its own. Those that
nobody uses any more go by themselves."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from app.usecases.chosen_values import ChosenValues
from app.usecases.passwords import Prepared
from app.usecases.puzzles import PuzzleUseCases
from app.usecases.record_writes import RecordWrites
from app.usecases.requests import Request
from app.usecases.sessions import SessionUseCases, SignedIn, accounts_of
from domain.accounts.factors import FactorAsked
from domain.actor import GUEST, SYSTEM
from domain.errors import Forbidden
from domain.records.draft import Moment
from domain.rules.values import RequestFacts
from domain.schema.account_fields import ANONYMOUS
from domain.schema.collection import Collection
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.unit_of_work import Stores, UnitOfWork


class AnonymousUseCases:
    def __init__(
        self, work: UnitOfWork, sessions: SessionUseCases, puzzles: PuzzleUseCases, chosen: ChosenValues, writes: RecordWrites,
        clock: Clock, ids: Ids,
    ) -> None:  # fmt: skip
        self._work, self._sessions, self._puzzles, self._chosen, self._writes = work, sessions, puzzles, chosen, writes
        self._clock, self._ids = clock, ids

    def sign_in(self, name: str, values: Mapping[str, Any], *, facts: RequestFacts, device: str = "") -> SignedIn | FactorAsked:
        """A new account with a session. Forbidden where the collection has none of these, where its `auth` rule refuses it (nothing is
        kept then), and where a proof of work is asked for and missing."""
        collection = self._work.read(lambda stores: _allowing(stores, name))
        puzzle = self._puzzles.solved(collection, GUEST, facts)
        prepared = Prepared(collection.id, {"password_hash": None, "epoch": 1}, puzzle, {ANONYMOUS: True})
        moment = Moment(write_instant(self._clock.now()), self._ids.new())

        def body(stores: Stores) -> SignedIn | FactorAsked:
            present = _allowing(stores, name)
            self._chosen.judge(stores, present, values, facts)
            self._writes.create_in(stores, present, name, Request(SYSTEM, facts, dict(values), name), moment, prepared)
            return self._sessions.open(name, moment.new_id, 1, facts=replace(facts, context="anonymous"), device_name=device)

        return self._work.run(body)


def _allowing(stores: Stores, name: str) -> Collection:
    stores.records.check_guard(None)
    collection = accounts_of(stores, name)
    if collection.anonymous is None:
        raise Forbidden(f"`{name}` has no anonymous accounts", code="sign_in_refused", hint="sign up, or sign in to an account")
    return collection


def unused(stores: Stores, name: str, at: datetime, limit: int) -> list[str]:
    """The ids of anonymous accounts that were used last so long ago as the collection says."""
    collection = stores.schema.collections.get(name)
    if collection is None or collection.anonymous is None:
        return []
    since = write_instant(at - timedelta(days=collection.anonymous.days))
    return list(stores.accounts.unused(collection, since, limit))
