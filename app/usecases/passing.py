"""Whether a record fulfils a condition, as cheaply as it can be known: from the request, from the record, or by a statement."""

from collections.abc import Callable, Mapping
from typing import Any

from app.usecases.rulebook import Ruling
from domain.rules.evaluate import holds_bound
from domain.rules.shape import Bound
from domain.schema.collection import Collection
from ports.unit_of_work import Stores


def draft_passes(stores: Stores, collection: Collection, record: Mapping[str, Any], ruling: Ruling, where: Bound) -> bool:
    """Of a record that is not kept yet."""
    return _decided(record, ruling, where, lambda: stores.records.draft_matches(collection, record, where))


def kept_passes(stores: Stores, collection: Collection, record: Mapping[str, Any], ruling: Ruling, where: Bound) -> bool:
    return _decided(record, ruling, where, lambda: stores.records.matches(collection, record["id"], where))


def _decided(record: Mapping[str, Any], ruling: Ruling, where: Bound, ask: Callable[[], bool]) -> bool:
    """What the request or the record tells by itself costs no statement."""
    if where.constant is not None:
        return where.constant
    return holds_bound(where, record) if ruling.local else ask()
