"""Values of PocketBase as bodies have them here. Zero values: `""` is absence, and so is the place 0, 0; 0 and false are 0 and false."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from domain.pocketbase.fields import is_many
from domain.schema.fields import Unfit

Read = Callable[[Any], Any]


def reader(field: Mapping[str, Any], *, zero_is_nothing: bool = False) -> Read:
    """What makes the value here of what lies in the column of this field. Where a field's limits keep 0 out, 0 was no value there."""
    read = _reader(field)
    return (lambda value: read(value) or None) if zero_is_nothing else read


def _reader(field: Mapping[str, Any]) -> Read:
    kind = str(field.get("type"))
    if kind in ("select", "relation", "file") and is_many(field):
        return _list
    if kind == "number":
        return _whole if field.get("onlyInt") else _number
    return _READERS.get(kind, _text)


def _text(value: Any) -> Any:
    return None if value in ("", None) else value


def _number(value: Any) -> Any:
    return 0 if value is None else value


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else _number(value)


def _truth(value: Any) -> Any:
    return bool(value) if value in (0, 1, None) else value


def _document(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value else None
    except (ValueError, RecursionError) as broken:
        raise Unfit("invalid_json", "this is no JSON") from broken


def _list(value: Any) -> Any:
    found = _document(value)
    return [found] if isinstance(found, str) and found else found or None


def _place(value: Any) -> Any:
    place = _document(value)
    return None if place == {"lon": 0, "lat": 0} else place


_READERS: dict[str, Read] = {"bool": _truth, "json": _document, "geoPoint": _place}
