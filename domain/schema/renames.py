"""Renaming: which fields of a change had another name before, and what of a collection's own definition follows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from domain.errors import Conflict, Fault, did_you_mean, invalid
from domain.schema.collection import Collection
from domain.schema.indexes import Index
from domain.schema.names import check_collection_name


@dataclass(frozen=True, slots=True)
class Renames:
    """`collection` becomes `name` (which may be the same), and each of `fields` (old, new) of it gets another name."""

    collection: str
    name: str
    fields: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return self.name != self.collection or bool(self.fields)

    def field(self, name: str) -> str:
        """What the field is called afterwards."""
        return dict(self.fields).get(name, name)

    def target(self, name: str) -> str:
        """What a collection is called afterwards."""
        return self.name if name == self.collection else name

    def reversed(self) -> "Renames":
        return Renames(self.name, self.collection, tuple((new, old) for old, new in self.fields))


def read_renames(old: Collection, body: Mapping[str, Any]) -> Renames:
    """From the body of a change: `name`, and `was` in the entries of `fields`."""
    name = check_collection_name(body["name"]) if body.get("name", old.name) != old.name else old.name
    items = body.get("fields")
    entries = list(enumerate(items)) if isinstance(items, list) else []
    if old.is_view and any(isinstance(item, Mapping) and "was" in item for _, item in entries):
        raise invalid("/fields", "unchangeable", "the fields of a view follow from its query", hint="rename its columns there")
    found = [_rename(old, item, f"/fields/{at}") for at, item in entries if isinstance(item, Mapping) and "was" in item]
    fields = tuple((was, name) for was, name in found if was != name)
    if len({was for was, _ in fields}) < len(fields):
        raise invalid("/fields", "duplicate_name", "two fields say that they had the same name")
    return Renames(old.name, name, fields)


def _rename(old: Collection, item: Mapping[str, Any], pointer: str) -> tuple[str, str]:
    was, name, known = item["was"], item.get("name"), [each.name for each in old.fields]
    if was not in known:
        hint = did_you_mean(str(was), known) or "`was` is the name that the field has now"
        raise invalid(f"{pointer}/was", "unknown_field", f"no field `{str(was)[:80]}` to rename", hint=hint)
    if was != name and name in known:
        detail = f"there is a field `{name}` already"
        raise invalid(f"{pointer}/name", "duplicate_name", detail, hint="remove or rename that one in a change before this")
    return str(was), str(name)


def check_name_is_free(taken: Mapping[str, Collection], renames: Renames) -> None:
    if renames.name != renames.collection and renames.name in taken:
        fault = Fault("/name", "not_unique", "this name is taken")
        raise Conflict(f"there is a collection `{renames.name}` already", code="not_unique", faults=(fault,))


def renamed_fields(old: Collection, renames: Renames) -> Collection:
    """The collection with its fields under their new names, in whatever names them but texts of the rule language."""
    return replace(
        old,
        name=renames.name,
        fields=tuple(replace(each, name=renames.field(each.name)) for each in old.fields),
        indexes=tuple(
            replace(each, fields=tuple(renames.field(name) for name in each.fields)) for each in old.indexes
        ),
        expires=old.expires and replace(old.expires, field=renames.field(old.expires.field)),
        identity=tuple(renames.field(name) for name in old.identity),
        aliases=tuple(replace(each, of=renames.field(each.of) if each.of else "") for each in old.aliases),
        origins=_origins(old, renames),
    )


def _origins(old: Collection, renames: Renames) -> tuple[tuple[str, str], ...]:
    kept = {renames.field(name) if name else "": first for name, first in old.origins}
    moved = {new: old.origin(was) for was, new in renames.fields}
    own = {"": old.origin("")} if renames.name != old.name else {}
    return tuple(sorted((name, first) for name, first in {**kept, **moved, **own}.items() if first != (name or renames.name)))


def with_origins(base: Collection, new: Collection) -> Collection:
    """`new` as it grew out of `base`: indexes that stay keep their names, and what is added under a name that another one had first
    is told apart from it."""
    return replace(new, origins=_grown_origins(base, new), indexes=_grown_indexes(base, new))


def _grown_origins(base: Collection, new: Collection) -> tuple[tuple[str, str], ...]:
    here, names = {each.name for each in base.fields}, {each.name for each in new.fields}
    origins = {name: first for name, first in base.origins if not name or name in names}
    taken = {base.origin(each.name) for each in base.fields}
    for each in new.fields:
        if each.name not in here and each.name in taken:
            origins[each.name] = _free(each.name, taken | names)
            taken.add(origins[each.name])
    return tuple(sorted(origins.items()))


def _grown_indexes(base: Collection, new: Collection) -> tuple[Index, ...]:
    kept = {each: each for each in base.indexes}
    taken = {each.first for each in base.indexes}
    return tuple(
        kept.get(each) or (replace(each, first=_free(each.where, taken)) if each.where and each.where in taken else each)
        for each in new.indexes
    )


def _free(name: str, taken: set[str]) -> str:
    return next(each for number in range(2, 1000) if (each := f"{name}_{number}") not in taken)
