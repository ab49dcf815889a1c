"""What an index of a collection is: fields in order, unique or not, over all records or over those that fulfil a condition."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.errors import did_you_mean, invalid
from domain.schema.fields import Field
from domain.schema.kinds import Kind

MAX_INDEXES, MAX_FIELDS = 40, 8
_LONGEST_CONDITION = 1000
_KEYS = ("fields", "unique", "where")


@dataclass(frozen=True, slots=True)
class Index:
    """`where` is a text of the rule language over the record's own fields and literals, `""` for an index over all records. `first`
    is what it read when the index was made, where renaming has changed it since: the index keeps its name in the database."""

    fields: tuple[str, ...]
    unique: bool = False
    where: str = ""
    first: str = field(default="", compare=False)

    def definition(self) -> dict[str, Any]:
        options: dict[str, Any] = {"fields": list(self.fields)}
        if self.unique:
            options["unique"] = True
        if self.where:
            options["where"] = self.where
        return options


def read_index(value: Any, pointer: str) -> Index:
    if not isinstance(value, Mapping):
        raise invalid(pointer, "not_an_object", "this must be an object")
    for key in value:
        if key not in _KEYS:
            hint = did_you_mean(str(key), list(_KEYS)) or f"known are {', '.join(_KEYS)}"
            raise invalid(f"{pointer}/{key}", "unknown_field", f"nothing here is called `{key}`", hint=hint)
    names, unique, where = value.get("fields"), value.get("unique", False), value.get("where", "")
    if not isinstance(names, list) or not _are_names(names):
        raise invalid(f"{pointer}/fields", "invalid_index", f"an index is over 1 to {MAX_FIELDS} different field names")
    if not isinstance(unique, bool):
        raise invalid(f"{pointer}/unique", "invalid_index", "`unique` is true or false")
    if not isinstance(where, str) or len(where) > _LONGEST_CONDITION:
        detail = f"`where` is a condition of at most {_LONGEST_CONDITION} characters"
        raise invalid(f"{pointer}/where", "invalid_index", detail)
    return Index(tuple(names), unique, where.strip())


def _are_names(names: list[Any]) -> bool:
    return 1 <= len(names) <= MAX_FIELDS and all(isinstance(name, str) for name in names) and len(set(names)) == len(names)


def check_indexed(indexes: tuple[Index, ...], fields: Mapping[str, Field]) -> None:
    """Every index is over fields that are there and hold one value that has an order."""
    orderly = [name for name, each in fields.items() if each.kind is not Kind.JSON and not each.many]
    for at, index in enumerate(indexes):
        for name in index.fields:
            if name not in orderly:
                hint = did_you_mean(name, orderly)
                raise invalid(f"/indexes/{at}/fields", "unknown_field", f"no field `{name}` that can be indexed", hint=hint)
