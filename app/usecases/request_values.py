"""What a rule reads of the request: the actor, its own record where a rule asks for it, the body, the query, the headers."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from app.usecases.request_records import RequestRecords, places_of
from domain.actor import Actor
from domain.rules.values import RequestFacts, Values
from domain.schema.fields import RelationField
from ports.unit_of_work import Stores

Names = tuple[str, ...]
Paths = frozenset[Names]


def request_values(
    stores: Stores,
    paths: Paths,
    actor: Actor,
    facts: RequestFacts,
    body: Mapping[str, Any] | None,
    now: datetime,
    *,
    creating: bool = False,
    into: str = "",
) -> Values:
    """Only what `paths` name is gathered; the actor's record costs one keyed SELECT, and only where a rule reads more than its id.
    `into` is the collection that the body is for."""
    known: dict[tuple[str, ...], Any] = {}
    for path in paths:
        source, name = path[0], path[1] if len(path) > 1 else ""
        if source == "body":
            _put(known, ("body", name), body or {}, name)
        elif source in ("query", "headers"):
            _put(known, path, getattr(facts, source), name)
        elif source != "auth":
            known[path] = getattr(facts, source)
        elif actor.kind != "key" and not actor.is_guest and not _needs_record(path):
            known[path] = {"id": actor.id, "collectionName": actor.collection}[name]
    known.update(_behind(stores, paths, actor, body or {}, into))
    return Values(now, known, creating)


def _put(known: dict[tuple[str, ...], Any], path: tuple[str, ...], source: Mapping[str, Any], name: str) -> None:
    """A null in a body is there; what is not named is not."""
    if name in source:
        known[path] = source[name]


def _needs_record(path: tuple[str, ...]) -> bool:
    return path[0] == "auth" and path[1] not in ("id", "collectionName")


def _behind(
    stores: Stores, paths: Paths, actor: Actor, body: Mapping[str, Any], into: str
) -> Iterator[tuple[Names, Any]]:
    """What only other records tell."""
    records, own = RequestRecords(stores), stores.schema.collections.get(actor.collection)
    for path in paths:
        if _needs_record(path) and own is not None:
            yield from records.follow(own, [(("auth",), actor.id)], path[1:])
        elif path[0] == "body" and len(path) > 2 and path[1] in body:
            field = stores.schema.collection(into).every_field[path[1]]
            if isinstance(field, RelationField):
                named = places_of(path[:2], body[path[1]], many=field.many)
                yield from records.follow(stores.schema.collection(field.collection), named, path[2:])
