"""Endpoints of other servers: what each is told of, and as whom it sees it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from domain.errors import Invalid, did_you_mean, invalid
from domain.events import Told
from domain.outgoing import read_target
from domain.records.events import CREATED, DELETED, UPDATED
from domain.schema.collection import MAX_RULE, Collection, Schema
from domain.schema.fields.relations import RECORD_ID
from domain.schema.fields.times import read_instant

KINDS = (CREATED, UPDATED, DELETED)
# As people write them: what happens to the records of a collection.
EVENTS = tuple(kind.removeprefix("records.") for kind in KINDS)
ADMIN, GUEST, ACCOUNT = "admin", "guest", "account"
ENABLED, DISABLED = "enabled", "disabled"
# Why one is disabled: by an admin, by its own wish (410), and because more waits for it than we keep.
BY_ADMIN, GONE, OVERRUN = "admin", "gone", "overrun"

# Each event is held against each of them.
MOST = 100
_MOST_SUBSCRIPTIONS = 50
_LONGEST_NAME = 100
_PARTS = ("name", "url", "as", "subscriptions", "enabled")
_OF_SUBSCRIPTION = ("collection", "events", "filter")


@dataclass(frozen=True, slots=True)
class Subscription:
    """`collection` is its id: one that is renamed stays the same. Without a `filter` it takes every record that the reader sees."""

    collection: str
    events: tuple[str, ...] = EVENTS
    filter: str = ""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who the receiver is to rules; of an account `collection` is the id of its collection."""

    kind: str
    collection: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Breaker:
    """`failures` came one after another; `again` is when it is asked next, in milliseconds, None where nothing stands against it."""

    failures: int = 0
    again: int | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`since` is the place in the outbox of the last event from before it."""

    id: str
    name: str
    url: str
    reader: Reader
    subscriptions: tuple[Subscription, ...]
    created: str
    state: str = ENABLED
    reason: str = ""
    breaker: Breaker = field(default_factory=Breaker)
    since: int = 0

    def takes(self, event: Told) -> Subscription | None:
        """The subscription by which it is told of this; None where it is not."""
        if self.state != ENABLED or event.position <= self.since:
            return None
        collection, happened = event.event.collection_id, event.kind.removeprefix("records.")
        return next((each for each in self.subscriptions if each.collection == collection and happened in each.events), None)

    def as_object(self, names: Mapping[str, str]) -> dict[str, Any]:
        """As its admin wrote it. `names` are those of collections by their ids; what is gone is not told."""
        subscriptions = [
            {"collection": names[each.collection], "events": list(each.events), "filter": each.filter}
            for each in self.subscriptions
            if each.collection in names
        ]
        return {
            "name": self.name, "url": self.url, "as": written_reader(self.reader, names), "subscriptions": subscriptions,
            "enabled": self.state == ENABLED,
        }  # fmt: skip


def read_endpoint(body: Mapping[str, Any], schema: Schema, *, id: str, created: str, loopback: bool) -> Endpoint:
    """As an admin wrote it; Invalid with a pointer for each part that cannot be. Filters are understood by the rulebook."""
    _check_names(body, _PARTS, "")
    name, enabled = body.get("name", ""), body.get("enabled", True)
    if not isinstance(name, str) or len(name) > _LONGEST_NAME or not (name == "" or name.isprintable()):
        raise invalid("/name", "invalid_webhook", f"`name` says whose it is, in a line of at most {_LONGEST_NAME} characters")
    if not isinstance(enabled, bool):
        raise invalid("/enabled", "wrong_type", "`enabled` is true or false")
    made = Endpoint(
        id, name, read_url(body.get("url"), loopback=loopback), read_reader(body.get("as"), schema),
        _subscriptions(body.get("subscriptions"), schema), created,
    )  # fmt: skip
    return made if enabled else disabled(made, BY_ADMIN)


def changed(endpoint: Endpoint, body: Mapping[str, Any], schema: Schema, *, loopback: bool) -> Endpoint:
    """With what the body says in place of what was said before; one that is enabled begins anew."""
    _check_names(body, _PARTS, "")
    written = endpoint.as_object(names_of(schema))
    made = read_endpoint({**written, **body}, schema, id=endpoint.id, created=endpoint.created, loopback=loopback)
    if made.state == DISABLED and endpoint.state == DISABLED:
        return disabled(made, endpoint.reason)
    is_anew = endpoint.state == DISABLED or made.url != endpoint.url
    return replace(made, breaker=made.breaker if is_anew else endpoint.breaker, since=endpoint.since)


def disabled(endpoint: Endpoint, reason: str) -> Endpoint:
    return replace(endpoint, state=DISABLED, reason=reason, breaker=Breaker())


def names_of(schema: Schema) -> Mapping[str, str]:
    return {each.id: each.name for each in schema.collections.values()}


def read_url(url: Any, *, loopback: bool) -> str:
    if not isinstance(url, str) or not url:
        raise invalid("/url", "required", "`url` is where the receiver takes messages: https://…")
    try:
        read_target(url, loopback=loopback)
    except ValueError as wrong:
        raise refused_url(str(wrong)) from wrong
    return url


def read_since(body: Mapping[str, Any]) -> datetime:
    """From when on what was given up is wanted again."""
    _check_names(body, ("since",), "")
    since = body.get("since")
    found = read_instant(since) if isinstance(since, str) else None
    if found is None:
        raise invalid("/since", "wrong_type", "`since` is an instant", hint="for example 2026-01-31T08:00:00.000Z")
    return found


def refused_url(why: str = "") -> Invalid:
    """Says nothing of what is behind the address: who may name one could look around in our network by it."""
    told = "`url` is not an address that messages are sent to" + (f": {why}" if why else "")
    return invalid("/url", "invalid_webhook", told, hint="give the https address of a server that the whole internet can ask")


def read_reader(written: Any, schema: Schema, pointer: str = "/as") -> Reader:
    if written in (ADMIN, GUEST):
        return Reader(str(written))
    collection, _, id = written.partition("/") if isinstance(written, str) else ("", "", "")
    found = schema.collections.get(collection)
    if found is None or not found.is_accounts or found.system or not RECORD_ID.fullmatch(id):
        hint = 'as "users/<id of the account>", "guest" or "admin"'
        raise invalid(pointer, "invalid_webhook", "`as` says whose rights there are: what they may not, is not done", hint=hint)
    return Reader(ACCOUNT, found.id, id)


def written_reader(reader: Reader, names: Mapping[str, str]) -> str | None:
    """None where the accounts that it was one of are gone."""
    if reader.kind != ACCOUNT:
        return reader.kind
    return f"{names[reader.collection]}/{reader.id}" if reader.collection in names else None


def _subscriptions(written: Any, schema: Schema) -> tuple[Subscription, ...]:
    if not isinstance(written, list) or len(written) > _MOST_SUBSCRIPTIONS:
        hint = 'write [{"collection": "posts", "events": ["created"]}]'
        told = f"`subscriptions` are a list of at most {_MOST_SUBSCRIPTIONS}"
        raise invalid("/subscriptions", "wrong_type", told, hint=hint)
    found: dict[str, Subscription] = {}
    for at, each in enumerate(written):
        one = _subscription(each, schema, f"/subscriptions/{at}")
        if one.collection in found:
            raise invalid(f"/subscriptions/{at}/collection", "invalid_webhook", "a collection has one subscription of an endpoint")
        found[one.collection] = one
    return tuple(found.values())


def _subscription(written: Any, schema: Schema, pointer: str) -> Subscription:
    if not isinstance(written, dict):
        raise invalid(pointer, "not_an_object", 'a subscription is like {"collection": "posts", "events": ["created"]}')
    _check_names(written, _OF_SUBSCRIPTION, pointer)
    filter = written.get("filter", "")
    if not isinstance(filter, str) or len(filter) > MAX_RULE:
        raise invalid(f"{pointer}/filter", "wrong_type", f"`filter` is a text of at most {MAX_RULE} characters")
    collection = _collection(written.get("collection"), schema, f"{pointer}/collection")
    return Subscription(collection.id, _events(written.get("events", list(EVENTS)), f"{pointer}/events"), filter.strip())


def _collection(name: Any, schema: Schema, pointer: str) -> Collection:
    found = schema.collections.get(name) if isinstance(name, str) else None
    if found is None or found.system:
        hint = did_you_mean(str(name)[:80], [each.name for each in schema.collections.values() if not each.system])
        raise invalid(pointer, "unknown_collection", f"there is no collection `{str(name)[:80]}`", hint=hint)
    if found.is_view:
        told = f"`{found.name}` is a view: nothing happens to its records, but to those that it reads"
        raise invalid(pointer, "invalid_webhook", told)
    return found


def _events(written: Any, pointer: str) -> tuple[str, ...]:
    if not isinstance(written, list) or not written or any(each not in EVENTS for each in written):
        raise invalid(pointer, "invalid_webhook", f"`events` are a list, of {', '.join(EVENTS)}")
    return tuple(each for each in EVENTS if each in written)


def _check_names(body: Mapping[str, Any], known: Sequence[str], pointer: str) -> None:
    for key in body:
        if key not in known:
            hint = did_you_mean(key, list(known))
            raise invalid(f"{pointer}/{key[:80]}", "unknown_field", f"there is no `{key[:80]}` here", hint=hint)
