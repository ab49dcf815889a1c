"""What happened to records, as events: the whole record before and after, by the names that its collection and fields had then.

Whole records hold every stored field, hidden ones too, so whoever passes events on decides who may see what. The secrets of accounts are
no fields and never among them.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from domain.events import Event
from domain.schema.collection import Collection

CREATED, UPDATED, DELETED, IMPORTED = "records.created", "records.updated", "records.deleted", "records.imported"

Record = Mapping[str, Any]


def created(collection: Collection, after: Record) -> Event:
    return _of(CREATED, collection, after, after["updated"], {"before": None, "after": _written(after)})


def updated(collection: Collection, before: Record, after: Record) -> Event:
    return _of(UPDATED, collection, after, after["updated"], {"before": _written(before), "after": _written(after)})


def deleted(collection: Collection, before: Record, moment: str) -> Event:
    return _of(DELETED, collection, before, moment, {"before": _written(before), "after": None})


def erased(collection: Collection, before: Record, moment: str) -> Event:
    """A deletion of which nothing but the fact is told."""
    return _of(DELETED, collection, before, moment, {})


def imported(collection: Collection, moment: str, *, created: int, changed: int) -> Event:
    """In place of an event for each record: so many of them in one transaction."""
    return Event(IMPORTED, moment, {"created": created, "changed": changed}, collection.name, collection.id)


def _of(kind: str, collection: Collection, record: Record, moment: str, payload: Mapping[str, Any]) -> Event:
    return Event(kind, moment, payload, collection.name, collection.id, record["id"], record["version"])


def _written(record: Record) -> dict[str, Any]:
    return {name: format(value, "f") if isinstance(value, Decimal) else value for name, value in record.items()}
