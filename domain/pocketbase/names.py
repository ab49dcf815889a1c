"""Names of PocketBase as names that are allowed here: `firstName` becomes `first_name`."""

import re
from collections.abc import Callable, Container
from dataclasses import dataclass

from domain.errors import Invalid
from domain.pocketbase.source import ForeignCollection
from domain.schema.collection import ACCOUNT_NAMES
from domain.schema.names import check_collection_name, check_field_name

# What an auth collection has by itself, and what that is called here.
ACCOUNT_COLUMNS = {"email": "email", "emailVisibility": "email_visible", "verified": "verified"}
STAMPS = ("created", "updated")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Names:
    """`fields` by (collection, field), both as PocketBase has them."""

    collections: dict[str, str]
    fields: dict[tuple[str, str], str]

    @property
    def words(self) -> dict[str, str]:
        """What a word of a rule is called here, wherever it stands: the same name is renamed in the same way in every collection."""
        renamed = {old: new for (_, old), new in self.fields.items() if old != new}
        return {**renamed, **{old: new for old, new in self.collections.items() if old != new}}


def names_of(collections: tuple[ForeignCollection, ...]) -> Names:
    known = Names({}, {})
    for each in collections:
        known.collections[each.name] = _fitting(each.name, check_collection_name, set(known.collections.values()))
        taken: set[str] = set(ACCOUNT_NAMES) if each.type == "auth" else {"password"}
        for field in each.fields:
            name = str(field.get("name"))
            if each.type == "auth" and name in ACCOUNT_COLUMNS:
                known.fields[each.name, name] = ACCOUNT_COLUMNS[name]
            elif name != "id" and not is_stamp(field) and not is_sign_in(each, name):
                known.fields[each.name, name] = _fitting(name, lambda text: check_field_name(text, ""), taken)
                taken.add(known.fields[each.name, name])
    return known


def is_sign_in(collection: ForeignCollection, name: str) -> bool:
    """Whether it is a secret that no field shows."""
    return collection.type == "auth" and name in ("password", "tokenKey")


def is_stamp(field: object) -> bool:
    """Whether it is what every record has here by itself."""
    return isinstance(field, dict) and field.get("type") == "autodate" and field.get("name") in STAMPS


def _fitting(name: str, check: Callable[[str], object], taken: Container[str]) -> str:
    wanted = re.sub(r"[^a-z0-9_]", "_", _HUMP.sub("_", name).lower()).replace("_via_", "_by_").lstrip("_")[:46] or "x"
    if not wanted[0].isalpha():
        wanted = f"x{wanted}"
    for candidate in (wanted, f"{wanted}_", f"x_{wanted}", *(f"{wanted}_{number}" for number in range(2, 1000))):
        if candidate not in taken and _is_allowed(candidate, check):
            return candidate
    raise Invalid(f"no name can be found for `{name[:80]}`", code="invalid_name")


def _is_allowed(name: str, check: Callable[[str], object]) -> bool:
    try:
        check(name)
    except Invalid:
        return False
    return True
