"""Endpoints that are told what happens, and the messages for them, as owners set them up and look after them."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.usecases.factor_proofs import need_fresh_admin
from app.usecases.happenings import happens
from app.usecases.idempotency import Keep, unkept
from app.usecases.rulebook import Rulebook
from app.usecases.webhook_fanout import SUBSCRIBER, WebhookFanout, actor_of
from app.usecases.webhook_secrets import WebhookSecrets
from domain.accounts.roles import LOOK, RUN, require
from domain.actor import SYSTEM, Actor
from domain.errors import Conflict, NotFound, did_you_mean, invalid
from domain.hooks.changes import WebhookChange
from domain.jobs.job import instant, milliseconds
from domain.records.reading import guard_of
from domain.rules.values import RequestFacts
from domain.schema.fields.times import write_instant
from domain.webhooks.deliveries import STATES, TEST, Delivery
from domain.webhooks.endpoints import (
    DISABLED,
    MOST,
    Endpoint,
    changed,
    names_of,
    read_endpoint,
    read_since,
    refused_url,
)
from domain.webhooks.messages import of_test
from ports.clock import Clock, Ids
from ports.unit_of_work import Stores, UnitOfWork
from ports.webhooks import WebhookDoor

# That are shown, and sent again, at once.
MOST_SHOWN = 200
_MOST_AGAIN = 10_000
_PLACED_AT_ONCE = 1000
_WEBHOOKS = "webhooks are"
_NO_WEBHOOK, _NO_DELIVERY = "there is no such webhook", "there is no such delivery"


class WebhookUseCases:
    def __init__(
        self, work: UnitOfWork, fanout: WebhookFanout, rulebook: Rulebook, door: WebhookDoor,
        secrets: WebhookSecrets, clock: Clock, ids: Ids, *, loopback: bool,
    ) -> None:  # fmt: skip
        self._work, self._fanout, self._rulebook, self._door = work, fanout, rulebook, door
        self._secrets, self._clock, self._ids, self._loopback = secrets, clock, ids, loopback

    # --- endpoints

    def list(self, *, actor: Actor) -> Sequence[dict[str, Any]]:
        """The oldest first; never a secret."""
        require(actor, LOOK, _WEBHOOKS)
        return self._work.read(lambda stores: [_told(stores, each) for each in _sound(stores, actor).webhooks.all()])

    def get(self, id: str, *, actor: Actor) -> dict[str, Any]:
        require(actor, LOOK, _WEBHOOKS)
        return self._work.read(lambda stores: _told(stores, _found(_sound(stores, actor).webhooks.find(id))))

    def create(self, body: Mapping[str, Any], *, actor: Actor, facts: RequestFacts | None = None) -> dict[str, Any]:
        """What the endpoint is, with its secret, which nobody can be told again. It is told of what is committed from here on."""
        require(actor, RUN, _WEBHOOKS)
        id = self._ids.new()
        text, sealed = self._secrets.made(id)
        self._check_address(body)
        # What nobody has listened to has no place yet: it gets one now, before those that this endpoint hears of.
        while self._work.run(lambda stores: stores.outbox.arrange(_PLACED_AT_ONCE)):
            pass

        def make(stores: Stores) -> dict[str, Any]:
            self._enter(stores, actor)
            there = stores.webhooks.all()
            if len(there) >= MOST:
                raise Conflict(f"there are {MOST} webhooks, and no more than that", hint="remove one that nobody needs")
            now = write_instant(self._clock.now())
            made = read_endpoint(body, stores.schema, id=id, created=now, loopback=self._loopback)
            self._check(stores, made)
            stores.outbox.arrange(_PLACED_AT_ONCE)
            if not there:
                stores.deliveries.enter(SUBSCRIBER)
            stores.webhooks.add(made, sealed)
            self._tell(stores, "save", made, actor, facts)
            return {**_told(stores, made), "secret": text}

        answer = self._work.run(make)
        self._fanout.look_again()
        return answer

    def change(
        self, id: str, body: Mapping[str, Any], *, actor: Actor, facts: RequestFacts | None = None, keep: Keep = unkept
    ) -> dict[str, Any]:
        """What the body names, and nothing else. Enabled again, it is sent what waits for it, and not what happened meanwhile."""
        require(actor, RUN, _WEBHOOKS)
        if "url" in body:
            self._check_address(body)

        def make(stores: Stores) -> dict[str, Any]:
            self._enter(stores, actor)
            made = changed(_found(stores.webhooks.hold(id)), body, stores.schema, loopback=self._loopback)
            self._check(stores, made)
            stores.webhooks.put(made)
            self._tell(stores, "save", made, actor, facts)
            return keep(stores, _told(stores, made))

        return self._work.run(make)

    def remove(self, id: str, *, actor: Actor, facts: RequestFacts | None = None, keep: Keep = unkept) -> None:
        """With all that waits for it, and its log."""
        require(actor, RUN, _WEBHOOKS)

        def body(stores: Stores) -> None:
            found = _found(_sound(stores, actor).webhooks.hold(id))
            stores.webhooks.remove(id)
            if not stores.webhooks.any():
                stores.deliveries.leave(SUBSCRIBER)
            self._tell(stores, "remove", found, actor, facts)
            keep(stores, None)

        self._work.run(body)
        self._fanout.look_again()

    def renew(self, id: str, *, actor: Actor, facts: RequestFacts | None = None) -> dict[str, Any]:
        """Another secret, told once. For a day messages are signed by the one before as well."""
        require(actor, RUN, _WEBHOOKS)

        def make(stores: Stores) -> dict[str, Any]:
            self._enter(stores, actor)
            found, before = _found(stores.webhooks.hold(id)), stores.webhooks.secrets(id)
            assert before is not None  # its row is held
            text, sealed = self._secrets.renewed(id, before, milliseconds(self._clock.now()))
            stores.webhooks.renew(id, sealed)
            self._tell(stores, "renew", found, actor, facts)
            return {"secret": text, "before_until": instant(sealed.until)}

        return self._work.run(make)

    # --- messages

    def test(self, id: str, *, actor: Actor, facts: RequestFacts | None = None, keep: Keep = unkept) -> str:
        """The id of a message that tells of nothing, sent as any other is."""
        require(actor, RUN, _WEBHOOKS)
        delivery = self._ids.new()

        def body(stores: Stores) -> str:
            found = _found(_sound(stores, actor).webhooks.hold(id))
            if found.state == DISABLED:
                raise Conflict("this webhook is disabled: it is sent nothing", code="webhook_disabled", hint="enable it first")
            message = of_test(write_instant(self._clock.now()))
            stores.webhooks.post([Delivery(delivery, id, TEST, message, record=delivery)])
            self._tell(stores, "test", found, actor, facts)
            return keep(stores, delivery)

        return self._roused(self._work.run(body))

    def deliveries(
        self, id: str, *, state: str | None = None, before: str | None = None, limit: int = MOST_SHOWN, actor: Actor
    ) -> Sequence[Delivery]:
        """The latest first, without their bodies."""
        require(actor, LOOK, _WEBHOOKS)
        if state is not None and state not in STATES:
            raise invalid("state", "invalid_parameter", f"a delivery is {', '.join(STATES)}", hint=did_you_mean(state, list(STATES)))

        def body(stores: Stores) -> Sequence[Delivery]:
            _found(_sound(stores, actor).webhooks.find(id))
            return stores.webhooks.listed(id, state, before=before, limit=min(limit, MOST_SHOWN))

        return self._work.read(body)

    def delivery(self, id: str, which: str, *, actor: Actor) -> Delivery:
        require(actor, LOOK, _WEBHOOKS)
        return self._work.read(lambda stores: _delivered(_sound(stores, actor).webhooks.delivery(id, which)))

    def replay(self, id: str, which: str, *, actor: Actor, facts: RequestFacts | None = None, keep: Keep = unkept) -> None:
        """The same message again, by the same id, as soon as possible."""
        require(actor, RUN, _WEBHOOKS)

        def body(stores: Stores) -> None:
            found = _found(_sound(stores, actor).webhooks.hold(id))
            _delivered(stores.webhooks.delivery(id, which))
            stores.webhooks.again(id, [which])
            self._tell(stores, "replay", found, actor, facts)
            keep(stores, None)

        self._roused(self._work.run(body))

    def replay_dead(
        self, id: str, wanted: Mapping[str, Any], *, actor: Actor, facts: RequestFacts | None = None, keep: Keep = unkept
    ) -> int:
        """All that was made `since` an instant and given up, at most 10,000 of them; how many."""
        require(actor, RUN, _WEBHOOKS)
        since = milliseconds(read_since(wanted))

        def body(stores: Stores) -> int:
            found = _found(_sound(stores, actor).webhooks.hold(id))
            count = stores.webhooks.again(id, stores.webhooks.dead_since(id, since, _MOST_AGAIN))
            self._tell(stores, "replay", found, actor, facts)
            return keep(stores, count)

        return self._roused(self._work.run(body))

    # --- what all of them do

    def _enter(self, stores: Stores, actor: Actor) -> None:
        """Whoever may have the backend's data sent elsewhere has shown that it is them."""
        _sound(stores, actor)
        need_fresh_admin(stores, actor, self._clock.now())

    def _check_address(self, body: Mapping[str, Any]) -> None:
        """In no transaction: names take a while to be resolved. It is judged again whenever something is sent."""
        url = body.get("url")
        if isinstance(url, str) and not self._door.check(url):
            raise refused_url()

    def _check(self, stores: Stores, endpoint: Endpoint) -> None:
        if endpoint.state != DISABLED and actor_of(stores, endpoint.reader) is None:
            raise invalid("/as", "invalid_webhook", "there is no such account, or it is disabled: it sees nothing")
        names = names_of(stores.schema)
        for at, each in enumerate(endpoint.subscriptions):
            if each.filter:
                collection = stores.schema.collection(names[each.collection])
                self._rulebook.condition(stores.schema, collection, each.filter, f"/subscriptions/{at}/filter")

    def _roused(self, answer: Any) -> Any:
        self._fanout.rouse()
        return answer

    def _tell(self, stores: Stores, what: str, endpoint: Endpoint, actor: Actor, facts: RequestFacts | None) -> None:
        change = WebhookChange(
            event=f"webhooks.{what}", actor=actor, request=facts.request_id if facts else "", id=endpoint.id, name=endpoint.name
        )
        happens(stores, change, write_instant(self._clock.now()), facts=facts)


def _told(stores: Stores, endpoint: Endpoint) -> dict[str, Any]:
    breaker = endpoint.breaker
    resting = breaker.again if breaker.again and breaker.again > stores.webhooks.now() else None
    return {
        "id": endpoint.id, **endpoint.as_object(names_of(stores.schema)), "disabled_by": endpoint.reason or None,
        "failures": breaker.failures, "resting_until": instant(resting), "created": endpoint.created,
    }  # fmt: skip


def _found(endpoint: Endpoint | None) -> Endpoint:
    if endpoint is None:
        raise NotFound(_NO_WEBHOOK)
    return endpoint


def _delivered(delivery: Delivery | None) -> Delivery:
    if delivery is None:
        raise NotFound(_NO_DELIVERY, hint="what is over is forgotten after a while")
    return delivery


def _sound(stores: Stores, actor: Actor) -> Stores:
    """Once it is sure that the actor still stands."""
    if actor != SYSTEM:
        stores.records.check_guard(guard_of(actor))
    return stores
