"""From what happened to messages for those who asked to be told: one for each endpoint, of what its reader may see and no more. Sending
them is `webhook_sending`'s business."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from app.usecases.events import EventUseCases
from app.usecases.passing import draft_passes
from app.usecases.request_values import request_values
from app.usecases.rulebook import Rulebook, Ruling
from app.usecases.sights import masked_in, sights_for
from domain.actor import GUEST, SYSTEM, Actor, account
from domain.errors import Forbidden, Invalid, NotFound, Unauthenticated
from domain.events import Told
from domain.records.visibility import Sight, present
from domain.rules.bound import Bound
from domain.rules.shape import shape
from domain.rules.values import RequestFacts
from domain.schema import account_fields
from domain.schema.collection import Collection
from domain.webhooks import endpoints
from domain.webhooks.deliveries import Delivery
from domain.webhooks.endpoints import KINDS, Endpoint, Reader, Subscription
from domain.webhooks.messages import differing, of_record, snapshot
from ports.clock import Clock, Ids
from ports.observer import Observation, Observer
from ports.unit_of_work import Stores, UnitOfWork

SUBSCRIBER = "webhooks"
# Whether there are any endpoints at all is looked up once in so many seconds: another process may have made the first.
_KNOWN_FOR = 1.0
_FACTS = RequestFacts("GET")


@dataclass(frozen=True, slots=True)
class FilterUnfit(Observation):
    """A filter that names what is not there any more: the endpoint is told nothing of that collection."""

    webhook: str
    collection: str


class WebhookFanout:
    """`rouse` is called once something is to be sent: whoever sends puts it there."""

    def __init__(
        self, work: UnitOfWork, events: EventUseCases, rulebook: Rulebook, clock: Clock, ids: Ids, observer: Observer
    ) -> None:
        self._work, self._rulebook, self._clock, self._ids, self._observer = work, rulebook, clock, ids, observer
        self._is_wanted, self._until = False, float("-inf")
        self.rouse: Callable[[], None] = lambda: None
        events.expect(SUBSCRIBER, KINDS, self.hear, self.is_wanted)

    def is_wanted(self) -> bool:
        if monotonic() >= self._until:
            self._is_wanted = self._work.read(lambda stores: stores.webhooks.any())
            self._until = monotonic() + _KNOWN_FOR
        return self._is_wanted

    def look_again(self) -> None:
        self._until = float("-inf")

    def hear(self, event: Told) -> None:
        """Told again of an event, it makes no second message of it."""
        made = self._work.read(lambda stores: list(self._messages(stores, event)), snapshot=True)
        if made:
            self._work.run(lambda stores: self._post(stores, event, made))
            self.rouse()

    def _post(self, stores: Stores, event: Told, made: Sequence[Delivery]) -> None:
        """Unless what it told has been erased since we heard it: nobody would come by again to erase these."""
        if (event.before is None and event.after is None) or stores.outbox.stands(event.id):
            stores.webhooks.post(made)

    def _messages(self, stores: Stores, event: Told) -> Iterator[Delivery]:
        taking = [(each, each.takes(event)) for each in stores.webhooks.all()]
        collection = _by_id(stores, event.event.collection_id)
        if collection is None:
            return
        for endpoint, subscription in taking:
            body = self._body(stores, collection, endpoint, subscription, event) if subscription else None
            if body is not None:
                yield Delivery(
                    self._ids.new(), endpoint.id, event.kind, body, event.id, event.position, collection.id, event.record
                )

    def _body(
        self, stores: Stores, collection: Collection, endpoint: Endpoint, subscription: Subscription, event: Told
    ) -> str | None:
        """None where nothing of it is for this reader."""
        actor = actor_of(stores, endpoint.reader)
        ruling = self._ruling(stores, collection, actor) if actor else None
        if actor is None or ruling is None:
            return None
        values = event.before if event.after is None else event.after
        if values is None:
            # Erased: that it is gone they must hear who may have a copy, and nothing of it is left to be judged.
            return of_record(event, None)
        record = snapshot(collection, values)
        if not self._passes(stores, collection, record, ruling, actor):
            return None
        if subscription.filter and not self._is_picked(stores, collection, record, endpoint, subscription, actor):
            return None
        sight = sights_for(self._rulebook, stores, actor, _FACTS, self._clock.now()).of(collection)
        shown = _shown(stores, collection, record, sight)
        return of_record(event, shown, self._changed(stores, collection, ruling, sight, actor, event, shown))

    def _changed(
        self, stores: Stores, collection: Collection, ruling: Ruling, sight: Sight, actor: Actor, event: Told, shown: Mapping[str, Any]
    ) -> list[str] | None:  # fmt: skip
        """Which fields read differently to them than before; None where they could not see the record then. That a value has changed,
        or has not, tells of what it was."""
        if event.before is None or event.after is None:
            return None
        before = snapshot(collection, event.before)
        if not self._passes(stores, collection, before, ruling, actor):
            return None
        return differing(_shown(stores, collection, before, sight), shown)

    def _ruling(self, stores: Stores, collection: Collection, actor: Actor) -> Ruling | None:
        try:
            return self._rulebook.rule(stores.schema, collection, "view", actor)
        except (Forbidden, NotFound, Unauthenticated):
            return None

    def _is_picked(
        self, stores: Stores, collection: Collection, record: Mapping[str, Any], endpoint: Endpoint, subscription: Subscription,
        actor: Actor,
    ) -> bool:  # fmt: skip
        try:
            ruling = self._rulebook.condition(stores.schema, collection, subscription.filter)
        except Invalid:
            # Changes of the schema that would break it are refused; should one get by, too little is told rather than too much.
            self._observer.observe(FilterUnfit(endpoint.id, collection.name))
            return False
        return self._passes(stores, collection, record, ruling, actor)

    def _passes(self, stores: Stores, collection: Collection, record: Mapping[str, Any], ruling: Ruling, actor: Actor) -> bool:
        if ruling.is_open:
            return True
        values = request_values(stores, ruling.paths, actor, _FACTS, None, self._clock.now())
        return draft_passes(stores, collection, record, ruling, shape(ruling.condition, values))


def actor_of(stores: Stores, reader: Reader) -> Actor | None:
    """None where the account is gone or disabled: nobody sees anything with its eyes then."""
    if reader.kind != endpoints.ACCOUNT:
        return SYSTEM if reader.kind == endpoints.ADMIN else GUEST
    collection = _by_id(stores, reader.collection)
    record = stores.records.load(collection, reader.id) if collection else None
    known = stores.accounts.credentials_of(collection, reader.id) if collection and record else None
    if collection is None or record is None or known is None or record[account_fields.DISABLED]:
        return None
    return account(reader.id, collection.name, known.epoch)


def _by_id(stores: Stores, id: str) -> Collection | None:
    return next((each for each in stores.schema.collections.values() if each.id == id), None)


def _shown(stores: Stores, collection: Collection, record: Mapping[str, Any], sight: Sight) -> dict[str, Any]:
    masked = _masked(stores, collection, record, sight)
    return dict(zip(sight.names, present(sight.names, record, masked), strict=True))


def _masked(stores: Stores, collection: Collection, record: Mapping[str, Any], sight: Sight) -> frozenset[str]:
    if sight.local:
        return masked_in(sight.masks, record)
    asked = ((name, Bound(condition, sight.masks.values)) for name, condition in sight.masks.conditions)
    return frozenset(name for name, where in asked if not stores.records.draft_matches(collection, record, where))
