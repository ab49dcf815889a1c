"""What crosses the door when records are read: what a client asks for, and what it is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.schema.aliases import Deprecated

DEFAULT_LIMIT, MAX_LIMIT = 30, 500


@dataclass(frozen=True, slots=True)
class ListQuery:
    """A list as a client asks for it; texts as they were sent. `page` counts from 1 and excludes `cursor`."""

    filter: str = ""
    sort: str = ""
    limit: int = DEFAULT_LIMIT
    cursor: str | None = None
    page: int | None = None
    count: bool = False
    expand: str = ""
    fields: str = ""
    search: str = ""
    # Whether an answer holds fields under their old names too.
    aliases: bool = True


@dataclass(frozen=True, slots=True)
class Shown:
    """One record as the actor may see it: `names` and `row` side by side, ready for JSON. `expand` holds the related
    records by relation name, each shown the same way. `etag_extra` is what the answer depends on besides the record
    (schema version, visibility, fields); None where there is no validator, as with expand."""

    id: str
    version: int
    created: str
    names: tuple[str, ...]
    row: Sequence[Any]
    expand: Mapping[str, Any] | None = None
    etag_extra: str | None = None
    deprecated: Deprecated | None = None

    def as_object(self) -> dict[str, Any]:
        return record_object(self.names, self.row, self.expand)


@dataclass(frozen=True, slots=True)
class Page:
    """`expands` runs beside `rows`, or is None where nothing is expanded. `next` is the cursor of the following page. `snippets`
    run beside `rows` too, where something was searched for."""

    names: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    expands: Sequence[Mapping[str, Any]] | None
    next: str | None
    total: int | None
    snippets: Sequence[Mapping[str, str]] | None = None
    deprecated: Deprecated | None = None

    def as_object(self) -> dict[str, Any]:
        expands = self.expands or (None,) * len(self.rows)
        items = [record_object(self.names, row, expand) for row, expand in zip(self.rows, expands, strict=True)]
        for item, snippet in zip(items, self.snippets or (), strict=False):
            item["search"] = snippet
        total = {} if self.total is None else {"total": self.total}
        return {"items": items, "next": self.next, **total}


def record_object(names: tuple[str, ...], row: Sequence[Any], expand: Mapping[str, Any] | None) -> dict[str, Any]:
    """The JSON object of a record; a row may be longer than `names` (the columns behind are for the backend alone)."""
    record = dict(zip(names, row, strict=False))
    if expand is not None:
        record["expand"] = expand
    return record
