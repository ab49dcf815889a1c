"""What things are called in the document: names that follow from the collection's alone, that no two collections share, and that
nothing of our own has.
"""

import re
from collections.abc import Collection

# What a schema's name may end with besides the collection's.
SUFFIXES = ("Create", "Update", "Change", "Add", "Take", "Page", "Expand")
_RECORD, _RECORDS = "Record", "_records"


def component(collection: str, taken: Collection[str] = ()) -> str:
    """`order_lines` as `OrderLines`; it can be read back, so no two are the same. What would end as one of the schemas beside it, or
    be `taken` with or without such an end, gets `Record` behind it."""
    if collection.startswith("_"):  # the backend's own, of which there are few
        return f"_{component(collection[1:], taken)}"
    name = collection[:1].upper() + re.sub("_([a-z])", lambda found: found[1].upper(), collection[1:])
    is_ambiguous = name.endswith((*SUFFIXES, _RECORD)) or any(f"{name}{each}" in taken for each in ("", *SUFFIXES))
    return f"{name}{_RECORD}" if is_ambiguous else name


def operation_id(verb: str, collection: str, taken: Collection[str] = ()) -> str:
    """`list_posts`. Where one of our own operations is called so, the collection's have `_records` behind them."""
    is_ambiguous = collection.endswith(_RECORDS) or any(f"{each}_{collection}" in taken for each in VERBS)
    return f"{verb}_{collection}{_RECORDS if is_ambiguous else ''}"


VERBS = ("list", "get", "create", "update", "delete", "aggregate", "export", "bulk_change", "bulk_delete")
