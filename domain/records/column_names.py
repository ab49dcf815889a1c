"""What the columns of a file are called as fields."""

import re
import unicodedata
from collections.abc import Collection, Iterable
from functools import lru_cache

from domain.schema.names import RESERVED_FIELDS

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LONGEST = 50


def field_names(columns: Iterable[str], known: Collection[str] = ()) -> dict[str, str]:
    """For each column the field of its name where that is `known`, else the legal name that it becomes; no two become the same."""
    names: dict[str, str] = {}
    taken = {each for each in columns if each in known}
    for column in columns:
        if column in known or column == "id":
            names[column] = column
            continue
        wanted = legal_name(column)
        name, number = wanted, 2
        while name in taken:
            name, number = f"{wanted[:_LONGEST - 4]}_{number}", number + 1
        taken.add(name)
        names[column] = name
    return names


@lru_cache(maxsize=2000)
def legal_name(text: str) -> str:
    """Lower case, without accents, with `_` for all else: `Straße Nr.` becomes `strasse_nr`, `createdAt` `created_at`."""
    plain = unicodedata.normalize("NFKD", _HUMP.sub("_", text.strip()).replace("ß", "ss"))
    plain = "".join(each for each in plain if not unicodedata.combining(each)).lower()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_").replace("_via_", "_by_")
    if not name:
        name = "column"
    elif not name[0].isalpha():
        name = f"n{name}"
    name = name[:_LONGEST].rstrip("_")
    return f"{name}_value" if name in RESERVED_FIELDS else name
