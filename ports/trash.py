"""Where deleted records wait until they are restored or gone for good."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from domain.records.reading import Guard
from domain.records.trash import Entry, Key
from domain.schema.collection import Collection
from domain.schema.fields import RelationField


class TrashStore(Protocol):
    """Collections are named by their ids, which no later collection has."""

    def list(self, collection: str, limit: int, before: str | None, guard: Guard | None) -> Sequence[Entry]:
        """The latest first, in one statement that checks schema version and guard; `before` is the id of the entry to go on from."""
        ...

    def put(self, entries: Sequence[Entry]) -> None: ...

    def note_cleared(self, holder: Collection, relation: RelationField, target: str, deletion: str) -> None:
        """Before they are cleared: which records of `holder` point by `relation` at those of the collection `target` that this
        deletion put into the trash."""
        ...

    def find(self, collection: str, id: str) -> Entry | None:
        """The entry of this id, or the latest one of the record of this id, held against others until the transaction ends."""
        ...

    def of_deletion(self, deletion: str) -> Sequence[Entry]:
        """What of this deletion is still there, held likewise."""
        ...

    def holds(self, collection: str, records: Sequence[str]) -> frozenset[str]:
        """Which of these records of a collection are in the trash."""
        ...

    def cleared(self, entries: Sequence[str]) -> Sequence[Key]:
        """The relations that were cleared when these were deleted: (id of the holder's collection, name of the relation)."""
        ...

    def holders(self, holder: Collection, relation: RelationField, entries: Sequence[str]) -> Sequence[str]:
        """The records of `holder` whose `relation` was cleared when these were deleted, held against other writers."""
        ...

    def set_again(self, holder: Collection, relation: RelationField, entries: Sequence[str], now: str) -> int:
        """Points the records of `holder` whose `relation` was cleared, and is still empty, at the restored ones again; their
        version grows. How many they were; whoever asks adds the events."""
        ...

    def remove(self, entries: Sequence[str], *, restored: bool = False) -> None:
        """For good, with the note of what was cleared; nobody holds their files any more, unless the records came back with them."""
        ...

    def documents(self, collection: str, after: str, limit: int) -> Sequence[tuple[str, str, Mapping[str, Any]]]:
        """Entries as (their id, the record's id, its document), in the order of their ids from behind `after`."""
        ...

    def records(self, collection: str) -> Sequence[str]:
        """The ids of all records of a collection that are there."""
        ...

    def empty(self, collection: str) -> int:
        """Removes everything of a collection, and tells how much that was."""
        ...

    def rename(self, collection: str, names: Mapping[str, str]) -> None:
        """What is kept of this collection follows when its fields are renamed: new names by old ones, all at once."""
        ...

    def overdue(self, now: str) -> bool:
        """Whether anything is kept longer than it should be."""
        ...

    def purge(self, now: str, limit: int) -> int:
        """Removes at most so many of those whose time is over, passing over what others hold; how many it removed."""
        ...
