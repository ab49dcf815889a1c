"""What the trash keeps of a deleted record, and how it becomes a record again under the collection as it is by then."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from domain.actor import Actor
from domain.errors import Fault, Invalid
from domain.records.changes import Draft
from domain.records.draft import Author, Moment, draft
from domain.schema.collection import SYSTEM_FIELDS, Collection
from domain.schema.fields import AutodateField, Field, FileField, RelationField, Tools
from domain.schema.fields.files import kept_again
from domain.schema.fields.times import read_instant
from domain.schema.kinds import Kind

# Who restores is an admin: hidden fields come back too.
_RESTORER = Author(id=None, sees_hidden=True)
_STAMPED = frozenset(each.name for each in SYSTEM_FIELDS)

Key = tuple[str, str]  # of a record: the id of its collection and its own


@dataclass(frozen=True, slots=True)
class Entry:
    """`collection` is an id, since a name may be another's one day. `deletion` is the same for everything that went in one deletion;
    `went_with` are the records whose deletion took this one along, none where it was asked for itself. `document` holds the
    values as a body would, with `id`, `version`, `created` and `updated`. The secrets of an account are not kept: whoever
    is deleted has no password any more, and a copy of its hash could only be stolen."""

    id: str
    collection: str
    record: str
    deletion: str
    went_with: tuple[Key, ...]
    deleted: str
    deleted_by: Actor
    kept_until: str
    document: Mapping[str, Any]

    @property
    def key(self) -> Key:
        return self.collection, self.record

    def as_object(self, names: Mapping[str, str]) -> dict[str, Any]:
        """For an answer; `names` are those of the collections, by id."""
        return {
            "id": self.id,
            "deletion": self.deletion,
            "deleted": self.deleted,
            "deleted_by": self.deleted_by.as_object(),
            "went_with": [{"collection": names.get(collection), "id": id} for collection, id in self.went_with],
            "kept_until": self.kept_until,
            "record": self.document,
        }


@dataclass(frozen=True, slots=True)
class Deletion:
    """One deletion, as its entries repeat it. What is `erased` has none."""

    id: str
    now: str
    actor: Actor
    erased: bool = False


@dataclass(frozen=True, slots=True)
class TrashPage:
    """`names` are those of the collections, by id. `next` is the cursor of the following page."""

    entries: Sequence[Entry]
    names: Mapping[str, str]
    next: str | None

    def as_object(self) -> dict[str, Any]:
        return {"items": [each.as_object(self.names) for each in self.entries], "next": self.next}


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restoration did: the record that was asked for as it is now, how many records of each collection came back, how many
    got a relation back, and the fields that were deleted meanwhile, whose values are gone."""

    record: Mapping[str, Any]
    restored: Mapping[str, int]
    relations: int
    lost: tuple[str, ...]

    def as_object(self) -> dict[str, Any]:
        return {"record": self.record, "restored": self.restored, "relations": self.relations, "lost": list(self.lost)}


@dataclass(frozen=True, slots=True)
class Revival:
    """A record about to be kept again, judged by the fields as they are now. Faults say why it can't be."""

    entry: Entry
    collection: Collection
    draft: Draft
    lost: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()

    @property
    def key(self) -> Key:
        return self.entry.key

    def without(self, names: Iterable[str]) -> "Revival":
        """With nothing in these relations."""
        return self._with({name: _empty(self.collection.every_field[name]) for name in names})

    def without_targets(self, targets: Iterable[tuple[str, str]]) -> "Revival":
        """Targets as (relation, id) are left out; others of the same list stay."""
        changed: dict[str, Any] = {}
        for name, id in targets:
            present = changed.get(name, self.draft.values[name])
            changed[name] = tuple(each for each in present if each != id) if isinstance(present, tuple) else None
        return self._with(changed)

    def _with(self, changed: Mapping[str, Any]) -> "Revival":
        return replace(self, draft=replace(self.draft, values={**self.draft.values, **changed}))


def new_entry(
    collection: Collection, record: Mapping[str, Any], went_with: tuple[Key, ...], deletion: Deletion, id: str
) -> Entry:
    """Of a collection that has a trash."""
    assert collection.trash is not None
    return Entry(
        id=id,
        collection=collection.id,
        record=record["id"],
        deletion=deletion.id,
        went_with=went_with,
        deleted=deletion.now,
        deleted_by=deletion.actor,
        kept_until=collection.trash.until(deletion.now),
        document={name: _written(value) for name, value in record.items()},
    )


def revive(collection: Collection, entry: Entry, *, now: str, tools: Tools) -> Revival:
    """As a create of the same values would be judged; fields that came since get their defaults, `created` stays, and the
    version is the next one."""
    document = entry.document
    fields = {each.name: each for each in collection.own_fields}
    kept = {name: each for name, each in fields.items() if not each.read_only}
    body = {name: _shaped(kept[name], value) for name, value in document.items() if name in kept}
    lost = tuple(name for name, value in document.items() if name not in fields and name not in _STAMPED and value not in (None, []))
    moment = Moment(now, entry.record)
    try:
        made = draft(collection, body, author=_RESTORER, moment=moment, tools=tools, fields=kept)
    except Invalid as refused:
        return Revival(entry, collection, Draft({}), lost, refused.faults)
    stamped = {"version": document["version"] + 1, "created": document["created"], **_autodates(collection, document, now)}
    secrets = _new_secrets(now) if collection.is_accounts else {}
    return Revival(entry, collection, Draft({**made.values, **stamped}, secrets), lost)


def references(collection: Collection, record: Mapping[str, Any]) -> list[tuple[RelationField, str]]:
    """Every relation of the record that names one, with the id."""
    found: list[tuple[RelationField, str]] = []
    for relation in collection.relations:
        value = record.get(relation.name)
        ids = value if isinstance(value, tuple | list) else () if value is None else (value,)
        found += [(relation, id) for id in ids]
    return found


def followers(root: Entry, others: Sequence[Entry], stands: Callable[[Key], bool]) -> list[Entry]:
    """Those that went because `root` did, and what went because of them. One that went with several comes back when none of
    these is missing any more."""
    waiting: dict[Key, list[Entry]] = {}
    for entry in others:
        for key in entry.went_with:
            waiting.setdefault(key, []).append(entry)
    found, pending = dict[Key, Entry](), [root.key]
    while pending:
        come = [each for each in waiting.get(pending.pop(), ()) if each.key != root.key and each.key not in found]
        found.update((each.key, each) for each in come)
        pending += [each.key for each in come]
    _leave_out_held(found, waiting, lambda key: key == root.key or key in found or stands(key))
    return list(found.values())


def _leave_out_held(found: dict[Key, Entry], waiting: Mapping[Key, list[Entry]], comes: Callable[[Key], bool]) -> None:
    """Those that went with something that stays away, and what waits for them. Records of a ring hold each other: they are left out
    one by one from all of them, for gathered one by one each would wait for the others."""
    pending = list(found.values())
    while pending:
        entry = pending.pop()
        if entry.key in found and not all(comes(key) for key in entry.went_with):
            del found[entry.key]
            pending += waiting.get(entry.key, ())


@dataclass(frozen=True, slots=True)
class Step:
    """Records that may be inserted together. `later` names the relations that are filled once what they point at is there."""

    revivals: tuple[Revival, ...]
    later: Mapping[Key, tuple[str, ...]] = field(default_factory=dict)


def in_order(revivals: Sequence[Revival], collection_id: Callable[[str], str]) -> list[Step]:
    """Targets before what points at them. Where records point at each other in a ring, one of them goes first without."""
    remaining = {each.key: each for each in revivals}
    needs = {each.key: _needs(each, remaining, collection_id) for each in revivals}
    wanted_by: dict[Key, list[Key]] = {}
    for key, targets in needs.items():
        for target in targets:
            wanted_by.setdefault(target, []).append(key)
    missing = {key: len(targets) for key, targets in needs.items()}
    ready, steps = [key for key, count in missing.items() if not count], list[Step]()
    while remaining:
        later: dict[Key, tuple[str, ...]] = {}
        if not ready:
            first = next(iter(remaining))
            ready = [first]
            later[first] = _pointing_into(remaining[first], remaining, collection_id)
        steps.append(Step(tuple(remaining.pop(key) for key in ready), later))
        done, ready = ready, []
        for key in (dependent for target in done for dependent in wanted_by.get(target, ())):
            missing[key] -= 1
            if not missing[key] and key in remaining:
                ready.append(key)
    return steps


def _needs(revival: Revival, among: Mapping[Key, Revival], collection_id: Callable[[str], str]) -> set[Key]:
    targets = {(collection_id(relation.collection), id) for relation, id in references(revival.collection, revival.draft.values)}
    return {key for key in targets if key in among and key != revival.key}


def _pointing_into(revival: Revival, among: Mapping[Key, Revival], collection_id: Callable[[str], str]) -> tuple[str, ...]:
    pointing = references(revival.collection, revival.draft.values)
    names = (each.name for each, id in pointing if (key := (collection_id(each.collection), id)) in among and key != revival.key)
    return tuple(dict.fromkeys(names))


def _written(value: Any) -> Any:
    """A value in the form in which a body holds it, from which it is read again without loss."""
    if isinstance(value, Decimal):
        return format(value, "f")
    return list(value) if isinstance(value, tuple) else value


def _shaped(field: Field, value: Any) -> Any:
    """A field may have become one of many values since, or one of a single one."""
    if isinstance(field, FileField):
        value = kept_again(value)
    if field.many:
        return value if isinstance(value, list) else [] if value is None else [value]
    if isinstance(value, list) and field.kind is not Kind.JSON and len(value) < 2:
        return value[0] if value else None
    return value


def _empty(field: Field) -> Any:
    return () if field.many else None


def _autodates(collection: Collection, document: Mapping[str, Any], now: str) -> dict[str, Any]:
    """What they said stays, if it was an instant; those that tell the last change tell this one."""
    stamps: dict[str, Any] = {}
    for each in collection.fields:
        if isinstance(each, AutodateField):
            kept = document.get(each.name)
            stamps[each.name] = now if each.on_update else kept if isinstance(kept, str) and read_instant(kept) else None
    return stamps


def _new_secrets(now: str) -> dict[str, Any]:
    """No password. An epoch that no token of this account ever had: they are counted from 1, so milliseconds are beyond all of
    them, and later ones beyond those of an earlier restoration."""
    instant = read_instant(now)
    assert instant is not None
    return {"password_hash": None, "epoch": int(instant.timestamp() * 1000)}
