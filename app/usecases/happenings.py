"""What is no change of a record, as hooks and the outbox are told of it: asked before, and an event once it is committed."""

from app.usecases.requests import origin_of
from domain.events import Event, Origin
from domain.hooks.catalogue import CATALOGUE
from domain.hooks.changes import Change
from domain.rules.values import RequestFacts
from domain.schema.collection import Collection
from ports.unit_of_work import Stores


def happens(
    stores: Stores, change: Change, now: str, collection: Collection | None = None, *, record: str | None = None,
    facts: RequestFacts | None = None,
) -> None:  # fmt: skip
    """Called in the transaction in which it happens, once nothing else stands against it. What is done in this body from here on is done
    in the actor's name. `record` is what the event is about, where that is another id than hooks are told; `facts` are of the request,
    where it came with some."""
    stores.outbox.attribute(origin_of(change.actor, facts) if facts else Origin(change.actor, change.request))
    if stores.hooks.any_of(change.event, change.collection):
        stores.hooks.run(change)
    event = _event(change, now, collection, change.subject if record is None else record)
    if not CATALOGUE[change.event].on_demand or stores.hooks.is_heard(change.event):
        stores.outbox.add(event)
    else:
        stores.outbox.remark(event)


def _event(change: Change, now: str, collection: Collection | None, record: str) -> Event:
    id = collection.id if collection else ""
    return Event(CATALOGUE[change.event].committed, now, change.told, change.collection, id, record)
