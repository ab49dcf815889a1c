"""Fields of the benchmark's collections."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldOf:
    """A field in words that each side translates to its own. `values` are those of a select; `many` holds for relations and selects;
    `cascades`: the record goes with its target; ours has an index of the words of what is `searchable`."""

    name: str
    type: str
    collection: str = ""
    values: tuple[str, ...] = ()
    many: bool = False
    cascades: bool = False
    searchable: bool = False
