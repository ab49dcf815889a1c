"""Values written out in SQL, for statements that take no parameters: indexes and defaults of columns.

They come from the owner's own definition, checked by its field, and are written by their type.
"""

from decimal import Decimal
from typing import Any


def literal(value: Any, dialect: str) -> str:
    """Of what the driver would be given. Backslashes mean nothing in a text: `standard_conforming_strings` is on."""
    if isinstance(value, bool):
        return str(value).lower() if dialect == "postgresql" else str(int(value))
    if isinstance(value, int | Decimal):
        return format(value, "f") if isinstance(value, Decimal) else str(value)
    if isinstance(value, float):
        return f"{value!r}::double precision" if dialect == "postgresql" else repr(value)
    return "'" + str(value).replace("'", "''") + "'"
