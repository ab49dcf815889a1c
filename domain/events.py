"""Events: facts that are committed together with the change that they tell of, and whoever made it.

What happened to records is in `records.events`; other capabilities bring kinds of their own. How events are kept and in which order
they are told is the outbox's business.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.actor import SYSTEM, Actor


@dataclass(frozen=True, slots=True)
class Origin:
    """In whose name something happens. `request` is the id of the request, `address` where it came from; "" where there was none."""

    actor: Actor = SYSTEM
    request: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """`kind` is a plural and what happened to it (`records.created`); `payload` is what JSON can say, decimals as text. An event is kept
    for a day and read by others than the record is: no password, hash, token or secret link belongs into it.
    `collection` is what it was called then; its id stays."""

    kind: str
    moment: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    collection: str = ""
    collection_id: str = ""
    record: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """An event as subscribers hear it. `id` is its own for good, so that whoever hears it again knows it; `position` is its place in the
    order of the outbox."""

    id: int
    position: int
    origin: Origin
    event: Event

    @property
    def kind(self) -> str:
        return self.event.kind

    @property
    def moment(self) -> str:
        return self.event.moment

    @property
    def actor(self) -> Actor:
        return self.origin.actor

    @property
    def collection(self) -> str:
        """Its name by then, "" where it is about none."""
        return self.event.collection

    @property
    def record(self) -> str:
        """The id of the record or account that it is about."""
        return self.event.record

    @property
    def payload(self) -> Mapping[str, Any]:
        return self.event.payload

    @property
    def before(self) -> Mapping[str, Any] | None:
        """The whole record before the change; None where there was none."""
        return self.event.payload.get("before")

    @property
    def after(self) -> Mapping[str, Any] | None:
        return self.event.payload.get("after")
