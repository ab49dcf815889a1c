"""What a set of definitions asks of a schema, before any rule is read: which names moved, and in which order collections come and go."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from domain.errors import Conflict, Fault, did_you_mean, invalid
from domain.schema.collection import Collection, Rules, Schema
from domain.schema.files import named_definition
from domain.schema.renames import Renames


@dataclass(frozen=True, slots=True)
class Wanted:
    """A collection as its file defines it. `was` (and, for fields, `fields_were`: new name → former) may stay in a file after the
    rename: where the former name is gone, there is nothing to rename."""

    name: str
    body: Mapping[str, Any]
    was: str = ""
    fields_were: Mapping[str, str] = field(default_factory=dict)


def read_wanted(name: str, value: Any) -> Wanted:
    """Invalid with pointers into this definition."""
    body = dict(named_definition(name, value))
    was = body.pop("was", "")
    if not isinstance(was, str):
        raise invalid("/was", "invalid_name", "`was` is the name that the collection had")
    items = body.get("fields")
    if not isinstance(items, list):
        return Wanted(name, body, was)
    entries = [(at, each) for at, each in enumerate(items) if isinstance(each, Mapping)]
    for at, each in entries:
        if "was" in each and not (isinstance(each["was"], str) and isinstance(each.get("name"), str)):
            raise invalid(f"/fields/{at}/was", "invalid_name", "`was` is the name that the field had")
    were = {each["name"]: each["was"] for _, each in entries if "was" in each}
    if len(set(were.values())) < len(were):
        raise invalid("/fields", "duplicate_name", "two fields say that they had the same name")
    told = [{key: part for key, part in each.items() if key != "was"} if isinstance(each, Mapping) else each for each in items]
    return Wanted(name, {**body, "fields": told}, was, were)


def due_renames(schema: Schema, wanted: Wanted) -> Renames | None:
    """What is still called by its former name, and can be called anew as the schema is now; None where nothing is."""
    moves = wanted.name not in schema.collections and bool(wanted.was)
    old = schema.collections.get(wanted.was if moves else wanted.name)
    if old is None or old.system:
        return None
    names = {each.name for each in old.fields} if not old.is_view else set()
    fields = tuple((was, new) for new, was in wanted.fields_were.items() if was in names and new not in names)
    renames = Renames(old.name, wanted.name, fields)
    return renames or None


def rename_body(old: Collection, renames: Renames) -> dict[str, Any]:
    """The body of a change that renames and does nothing else."""
    body: dict[str, Any] = {"name": renames.name}
    if renames.fields:
        told = [each.definition() for each in old.fields]
        moved = dict(renames.fields)
        body["fields"] = [{**each, "name": moved[each["name"]], "was": each["name"]} if each["name"] in moved else each for each in told]
    return body


# --- coming and going


def creations(known: Mapping[str, Collection], new: Mapping[str, Collection]) -> Iterator[tuple[Collection | None, Collection]]:
    """(what is there, what comes) for each table in an order in which relations find their targets. Where they point at each other in
    a ring, one is made without what leads around it, and completed in the end. Views have no table and come last."""
    there, waiting, halves = set(known), {name: each for name, each in new.items() if not each.is_view}, []
    while waiting:
        each = next((each for each in waiting.values() if not _missing(each, there)), None)
        if each is None:
            each = next(iter(waiting.values()))
            halves.append((_without(each, _missing(each, there)), each))
            yield None, halves[-1][0]
        else:
            yield None, each
        there.add(each.name)
        del waiting[each.name]
    for half, whole in halves:
        yield half, replace(whole, version=half.version + 1)
    for each in new.values():
        if each.is_view:
            yield None, each


def deletions(gone: Mapping[str, Collection]) -> Iterator[tuple[Collection, Collection | None]]:
    """(what is there, what stays of it), those that point at others first; a ring is opened before."""
    waiting = dict(sorted(gone.items(), key=lambda item: not item[1].is_view))
    while waiting:
        name = next((name for name in waiting if not _pointed_at(name, waiting)), None)
        if name is None:
            opened, leading = next((each, leading) for each in waiting.values() if (leading := _pointing_at(each, waiting)))
            rest = replace(_without(opened, leading), version=opened.version + 1)
            yield opened, rest
            waiting[opened.name] = rest
        else:
            yield waiting.pop(name), None


def _missing(collection: Collection, there: set[str]) -> set[str]:
    return {each.collection for each in collection.relations} - there - {collection.name}


def _pointed_at(name: str, among: Mapping[str, Collection]) -> bool:
    return any(name in _pointing_at(each, among) for each in among.values() if not each.is_view)


def _pointing_at(collection: Collection, among: Mapping[str, Collection]) -> set[str]:
    return {each.collection for each in collection.relations if each.collection in among} - {collection.name}


def _without(collection: Collection, targets: set[str]) -> Collection:
    """The collection without its relations to these, and without everything that could name them; closed to all but admins."""
    fields = tuple(each for each in collection.fields if each not in collection.relations or each.collection not in targets)  # type: ignore[attr-defined]
    return replace(collection, fields=fields, rules=Rules(), indexes=(), checks=())


# --- what would be lost


def check_drop(drop: frozenset[str], losable: list[str]) -> None:
    """`drop` names collections, and fields as `collection.field`, whose values may go; a typo must not pass for consent."""
    for name in sorted(drop - set(losable)):
        hint = did_you_mean(name, losable) or "name what the plan says would be lost"
        raise invalid("/drop", "unknown_field", f"nothing called `{name[:100]}` goes with this change", hint=hint)


def would_be_lost(counts: Mapping[str, int]) -> Conflict:
    held = {name: f"{count} record{'s hold' if count > 1 else ' holds'} something in `{name}`" for name, count in counts.items()}
    faults = tuple(Fault("/drop", "would_lose_data", each) for each in held.values())
    hint = f"say --drop {' --drop '.join(counts)} if these values may go; `was` renames a field or a collection"
    if len(faults) == 1:
        return Conflict(faults[0].detail + ", which would go", code="would_lose_data", hint=hint, faults=faults)
    return Conflict("records that hold something would lose it", code="would_lose_data", hint=hint, faults=faults)
