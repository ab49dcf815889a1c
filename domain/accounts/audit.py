"""Who did what to whom, when and from where, of what gives or takes power over the backend. It names what was changed and never holds a
value, so no secret can be among it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from domain.actor import Actor
from domain.errors import invalid
from domain.events import Event, Origin
from domain.schema.fields.times import read_instant, write_instant

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


@dataclass(frozen=True, slots=True)
class Wanted:
    """Of which entries are wanted, each part "" where it does not matter. `by` is the id of whoever did it; `since` is the first moment,
    `until` the first one no more."""

    action: str = ""
    by: str = ""
    target: str = ""
    address: str = ""
    since: str = ""
    until: str = ""


FILTERS = tuple(each.name for each in fields(Wanted))
_LONGEST_FILTER = 200


def read_wanted(asked: Mapping[str, str]) -> Wanted:
    given = {name: asked[name] for name in FILTERS if asked.get(name)}
    for name, value in given.items():
        if len(value) > _LONGEST_FILTER:
            raise invalid(name, "too_long", f"`{name}` has at most {_LONGEST_FILTER} characters")
    for name in {"since", "until"} & given.keys():
        given[name] = _instant(name, given[name])
    return Wanted(**given)


def _instant(name: str, text: str) -> str:
    found = read_instant(text)
    if found is None:
        raise invalid(name, "invalid_instant", f"`{name}` is an instant, as 2026-11-23T12:00:00Z")
    return write_instant(found)


def entry(id: str, moment: str, action: str, target: str, *, actor: Actor, address: str, request: str, detail: str) -> Entry:
    """Of one size at most, whatever was changed."""
    return Entry(id, moment, action, actor.kind, actor.collection, actor.id, target, address[:64], request[:64], detail[:_LONGEST])


# Events that are entries as well: what gives, takes or uses power over an account or the backend. API keys have entries of their own.
_NOTED = (
    "accounts.signed_in", "accounts.signed_out", "accounts.sessions_ended", "accounts.stepped_up", "accounts.password_changed",
    "accounts.email_changed", "accounts.verified", "factors.added", "factors.removed", "factors.renewed", "signing_keys.rotated",
    "invitations.invited", "invitations.sent", "invitations.withdrawn", "own_keys.created", "own_keys.revoked",
    "webhooks.saved", "webhooks.removed", "webhooks.renewed", "webhooks.tested", "webhooks.replayed",
    "inbound.saved", "inbound.removed",
    "schedules.saved", "schedules.removed", "schedules.run_once",
    "collections.created", "collections.changed", "collections.deleted", "trash.emptied",
)  # fmt: skip


def entries_of(new_id: Callable[[], str], origin: Origin, event: Event) -> Sequence[Entry]:
    """What the audit trail is told of an event."""
    noted = [happened(new_id(), origin, event)] if event.kind in _NOTED else []
    return [*noted, acting(new_id(), origin, event)] if origin.actor.behind else noted


def happened(id: str, origin: Origin, event: Event) -> Entry:
    """Of what the event tells only words of ours: the way in, the kind of factor, the id of a key."""
    words = [event.payload[name] for name in ("by", "factor", "key") if isinstance(event.payload.get(name), str)]
    detail = " ".join(each for each in (event.collection, *words) if each)
    target = event.record or event.collection_id
    return entry(id, event.moment, event.kind, target, actor=origin.actor, address=origin.address, request=origin.request, detail=detail)


def acting(id: str, origin: Origin, event: Event) -> Entry:
    """That an admin, acting as an account, did what this event tells of: both are named, and no value is."""
    admin = origin.actor.behind or origin.actor
    detail = f"as {origin.actor.collection} {origin.actor.id}" + (f", in {event.collection}" if event.collection else "")
    action = f"acting.{event.kind}"
    return entry(id, event.moment, action, event.record, actor=admin, address=origin.address, request=origin.request, detail=detail)


def named(fields: Iterable[str]) -> str:
    return ", ".join(sorted(fields))
