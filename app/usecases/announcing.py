"""Events of records that were changed set by set, where the store cannot tell what they were before."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from domain.records.events import updated
from domain.schema.collection import Collection
from ports.unit_of_work import Stores

Records = dict[str, Mapping[str, Any]]
_AT_ONCE = 500


def loaded(stores: Stores, collection: Collection, ids: Sequence[str]) -> Records:
    """By id."""
    parts = (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))
    return {record["id"]: record for part in parts for record in stores.records.load_many(collection, part)}


@contextmanager
def announced(stores: Stores, collection: Collection, ids: Sequence[str]) -> Iterator[None]:
    """For what changes these records, which are held against other writers."""
    before = loaded(stores, collection, ids) if ids else {}
    yield
    announce_updates(stores, collection, before)


def announce_updates(stores: Stores, collection: Collection, before: Records) -> None:
    """Of those whose version has grown."""
    after = loaded(stores, collection, list(before))
    for id, record in before.items():
        if id in after and after[id]["version"] != record["version"]:
            stores.outbox.add(updated(collection, record, after[id]))
