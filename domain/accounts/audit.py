"""Who did what to whom, when and from where, of what gives or takes power over the backend. It names what was changed and never holds a
value, so no secret can be among it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from domain.actor import Actor
from domain.events import Event, Origin

_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """`detail` is for people: the name of a key, the names of fields."""

    id: str
    moment: str
    action: str
    kind: str
    collection: str
    actor: str
    target: str
    address: str
    request: str
    detail: str

    def as_object(self) -> dict[str, Any]:
        by = {"kind": self.kind, "collection": self.collection or None, "id": self.actor or None}
        told = {"id": self.id, "moment": self.moment, "action": self.action, "by": by, "target": self.target}
        return {**told, "address": self.address or None, "request": self.request or None, "detail": self.detail}


def entry(id: str, moment: str, action: str, target: str, *, actor: Actor, address: str, request: str, detail: str) -> Entry:
    """Of one size at most, whatever was changed."""
    return Entry(id, moment, action, actor.kind, actor.collection, actor.id, target, address[:64], request[:64], detail[:_LONGEST])


def acting(id: str, origin: Origin, event: Event) -> Entry:
    """That an admin, acting as an account, did what this event tells of: both are named, and no value is."""
    admin = origin.actor.behind or origin.actor
    detail = f"as {origin.actor.collection} {origin.actor.id}" + (f", in {event.collection}" if event.collection else "")
    action = f"acting.{event.kind}"
    return entry(id, event.moment, action, event.record, actor=admin, address="", request=origin.request, detail=detail)


def named(fields: Iterable[str]) -> str:
    return ", ".join(sorted(fields))
