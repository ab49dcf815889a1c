"""What a receiver is sent: a message by Standard Webhooks (`type`, `timestamp`, `data`), as JSON."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from domain.events import Told
from domain.schema.collection import Collection
from domain.schema.kinds import Kind
from domain.webhooks.deliveries import TEST

# What grows with every change says nothing about which one it was.
_STAMPS = frozenset({"version", "updated"})


def snapshot(collection: Collection, values: Mapping[str, Any]) -> dict[str, Any]:
    """A record as an event has it, in Python form and by the fields that there are now: what is called otherwise since is absent."""
    found: dict[str, Any] = {}
    for name, field in collection.every_field.items():
        value = values.get(name)
        if field.many:
            found[name] = tuple(_read(field.kind, each) for each in value) if isinstance(value, list) else ()
        else:
            found[name] = _read(field.kind, value)
    return found


def _read(kind: Kind, value: Any) -> Any:
    return Decimal(value) if kind is Kind.DECIMAL and isinstance(value, str) else value


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Which fields a change has changed."""
    return [name for name, value in after.items() if name not in _STAMPS and before.get(name) != value]


def of_record(event: Told, record: Mapping[str, Any] | None, changed: list[str] | None = None) -> str:
    """`record` as the reader sees it, None where nothing of it may be told; what was deleted is told as it was."""
    data: dict[str, Any] = {
        "collection": event.collection, "id": event.record, "version": event.event.version, "record": record,
    }  # fmt: skip
    if changed is not None:
        data["changed"] = changed
    return written(event.kind, event.moment, data)


def of_test(moment: str) -> str:
    return written(TEST, moment, {})


def written(kind: str, moment: str, data: Mapping[str, Any]) -> str:
    return json.dumps({"type": kind, "timestamp": moment, "data": data}, ensure_ascii=False, separators=(",", ":"))
