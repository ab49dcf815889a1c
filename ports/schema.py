"""Where collections and their tables are kept."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from domain.schema.changes import Step
from domain.schema.collection import Collection
from domain.schema.fields import Field
from domain.schema.history import Change
from domain.schema.indexes import Index
from domain.schema.misfits import Misfits
from domain.schema.sets import Applied


class SchemaStore(Protocol):
    """What only asks is for any body. Collections are those of the body's schema, as they are in the database at the moment."""

    def count(self, collection: Collection) -> int:
        """How many records there are."""
        ...

    def count_held(self, collection: Collection, field: str) -> int:
        """How many records hold something in it."""
        ...

    def empties(self, collection: Collection, field: str) -> Misfits:
        """Records that hold nothing in it, with the first of them."""
        ...

    def misfits(
        self, collection: Collection, before: Field, after: Field, judge: Callable[[Any], Any] | None = None
    ) -> Misfits:
        """Records whose value in the field `before` has no counterpart in `after`, by the function of the pair (or `judge`), or
        names a record that is not there."""
        ...

    def shared(self, collection: Collection, index: Index) -> Misfits:
        """Combinations of values that more than one record of the index holds, each by one such record."""
        ...

    def locks(self, step: Step) -> str:
        """Who waits while the step is carried out: "none", "writers" or "readers and writers"."""
        ...

    def changes(self, limit: int, before: int | None = None) -> list[Change]:
        """What was kept, newest first; with `before` of earlier schema versions than that."""
        ...

    def keep_change(self, change: Change) -> None:
        """Inside `change_schema`, after `apply`."""
        ...

    def applied(self) -> list[Applied]:
        """What was noted of each collection when the schema's files were applied last, by name."""
        ...

    def keep_applied(self, noted: Sequence[Applied], gone: Sequence[str]) -> None:
        """Inside `change_schema`. Each takes the place of what was noted of its collection; that of the collections (by id) in `gone`
        is forgotten."""
        ...

    def apply(
        self,
        old: Collection | None,
        new: Collection | None,
        steps: tuple[Step, ...],
        followers: tuple[Collection, ...] = (),
    ) -> None:
        """Inside `change_schema` alone. Carries out the steps and saves the definitions (`old` None: a new collection; `new` None:
        deleted), those of `followers` too; the schema version grows by one. With renames `old` has its new names already. Conflict
        where a unique index meets duplicates or a value has no counterpart, naming examples; what was done by then is undone with
        the body."""
        ...
