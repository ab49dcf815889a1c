"""Messages of other servers: who may send them, and what each makes, once. What it makes is one transaction with the note that it came, so
a message that comes again, or fifty times at once, makes nothing more."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.usecases.factor_proofs import need_fresh_admin
from app.usecases.happenings import happens
from app.usecases.idempotency import Keep, unkept
from app.usecases.records import RecordUseCases
from app.usecases.webhook_fanout import actor_of
from app.usecases.webhook_secrets import WebhookSecrets
from domain.accounts.roles import LOOK, RUN, require
from domain.actor import SYSTEM, Actor
from domain.errors import Conflict, Forbidden, NotFound, Problem, Unavailable, invalid
from domain.events import Origin
from domain.hooks.changes import InboundChange
from domain.records.batches import Operation
from domain.records.reading import guard_of
from domain.rules.values import RequestFacts
from domain.schema.fields.times import write_instant
from domain.webhooks.endpoints import names_of
from domain.webhooks.inbound import (
    FAILED,
    TAKEN,
    Making,
    Message,
    Source,
    check_numbers,
    not_theirs,
    read_source,
)
from domain.webhooks.schemes import NOBODY, SCHEMES, id_and_kind
from ports.clock import Clock, Ids
from ports.observer import Observation, Observer
from ports.unit_of_work import Stores, UnitOfWork
from ports.webhooks import Secrets

MOST = 100
MOST_SHOWN = 200
_SOURCES = "sources are"


@dataclass(frozen=True, slots=True)
class MessageRefused(Observation):
    """Signed by nobody who is known here; `source` is what was named, where there is such a one."""

    source: str


class InboundUseCases:
    def __init__(
        self, work: UnitOfWork, records: RecordUseCases, secrets: WebhookSecrets, clock: Clock, ids: Ids, observer: Observer
    ) -> None:
        self._work, self._records, self._secrets, self._clock, self._ids = work, records, secrets, clock, ids
        self._observer = observer

    # --- sources

    def list(self, *, actor: Actor) -> Sequence[dict[str, Any]]:
        """By name; never a secret."""
        require(actor, LOOK, _SOURCES)
        return self._work.read(lambda stores: [each.as_object(names_of(stores.schema)) for each in _sound(stores, actor).inbound.all()])

    def put(self, name: str, body: Mapping[str, Any], *, actor: Actor, facts: RequestFacts | None = None) -> dict[str, Any]:
        """The source as it is from now on, in place of the one of this name. A new one without a `secret` gets one, which the answer
        tells this once; where another is given the one before is good for another day."""
        require(actor, RUN, _SOURCES)

        def make(stores: Stores) -> dict[str, Any]:
            _sound(stores, actor)
            need_fresh_admin(stores, actor, self._clock.now())
            there = stores.inbound.hold(name)
            created = there[0].created if there else write_instant(self._clock.now())
            source, secret = read_source(name, body, stores.schema, created=created)
            if there is None and len(stores.inbound.all()) >= MOST:
                raise Conflict(f"there are {MOST} sources, and no more than that", hint="remove one that nobody needs")
            if source.making is not None and actor_of(stores, source.making.actor) is None:
                raise invalid("/record/as", "invalid_source", "there is no such account, or it is disabled: it may write nothing")
            shown, secrets = self._secrets_of(stores, source, secret, there)
            stores.inbound.put(source, secrets)
            self._tell(stores, "save", source.name, actor, facts)
            told = source.as_object(names_of(stores.schema))
            return {**told, "secret": shown} if shown else told

        return self._work.run(make)

    def remove(self, name: str, *, actor: Actor, facts: RequestFacts | None = None, keep: Keep = unkept) -> None:
        require(actor, RUN, _SOURCES)

        def body(stores: Stores) -> None:
            if not _sound(stores, actor).inbound.remove(name):
                raise NotFound("there is no such source")
            self._tell(stores, "remove", name, actor, facts)
            keep(stores, None)

        self._work.run(body)

    def messages(self, name: str, *, actor: Actor) -> Sequence[Message]:
        """What came, the latest first, as long as it is remembered."""
        require(actor, LOOK, _SOURCES)

        def body(stores: Stores) -> Sequence[Message]:
            if _sound(stores, actor).inbound.find(name) is None:
                raise NotFound("there is no such source")
            return stores.inbound.messages(name, limit=MOST_SHOWN)

        return self._work.read(body)

    def _secrets_of(
        self, stores: Stores, source: Source, secret: str | None, there: tuple[Source, Secrets] | None
    ) -> tuple[str | None, Secrets]:
        """With the one that was made here, to be told."""
        about = _about(source.name)
        if there is None:
            return self._secrets.made(about) if secret is None else (None, self._secrets.given(about, secret))
        if there[0].scheme != source.scheme and secret is None:
            raise invalid("/secret", "required", "another scheme needs another secret")
        if secret is None:
            return None, there[1]
        return None, self._secrets.replaced(about, secret, there[1], stores.inbound.now())

    # --- messages

    def receive(self, name: str, headers: Mapping[str, str], body: bytes, read: Callable[[], Any], *, facts: RequestFacts) -> str:
        """The id of the message, also where it was taken before. Unauthenticated, the same for all reasons, where it is signed by nobody
        who is known here; then nothing of it is read. `read` reads the body once it is sure who sends it. What stands against it is
        noted and raised, and whoever sends it may send it again."""
        source = self._judged(name, headers, body)
        content = read()
        check_numbers(content)
        id, kind = id_and_kind(SCHEMES[source.scheme], headers, content)
        message = Message(id, kind, 0, TAKEN)
        try:
            self._work.run(lambda stores: self._taken(stores, source, message, content, facts))
        except Unavailable:
            raise
        except Problem as problem:
            failed = replace(message, state=FAILED, reason=problem.detail[:300])
            self._work.run(lambda stores: stores.inbound.fail(source.name, failed))
            raise
        return id

    def _judged(self, name: str, headers: Mapping[str, str], body: bytes) -> Source:
        found = self._work.read(lambda stores: stores.inbound.find(name))
        scheme = SCHEMES[found[0].scheme if found else "github"]
        now = int(self._clock.now().timestamp())
        secrets = self._secrets.signing(_about(name), found[1], now * 1000) if found else [NOBODY]
        # Where there is no such source it takes as long.
        is_theirs = scheme.judge(secrets, headers, body, now)
        if found is None or not found[0].enabled or not is_theirs:
            self._observer.observe(MessageRefused(name if found else ""))
            raise not_theirs()
        return found[0]

    def _taken(self, stores: Stores, source: Source, message: Message, content: Any, facts: RequestFacts) -> None:
        if not stores.inbound.take(source.name, message):
            return
        record = self._made(stores, source.making, content, facts) if source.making else ""
        if record:
            stores.inbound.made(source.name, message.id, record)
        stores.outbox.attribute(Origin(request=facts.request_id))
        change = InboundChange(
            event="inbound.receive", actor=SYSTEM, request=facts.request_id, source=source.name, id=message.id, kind=message.kind,
            record=record, body=content,
        )  # fmt: skip
        happens(stores, change, write_instant(self._clock.now()), facts=facts)

    def _made(self, stores: Stores, making: Making, content: Any, facts: RequestFacts) -> str:
        names, actor = names_of(stores.schema), actor_of(stores, making.actor)
        if making.collection not in names or actor is None:
            raise Forbidden("the record of this source can be written no more: its collection or its account is gone")
        method = "upsert" if making.by else "create"
        operation = Operation(method, names[making.collection], values=making.values(content), by=making.by)
        shown = self._records.batch([operation], actor=actor, facts=facts)[0].shown
        return shown.id if shown else ""

    def _tell(self, stores: Stores, what: str, name: str, actor: Actor, facts: RequestFacts | None) -> None:
        change = InboundChange(event=f"inbound.{what}", actor=actor, request=facts.request_id if facts else "", source=name)
        happens(stores, change, write_instant(self._clock.now()), facts=facts)


def _about(name: str) -> str:
    return f"inbound {name}"


def _sound(stores: Stores, actor: Actor) -> Stores:
    """Once it is sure that the actor still stands."""
    if actor != SYSTEM:
        stores.records.check_guard(guard_of(actor))
    return stores
