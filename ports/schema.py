"""Where collections and their tables are kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from domain.schema.changes import Step
from domain.schema.collection import Collection
from domain.schema.fields import Field
from domain.schema.history import Change
from domain.schema.indexes import Index
from domain.schema.misfits import Misfits
from domain.schema.preparing import Aside, Preparation
from domain.schema.sets import Applied


@dataclass(frozen=True, slots=True)
class Unprepared:
    """Records between the ids `after` and `last` that are to be prepared; `made` is for the store alone."""

    last: str
    count: int
    after: str
    made: Sequence[tuple[Any, ...]] = ()


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
        prepared: Preparation | None = None,
    ) -> None:
        """Inside `change_schema` alone. Carries out the steps and saves the definitions (`old` None: a new collection; `new` None:
        deleted), those of `followers` too; the schema version grows by one. With renames `old` has its new names already. Conflict
        where a unique index meets duplicates or a value has no counterpart, naming examples; what was done by then is undone with
        the body. What was prepared for it is used, and whatever was prepared for the collection is gone after it."""
        ...

    # --- beforehand

    def preparable(self, collection: Collection, asides: Sequence[Aside]) -> tuple[Aside, ...]:
        """Those that this engine can make aside."""
        ...

    def set_aside(self, preparation: Preparation) -> None:
        """Inside `change_schema`. Makes room for what is to be prepared; another preparation of the collection ends."""
        ...

    def unprepared(self, preparation: Preparation, after: str) -> Unprepared | None:
        """The next records, by id, that are not prepared as they are now. None where there are none, or where the preparation was ended
        by another change. In one snapshot."""
        ...

    def prepare(self, preparation: Preparation, batch: Unprepared) -> None:
        """Prepares what of these records is still as it was."""
        ...

    def put_away(self, preparation: Preparation) -> None:
        """Inside `change_schema`. Nothing of it is left."""
        ...
