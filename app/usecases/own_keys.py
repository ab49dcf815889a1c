"""Keys that accounts make for their programs: made in a fresh session, seen and revoked by the account or an admin.

What such a key may do is decided where everybody's rules are; what ends it besides its owner is decided where that happens.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.usecases.factor_proofs import need_fresh
from app.usecases.happenings import happens
from app.usecases.key_ring import KeyRing, Known
from app.usecases.refusals import Refusals
from app.usecases.rulebook import Rulebook
from app.usecases.sessions import SessionUseCases, accounts_of
from domain.accounts.api_keys import SECRET_BYTES
from domain.accounts.factors import own
from domain.accounts.own_keys import OwnKey, check_room, digest_of, minted_for_account, read_own_key, whose
from domain.accounts.roles import EDIT, LOOK
from domain.actor import Actor
from domain.errors import NotFound
from domain.hooks.changes import OwnKeyChange
from domain.records.outline import is_known
from domain.records.reading import guard_of
from domain.rules.values import RequestFacts
from domain.schema.collection import Collection, Schema
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.unit_of_work import Stores, UnitOfWork

# A rule that asks how a session was opened is told of none.
_BY_KEY = RequestFacts("GET")


class OwnKeyUseCases:
    def __init__(
        self, work: UnitOfWork, rulebook: Rulebook, sessions: SessionUseCases, refusals: Refusals, clock: Clock, ids: Ids
    ) -> None:
        self._work, self._rulebook, self._sessions, self._clock, self._ids = work, rulebook, sessions, clock, ids
        self._ring = KeyRing(work, self._look_up, self._note_use, refusals, clock)

    def create(self, name: str, body: Mapping[str, Any], *, actor: Actor, facts: RequestFacts) -> tuple[dict[str, Any], str]:
        """What the key is, and its text, which nobody can be told again. Forbidden where the collection lets accounts make none, where
        the session is not fresh, and for whoever is not signed in to the account itself; Conflict where it has as many as it may."""
        own(actor, name)
        text, id = minted_for_account(secrets.token_bytes(SECRET_BYTES)), self._ids.new()

        def make(stores: Stores) -> dict[str, Any]:
            stores.records.check_guard(guard_of(actor))
            collection = accounts_of(stores, name)
            need_fresh(stores, collection, actor, self._clock.now())
            known = _known(stores.schema)
            key = read_own_key(body, known, id=id, account=actor.id, collection=collection.id, at=self._clock.now())
            self._check_rules(stores.schema, key)
            # Held, so that of many at once no more come in than there is room for.
            stores.records.hold(collection, [actor.id])
            check_room(collection, len(stores.own_keys.of_account(collection, actor.id, key.key.created)))
            if not stores.own_keys.add(collection, key, digest_of(text)):
                raise NotFound("there is no such account")
            self._tell(stores, "create", collection, actor, facts, actor.id, id, key.key.name)
            return key.as_object(_names(known))

        return self._work.run(make), text

    def _check_rules(self, schema: Schema, key: OwnKey) -> None:
        """Invalid, with the rule's place, where one cannot be understood, or names what such a rule may not."""
        texts = dict(key.key.rules)
        for collection in schema.collections.values():
            if collection.id in texts:
                self._rulebook.own_rule(schema, collection, texts[collection.id], f"/rules/{collection.name}")

    def list(self, name: str, account: str | None = None, *, actor: Actor) -> Sequence[dict[str, Any]]:
        """Those that stand, of the actor itself or, for an admin, of any account, the newest first; never their text."""

        def body(stores: Stores) -> Sequence[dict[str, Any]]:
            stores.records.check_guard(guard_of(actor))
            id = whose(actor, name, account, LOOK)
            found = stores.own_keys.of_account(accounts_of(stores, name), id, write_instant(self._clock.now()))
            return [each.as_object(_names(stores.schema)) for each in found]

        return self._work.read(body)

    def revoke(self, name: str, id: str, account: str | None = None, *, actor: Actor, facts: RequestFacts) -> None:
        """At once and everywhere: each request asks for the key's row in its first statement. No fresh session is asked for: whoever
        finds that a key has leaked shall not be held up."""

        def body(stores: Stores) -> None:
            stores.records.check_guard(guard_of(actor))
            theirs, collection = whose(actor, name, account, EDIT), accounts_of(stores, name)
            if not stores.own_keys.remove(collection, theirs, id):
                raise NotFound("there is no such key, or it is not yours")
            self._tell(stores, "revoke", collection, actor, facts, theirs, id)

        self._work.run(body)

    def revoke_all(self, name: str, account: str | None = None, *, actor: Actor, facts: RequestFacts) -> int:
        """How many there were."""

        def body(stores: Stores) -> int:
            stores.records.check_guard(guard_of(actor))
            theirs, collection = whose(actor, name, account, EDIT), accounts_of(stores, name)
            gone = stores.own_keys.forget(collection, [theirs])
            for id in gone:
                self._tell(stores, "revoke", collection, actor, facts, theirs, id)
            return len(gone)

        return self._work.run(body)

    def identify(self, text: str, facts: RequestFacts | None = None) -> Actor:
        """The account, as far as this key goes. Whether either still stands is asked by the first statement of what comes next."""
        return self._ring.actor(digest_of(text), facts)

    def _look_up(self, which: str) -> Known | None:
        """Asked as for sessions that go on; when what these rules read of the account changes, they are asked at once."""

        def body(stores: Stores) -> Known | None:
            found = stores.own_keys.find(which)
            collection = next((each for each in stores.current().collections.values() if found and each.id == found.collection), None)
            if found is None or collection is None:
                return None
            actor = found.actor(collection.name)
            self._sessions.goes_on(stores, actor, _BY_KEY)
            return found.key, actor

        return self._work.read(body)

    def _note_use(self, id: str, at: str) -> None:
        self._work.run(lambda stores: stores.own_keys.note_use(id, at))

    def _tell(
        self, stores: Stores, what: str, collection: Collection, actor: Actor, facts: RequestFacts, account: str, id: str, name: str = ""
    ) -> None:
        change = OwnKeyChange(
            event=f"own_keys.{what}", actor=actor, request=facts.request_id, collection=collection.name, account=account, id=id, name=name
        )
        happens(stores, change, write_instant(self._clock.now()), collection, facts=facts)


def _known(schema: Schema) -> Schema:
    """What accounts may know of."""
    known = {name: each for name, each in schema.collections.items() if is_known(each, passes_rules=False)}
    return replace(schema, collections=known)


def _names(schema: Schema) -> Mapping[str, str]:
    return {each.id: each.name for each in schema.collections.values()}
