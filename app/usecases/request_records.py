"""The records that a rule reads through a request: what the actor's own record leads to, and what the relations of a body name.

Each record on the way is loaded once, those of one step together.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from domain.errors import Invalid
from domain.records.reading import Reading
from domain.rules.scope import Scope
from domain.rules.shape import ANYTHING
from domain.schema.collection import Collection
from domain.schema.fields import RelationField
from domain.schema.fields.relations import RECORD_ID
from ports.unit_of_work import Stores

Names = tuple[str, ...]
Place = tuple[Names, Any]
# A list in the request becomes one comparison for each of its elements, and the engines nest those only so deep.
MAX_LOADED = 200


class RequestRecords:
    """For one request."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._records: dict[tuple[str, str], Mapping[str, Any] | None] = {}
        self._back: dict[tuple[str, str, str], tuple[str, ...]] = {}
        self._left = MAX_LOADED

    def follow(self, collection: Collection, places: Sequence[Place], names: Names) -> Iterator[Place]:
        """The values that `names` lead to from records of the collection, each with its path; `places` are the paths at which their
        ids stand, with what was found there. A relation of many, or back, has its ids under its own path, and what they lead to under
        theirs, by position; inside a json field the rules find their way by themselves. Where an id leads nowhere the next name has
        null, or the rules would look into what a body says there instead."""
        if not places:
            return
        name, rest = names[0], names[1:]
        found = Scope(self._stores.schema, collection).back(name, (collection.name,))
        if found is None:
            reached = self._values(collection, places, name)
            field = collection.every_field.get(name)
            target, many = (field.collection, field.many) if isinstance(field, RelationField) else ("", False)
        else:
            reached = [((*path, name), ids) for path, ids in self._pointing(*found, places)]
            target, many = found[0].name, True
        if many or not rest or not target:
            yield from reached
        if rest and target:
            onwards = [place for path, value in reached for place in places_of(path, value, many=many)]
            yield from self.follow(self._stores.schema.collection(target), onwards, rest)

    def _values(self, collection: Collection, places: Sequence[Place], name: str) -> list[Place]:
        records = self._loaded(collection, [id for _, id in places if _is_id(id)])
        return [((*path, name), _value(collection, records.get(id) if _is_id(id) else None, name)) for path, id in places]

    def _loaded(self, collection: Collection, ids: Iterable[str]) -> Mapping[str, Mapping[str, Any] | None]:
        wanted = dict.fromkeys(ids)
        missing = [id for id in wanted if (collection.name, id) not in self._records]
        self._spend(len(missing))
        self._records.update({(collection.name, id): None for id in missing})
        self._records.update({(collection.name, each["id"]): each for each in self._load(collection, missing)})
        return {id: self._records[collection.name, id] for id in wanted}

    def _load(self, collection: Collection, ids: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        if len(ids) != 1:
            return self._stores.records.load_many(collection, ids) if ids else ()
        record = self._stores.records.load(collection, ids[0])
        return () if record is None else (record,)

    def _pointing(self, other: Collection, relation: RelationField, places: Sequence[Place]) -> Iterator[tuple[Names, Any]]:
        ids = dict.fromkeys(id for _, id in places if _is_id(id))
        missing = [id for id in ids if (other.name, relation.name, id) not in self._back]
        if missing:
            self._look_back(other, relation, missing)
        return ((path, self._back[other.name, relation.name, id] if _is_id(id) else None) for path, id in places)

    def _look_back(self, other: Collection, relation: RelationField, ids: Sequence[str]) -> None:
        """One more than there may be, so that none is left out unseen."""
        most = self._left + 1
        rows = self._stores.records.pointing(Reading(other, ("id",), ANYTHING), relation, ids, each=most, limit=most)
        self._spend(len(rows))
        found: dict[str, list[str]] = {id: [] for id in ids}
        for target, row in rows:
            found[target].append(row[0])
        self._back.update({(other.name, relation.name, target): tuple(each) for target, each in found.items()})

    def _spend(self, records: int) -> None:
        self._left -= records
        if self._left < 0:
            detail = f"beyond the limit `request_records`: rules read at most {MAX_LOADED} records that the account or the body leads to"
            raise Invalid(detail, code="limit_exceeded", hint="send shorter lists, or let the rule ask `@collection` instead")


def places_of(path: Names, value: Any, *, many: bool) -> list[Place]:
    """Where each id stands in what a relation holds; what is no list is its own only element, as it is for the rules."""
    if not many or not isinstance(value, (list, tuple)):
        return [(path, value)]
    return [((*path, str(at)), each) for at, each in enumerate(value)]


def _is_id(value: Any) -> bool:
    """A body may hold anything."""
    return isinstance(value, str) and RECORD_ID.fullmatch(value) is not None


def _value(collection: Collection, record: Mapping[str, Any] | None, name: str) -> Any:
    if record is None or name in record:
        return None if record is None else record[name]
    return {"collectionId": collection.id, "collectionName": collection.name}.get(name)
