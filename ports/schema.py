"""Where collections and their tables are kept."""

from typing import Protocol

from domain.schema.changes import Step
from domain.schema.collection import Collection


class SchemaStore(Protocol):
    """Used inside `change_schema` alone."""

    def count_null(self, collection: Collection, field: str) -> int:
        """How many records hold nothing in this field."""
        ...

    def count(self, collection: Collection) -> int:
        """How many records there are."""
        ...

    def apply(self, old: Collection | None, new: Collection | None, steps: tuple[Step, ...]) -> None:
        """Carries out the steps and saves the definition (`old` None: a new collection; `new` None: deleted); the schema
        version grows by one. Conflict where a unique index meets duplicates, naming an example."""
        ...
