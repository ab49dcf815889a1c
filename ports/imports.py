"""Where it is kept how far imports have come."""

from typing import Protocol

from domain.records.import_progress import Progress


class ImportStore(Protocol):
    def find(self, collection: str, digest: str) -> Progress | None: ...

    def put(self, progress: Progress) -> None:
        """In place of what was there of this file and collection."""
        ...
