"""Keys for other programs: owners make, see and revoke them. What a key may do is decided where everybody's rules are."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from app.usecases.audit import note
from app.usecases.factor_proofs import need_fresh_admin
from app.usecases.happenings import happens
from app.usecases.key_ring import KeyRing, Known
from app.usecases.key_rules import check_rules
from app.usecases.refusals import Refusals
from domain.accounts.api_keys import SECRET_BYTES, digest, minted, read_key
from domain.accounts.roles import RUN, require
from domain.actor import Actor
from domain.errors import NotFound
from domain.hooks.changes import KeyChange
from domain.records.reading import guard_of
from domain.rules.values import RequestFacts
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.unit_of_work import Stores, UnitOfWork


class ApiKeyUseCases:
    def __init__(self, work: UnitOfWork, refusals: Refusals, clock: Clock, ids: Ids) -> None:
        self._work, self._clock, self._ids = work, clock, ids
        self._ring = KeyRing(work, self._look_up, self._note_use, refusals, clock)

    def create(self, body: Mapping[str, Any], *, actor: Actor, facts: RequestFacts | None = None) -> tuple[dict[str, Any], str]:
        """What the key is, and its text, which nobody can be told again."""
        require(actor, RUN, "API keys are")
        text, id = minted(secrets.token_bytes(SECRET_BYTES)), self._ids.new()

        def make(stores: Stores) -> dict[str, Any]:
            stores.records.check_guard(guard_of(actor))
            need_fresh_admin(stores, actor, self._clock.now())
            key = read_key(body, stores.schema, id=id, by=actor.id, at=self._clock.now())
            check_rules(stores.schema, key)
            stores.api_keys.add(key, digest(text))
            happens(stores, _change("api_keys.create", actor, facts, id, key.name), key.created, facts=facts)
            note(stores, self._ids.new(), key.created, "key.created", id, actor=actor, facts=facts, detail=key.name)
            return key.as_object(_names(stores))

        return self._work.run(make), text

    def list(self, *, actor: Actor) -> Sequence[dict[str, Any]]:
        """Every key, the newest first; never its text."""
        require(actor, RUN, "API keys are")

        def body(stores: Stores) -> Sequence[dict[str, Any]]:
            stores.records.check_guard(guard_of(actor))
            return [each.as_object(_names(stores)) for each in stores.api_keys.all()]

        return self._work.read(body)

    def revoke(self, id: str, *, actor: Actor, facts: RequestFacts | None = None) -> None:
        """At once and everywhere: each request asks for the key's row in its first statement."""
        require(actor, RUN, "API keys are")

        def body(stores: Stores) -> None:
            stores.records.check_guard(guard_of(actor))
            if not stores.api_keys.remove(id):
                raise NotFound("there is no such key")
            now = write_instant(self._clock.now())
            happens(stores, _change("api_keys.revoke", actor, facts, id), now, facts=facts)
            note(stores, self._ids.new(), now, "key.revoked", id, actor=actor, facts=facts)

        self._work.run(body)

    def identify(self, text: str, facts: RequestFacts | None = None) -> Actor:
        """Who bears this key. Whether it was revoked is asked by the first statement of what comes next."""
        return self._ring.actor(digest(text), facts)

    def _look_up(self, which: str) -> Known | None:
        key = self._work.read(lambda stores: stores.api_keys.find(which))
        return (key, key.actor) if key else None

    def _note_use(self, id: str, at: str) -> None:
        self._work.run(lambda stores: stores.api_keys.note_use(id, at))


def _change(event: str, actor: Actor, facts: RequestFacts | None, id: str, name: str = "") -> KeyChange:
    return KeyChange(event=event, actor=actor, request=facts.request_id if facts else "", id=id, name=name)


def _names(stores: Stores) -> Mapping[str, str]:
    return {each.id: each.name for each in stores.schema.collections.values()}
