"""What a rule reads of the request: the actor, its own record where a rule asks for it, the body, the query, the headers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from domain.actor import Actor
from domain.rules.values import RequestFacts, Values
from domain.schema.collection import Collection
from domain.schema.fields import RelationField
from ports.unit_of_work import Stores

Paths = frozenset[tuple[str, ...]]


def request_values(
    stores: Stores,
    paths: Paths,
    actor: Actor,
    facts: RequestFacts,
    body: Mapping[str, Any] | None,
    now: datetime,
    *,
    creating: bool = False,
) -> Values:
    """Only what `paths` name is gathered; the actor's record costs one keyed SELECT, and only where a rule reads more than its id."""
    known: dict[tuple[str, ...], Any] = {}
    for path in paths:
        source, name = path[0], path[1] if len(path) > 1 else ""
        if source == "body":
            _put(known, ("body", name), body or {}, name)
        elif source in ("query", "headers"):
            _put(known, path, getattr(facts, source), name)
        elif source != "auth":
            known[path] = getattr(facts, source)
        elif not actor.is_guest and not _needs_record(path):
            known[path] = {"id": actor.id, "collectionName": actor.collection}[name]
    known.update(_of_account(stores, [path for path in paths if _needs_record(path)], actor))
    return Values(now, known, creating)


def _put(known: dict[tuple[str, ...], Any], path: tuple[str, ...], source: Mapping[str, Any], name: str) -> None:
    """A null in a body is there; what is not named is not."""
    if name in source:
        known[path] = source[name]


def _needs_record(path: tuple[str, ...]) -> bool:
    return path[0] == "auth" and path[1] not in ("id", "collectionName")


def _of_account(stores: Stores, paths: list[tuple[str, ...]], actor: Actor) -> dict[tuple[str, ...], Any]:
    collection = stores.schema.collections.get(actor.collection)
    if not paths or collection is None:
        return {}
    seen: dict[tuple[str, str], Mapping[str, Any] | None] = {}
    found = (_follow(stores, collection, actor.id, path[1:], seen) for path in paths)
    return {("auth", *names): value for names, value in found if value is not None}


def _follow(
    stores: Stores, collection: Collection, id: str, names: tuple[str, ...], seen: dict[tuple[str, str], Any]
) -> tuple[tuple[str, ...], Any]:
    """The value that `names` lead to from the record with this id, through single relations, and the names up to it: inside
    a json field the rules find their way by themselves."""
    value: Any = id
    for at, name in enumerate(names):
        key = (collection.name, value)
        if key not in seen:
            seen[key] = stores.records.load(collection, value)
        record, field = seen[key], collection.every_field.get(name)
        if record is not None and name in ("collectionId", "collectionName") and field is None:
            return names, collection.id if name == "collectionId" else collection.name
        if record is None or field is None:
            return names, None
        value = record[name]
        if value is None or not isinstance(field, RelationField) or at == len(names) - 1:
            return names[: at + 1], value
        collection = stores.schema.collection(field.collection)
    return names, value
