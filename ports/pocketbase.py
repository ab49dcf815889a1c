"""A PocketBase data folder, opened: what it holds, at one moment, whatever its server does meanwhile."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from domain.pocketbase.source import ForeignCollection


class PocketBaseData(Protocol):
    def collections(self) -> tuple[ForeignCollection, ...]:
        """All of them, the system's too."""
        ...

    def count(self, collection: ForeignCollection) -> int: ...

    def rows(self, collection: ForeignCollection, columns: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        """The records in the order of their ids, with these columns as they lie there; as often as asked. Invalid where the file is
        broken or a column is not there."""
        ...
