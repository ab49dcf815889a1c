"""Keys for other programs: owners make, see and revoke them. What a key may do is decided where everybody's rules are."""

import secrets
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from app.usecases.audit import note
from app.usecases.factor_proofs import need_fresh_admin
from app.usecases.happenings import happens
from app.usecases.key_rules import check_rules
from domain.accounts.api_keys import SECRET_BYTES, ApiKey, digest, key_refused, minted, read_key
from domain.accounts.roles import RUN, require
from domain.actor import Actor
from domain.errors import NotFound, Unavailable
from domain.hooks.changes import KeyChange
from domain.records.reading import guard_of
from domain.rules.values import RequestFacts
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.unit_of_work import Stores, UnitOfWork

# A key is looked up again after so long, and its use is noted at most so often: no request writes for that alone.
_LOOKED_UP, _NOTED = timedelta(minutes=10), timedelta(hours=1)
_KEPT = 5_000


class ApiKeyUseCases:
    def __init__(self, work: UnitOfWork, clock: Clock, ids: Ids) -> None:
        self._work, self._clock, self._ids = work, clock, ids
        self._kept: OrderedDict[str, tuple[datetime, ApiKey]] = OrderedDict()
        self._lock = Lock()

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
            happens(stores, _change("api_keys.create", actor, facts, id, key.name), key.created)
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
            happens(stores, _change("api_keys.revoke", actor, facts, id), now)
            note(stores, self._ids.new(), now, "key.revoked", id, actor=actor, facts=facts)

        self._work.run(body)

    def identify(self, text: str) -> Actor:
        """Who bears this key. Whether it was revoked is asked by the first statement of what comes next."""
        which, now = digest(text), self._clock.now()
        looked_up, key = self._kept.get(which, (None, None))
        if key is None or looked_up is None or looked_up <= now - _LOOKED_UP:
            key = self._look_up(which, now)
        if key.expires is not None and key.expires <= write_instant(now):
            raise key_refused()
        return key.actor

    def _look_up(self, which: str, now: datetime) -> ApiKey:
        key = self._work.read(lambda stores: stores.api_keys.find(which))
        if key is None:
            raise key_refused()
        self._note_use(key, now)
        with self._lock:
            self._kept[which] = now, key
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return key

    def _note_use(self, key: ApiKey, now: datetime) -> None:
        """For people to see which keys nobody needs; that it cannot be noted is no reason to refuse."""
        if key.used is not None and key.used > write_instant(now - _NOTED):
            return
        try:
            self._work.run(lambda stores: stores.api_keys.note_use(key.id, write_instant(now)))
        except Unavailable:
            pass


def _change(event: str, actor: Actor, facts: RequestFacts | None, id: str, name: str = "") -> KeyChange:
    return KeyChange(event=event, actor=actor, request=facts.request_id if facts else "", id=id, name=name)


def _names(stores: Stores) -> Mapping[str, str]:
    return {each.id: each.name for each in stores.schema.collections.values()}
