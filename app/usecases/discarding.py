"""What a deletion keeps of every record, as it was before anything was cleared: its event, and in a collection that has a trash its
entry there. An erasure keeps that there was one, and nothing of what it said."""

from collections.abc import Mapping, Sequence

from domain.files.names import sizes_of
from domain.records.events import deleted, erased
from domain.records.trash import Deletion, Key, new_entry, references
from domain.schema.collection import Collection
from domain.schema.fields import RelationField
from ports.clock import Ids
from ports.unit_of_work import Stores

# Documents that are in memory at once.
_CHUNK = 500


def discard(stores: Stores, doomed: Mapping[str, Mapping[str, None]], deletion: Deletion, ids: Ids) -> None:
    for name, going in doomed.items():
        collection, every = stores.schema.collection(name), list(going)
        for start in range(0, len(every), _CHUNK):
            _put(stores, collection, every[start : start + _CHUNK], doomed, deletion, ids)
            if deletion.erased:
                stores.outbox.relieve()  # a person may have very many records


def note_cleared(stores: Stores, holder: Collection, relation: RelationField, ids: Sequence[str], deletion: Deletion) -> None:
    """Before the relation to these is cleared. Who holds it is held first: what is noted is what will be cleared."""
    target = stores.schema.collection(relation.collection)
    if target.trash is not None:
        stores.records.referrers(holder, relation.name, ids)
        stores.trash.note_cleared(holder, relation, target.id, deletion.id)


def _put(
    stores: Stores,
    collection: Collection,
    chunk: Sequence[str],
    doomed: Mapping[str, Mapping[str, None]],
    deletion: Deletion,
    ids: Ids,
) -> None:
    records = {record["id"]: record for record in stores.records.load_many(collection, chunk)}
    there = [records[id] for id in chunk if id in records]
    for record in there:
        stores.outbox.add((erased if deletion.erased else deleted)(collection, record, deletion.now))
    if collection.file_fields and (collection.trash is None or deletion.erased):
        sizes = {key: size for record in there for key, size in sizes_of(collection, record).items()}
        stores.files.let_go(collection.id, sizes, deletion.now)
    if collection.trash is not None and not deletion.erased:
        stores.trash.put([
            new_entry(collection, record, _went_with(stores, collection, record, doomed), deletion, ids.new()) for record in there
        ])  # fmt: skip


def _went_with(
    stores: Stores, collection: Collection, record: Mapping[str, object], doomed: Mapping[str, Mapping[str, None]]
) -> tuple[Key, ...]:
    return tuple(
        (stores.schema.collection(relation.collection).id, id)
        for relation, id in references(collection, record)
        if relation.on_delete == "cascade" and id in doomed.get(relation.collection, ())
    )
