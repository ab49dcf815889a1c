"""Names that a collection or a field had before, and that go on being understood until a date."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.errors import did_you_mean, invalid
from domain.schema.names import check_collection_name, check_field_name

MAX_ALIASES = 50
_KEYS = ("name", "of", "until")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d{3})?Z)?")


@dataclass(frozen=True, slots=True)
class Alias:
    """`name` means the field `of`, or, where that is "", the collection itself, before `until` (a day, or an instant in UTC)."""

    name: str
    until: str
    of: str = ""

    def stands(self, now: str) -> bool:
        """`now` as instants are stored; a day ends it when it begins."""
        return now < self.until

    def definition(self) -> dict[str, str]:
        return {"name": self.name, **({"of": self.of} if self.of else {}), "until": self.until}


@dataclass(frozen=True, slots=True)
class Deprecated:
    """An answer that used an alias: since when there is one, until when it is understood, and what the collection is called where that
    is what was asked for by its old name."""

    since: str
    until: str
    successor: str = ""


def read_aliases(items: Iterable[Any]) -> tuple[Alias, ...]:
    found = tuple(_read(item, f"/aliases/{at}") for at, item in enumerate(items))
    if len({(each.name, bool(each.of)) for each in found}) < len(found):
        raise invalid("/aliases", "duplicate_name", "two aliases have the same name")
    return found


def _read(item: Any, pointer: str) -> Alias:
    if not isinstance(item, Mapping):
        raise invalid(pointer, "not_an_object", "an alias is an object with `name`, `of` and `until`")
    for key in item:
        if key not in _KEYS:
            hint = did_you_mean(str(key), list(_KEYS)) or f"known are {', '.join(_KEYS)}"
            raise invalid(f"{pointer}/{key}", "unknown_field", f"nothing here is called `{key}`", hint=hint)
    of, until = item.get("of", ""), item.get("until")
    if not isinstance(of, str):
        raise invalid(f"{pointer}/of", "invalid_alias", "`of` is the name of a field; without it the alias is the collection's")
    name = check_field_name(item.get("name"), f"{pointer}/name") if of else check_collection_name(item.get("name"), f"{pointer}/name")
    if not isinstance(until, str) or not _is_moment(until):
        raise invalid(f"{pointer}/until", "invalid_alias", "`until` is a day (2027-01-31) or an instant in UTC (2027-01-31T12:00:00Z)")
    return Alias(name, until, of)


def _is_moment(text: str) -> bool:
    try:
        return bool(_MOMENT.fullmatch(text)) and datetime.fromisoformat(text).year > 1
    except ValueError:
        return False


def check_aliases(aliases: tuple[Alias, ...], fields: Iterable[str], reserved: Iterable[str]) -> None:
    """Each stands for a field that is there, under a name that no field has."""
    known, taken = list(fields), {*fields, *reserved}
    for at, each in enumerate(aliases):
        if each.of and each.of not in known:
            hint = did_you_mean(each.of, known) or "remove the alias with its field"
            raise invalid(f"/aliases/{at}/of", "unknown_field", f"no field `{each.of[:80]}`", hint=hint)
        if each.of and each.name in taken:
            raise invalid(f"/aliases/{at}/name", "duplicate_name", f"there is a field `{each.name}` already")
