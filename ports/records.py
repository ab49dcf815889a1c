"""Where records are kept."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from domain.records.aggregates import Grouping
from domain.records.changes import Changes, Draft
from domain.records.explanations import Plan
from domain.records.reading import Guard, Listing, Reading, Window
from domain.rules.shape import Bound
from domain.schema.collection import Collection
from domain.schema.fields import Field, RelationField

Record = Mapping[str, Any]  # every stored field by name, in Python form (see Kind)


class RecordStore(Protocol):
    """Reads answer rows already masked and ready for JSON (decimals as text, json fields as raw JSON); `load` and the writes
    deal in Python forms. Every statement that serves a request checks the schema version and the guard by itself and
    raises Unauthenticated where the actor's epoch has moved on."""

    def get(self, reading: Reading, id: str, guard: Guard | None) -> Sequence[Any] | None:
        """The row of this id that fulfils `reading.where`, in one statement; None when there is none."""
        ...

    def list(self, reading: Reading, window: Window, guard: Guard | None) -> Listing:
        """The window's rows, in one statement, the total included where it is asked for."""
        ...

    def explain(self, reading: Reading, window: Window, guard: Guard | None) -> Plan:
        """How `list` would run, without running it."""
        ...

    def among(self, reading: Reading, ids: Sequence[str]) -> Mapping[str, Sequence[Any]]:
        """The rows of these ids that fulfil `reading.where`, by id, in one statement; what expand uses, in the snapshot of the
        statement that checked version and guard."""
        ...

    def groups(self, grouping: Grouping, guard: Guard | None) -> tuple[Sequence[Sequence[Any]], bool]:
        """The window's groups of the records that fulfil `grouping.where`, dimensions then measures, in one statement; and whether
        more follow. Without dimensions it is one group, also of no records."""
        ...

    def pointing(
        self, reading: Reading, relation: RelationField, ids: Sequence[str], *, each: int, limit: int
    ) -> Sequence[tuple[str, Sequence[Any]]]:
        """The rows of records whose `relation` points at one of these ids and that fulfil `reading.where`, behind the id that each
        points at, in one statement: for each id the first `each` of them by their own ids, at most `limit` in all; in the
        snapshot as `among`."""
        ...

    def check_guard(self, guard: Guard | None) -> None:
        """One statement that checks the schema version and the guard, and nothing else: what a write asks first, and whoever
        is about to refuse by a schema that may be old. Raises Unauthenticated where the account is gone or its epoch has moved on."""
        ...

    def load(self, collection: Collection, id: str) -> Record | None:
        """The whole record, whoever asks; for decisions, never for answers."""
        ...

    def load_many(self, collection: Collection, ids: Sequence[str]) -> Sequence[Record]:
        """The whole records of those of these ids that are there, in any order."""
        ...

    def keyed(self, collection: Collection, field: Field, keys: Sequence[Any]) -> Mapping[Any, str]:
        """The ids of the records that have these values in a unique field (or of these ids), by value in the form in which it is unique."""
        ...

    def standing(self, collection: Collection, ids: Sequence[str]) -> frozenset[str]:
        """Those of these ids that are there."""
        ...

    def due(self, collection: Collection, field: str, until: Any, after: tuple[Any, str] | None, limit: int) -> Sequence[tuple[Any, str]]:
        """At most so many records whose `field` holds something up to `until`, as (value, id) in this order, those beyond `after`;
        held against other writers, and without those that others hold."""
        ...

    def matches(self, collection: Collection, id: str, where: Bound) -> bool:
        """Whether the record of this id is there and fulfils the condition."""
        ...

    def draft_matches(self, collection: Collection, draft: Record, where: Bound) -> bool:
        """Whether a record that is not kept yet would fulfil the condition, other collections being as they are now."""
        ...

    def insert(self, collection: Collection, draft: Draft) -> None:
        """Conflict (`not_unique`, pointer to the field) where a unique index has such a value; Invalid (`no_such_record`, pointer)
        where a relation's target is not there. Adds its event to the outbox."""
        ...

    def insert_many(self, collection: Collection, drafts: Sequence[Draft]) -> None:
        """All of them, in as few statements as the engine takes; errors as `insert`, without naming which one. Adds an event for each."""
        ...

    def insert_rows(self, collection: Collection, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """As `insert_many`, for drafts without secrets that are written as the values of each by `names`; adds no events."""
        ...

    def update(self, collection: Collection, id: str, changes: Changes, where: Bound) -> Record | None:
        """One UPDATE of only the columns named, version + 1, where the id, the condition, the asked-for version and the limits of
        increments all hold, then the lists; the whole record as it is now, or None where it was not changed. Errors and event as
        for `insert`."""
        ...

    def delete(self, collection: Collection, ids: Sequence[str]) -> None:
        """Their own lists go with them; no list may hold them any more. Whoever asks adds the events: what they were before
        anything was cleared is known to it alone."""
        ...

    def lock(self, collection: Collection, id: str, where: Bound) -> Record | None:
        """The record if it fulfils the condition, held against other writers until the transaction ends."""
        ...

    def hold(self, collection: Collection, ids: Sequence[str]) -> None:
        """Holds those of these records that are there against other writers, in the order of their ids: transactions that hold all
        they are about to change before they change it wait for each other, and do not stand in each other's way."""
        ...

    def referrers(self, collection: Collection, relation: str, ids: Sequence[str]) -> Sequence[str]:
        """Ids of the records of `collection` whose `relation` points at one of these, held against other writers."""
        ...

    def clear(self, collection: Collection, relation: str, ids: Sequence[str], now: str) -> None:
        """Sets the single relation to null in these records of `collection`; their version grows. Whoever asks adds the events."""
        ...

    def touch(self, collection: Collection, ids: Sequence[str], now: str) -> None:
        """The version and the stamps of records whose lists were changed by `unlink`. Whoever asks adds the events."""
        ...

    def unlink(self, collection: Collection, relation: RelationField, ids: Sequence[str]) -> Sequence[str]:
        """Takes these targets out of every list of the many-valued relation; the records whose lists they were, held against
        other writers."""
        ...

    def held_counts(self, collection: Collection, relation: RelationField, ids: Sequence[str]) -> Mapping[str, tuple[int, int]]:
        """For each record whose list has any of these targets, how many of them it has and how long the list is; held against other
        writers, so that it stays so."""
        ...
