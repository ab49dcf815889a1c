"""What a rule reads of the request: the actor, its own record where a rule asks for it, the body, the query, the headers."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from domain.actor import Actor
from domain.errors import Invalid
from domain.rules.values import RequestFacts, Values
from domain.schema.collection import Collection
from domain.schema.fields import RelationField
from ports.unit_of_work import Stores

Names = tuple[str, ...]
Paths = frozenset[Names]
# Each of them costs a statement.
MAX_LOADED = 200


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
    account = _Account(stores)
    found = (each for names in paths for each in account.follow(collection, actor.id, names[1:], ("auth",)))
    return {path: value for path, value in found if value is not None}


class _Account:
    """Follows names from the account's record; each record on the way is loaded once."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._seen: dict[tuple[str, str], Mapping[str, Any] | None] = {}

    def follow(self, collection: Collection, id: str, names: Names, before: Names) -> Iterator[tuple[Names, Any]]:
        """The values that `names` lead to from the record with this id, each with its path. A relation of many has its ids under
        its own path, and what they lead to under theirs, by position; inside a json field the rules find their way by themselves."""
        record, name, rest = self._loaded(collection, id), names[0], names[1:]
        field = collection.every_field.get(name)
        if record is None or field is None:
            if record is not None and name in ("collectionId", "collectionName"):
                yield (*before, name), collection.id if name == "collectionId" else collection.name
            return
        value, path = record[name], (*before, name)
        if not rest or value is None or not isinstance(field, RelationField):
            yield path, value
            return
        target = self._stores.schema.collection(field.collection)
        if not field.many:
            yield from self.follow(target, value, rest, path)
            return
        yield path, value
        for at, each in enumerate(value):
            yield from self.follow(target, each, rest, (*path, str(at)))

    def _loaded(self, collection: Collection, id: str) -> Mapping[str, Any] | None:
        key = (collection.name, id)
        if key not in self._seen:
            if len(self._seen) >= MAX_LOADED:
                detail = f"beyond the limit `account_records`: a rule reads at most {MAX_LOADED} records that the account points at"
                raise Invalid(detail, code="limit_exceeded", hint="let the rule ask `@collection` instead")
            self._seen[key] = self._stores.records.load(collection, id)
        return self._seen[key]
