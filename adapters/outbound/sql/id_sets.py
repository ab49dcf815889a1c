"""Any number of ids in one bind, so that one compiled statement serves them all."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, Text, bindparam, func, select, text
from sqlalchemy.sql.elements import ColumnElement


def one_of(column: ColumnElement[Any], dialect: str) -> ColumnElement[bool]:
    """`column` is among the ids that the bind `ids` holds."""
    if dialect == "sqlite":
        return column.in_(select(text("value")).select_from(func.json_each(bindparam("ids"))))
    return column == func.any(bindparam("ids", type_=ARRAY(Text)))


def ids_value(ids: Sequence[str], dialect: str) -> Any:
    """What `ids` is bound to. Ids hold no character that JSON would escape."""
    return "[" + ",".join(f'"{id}"' for id in ids) + "]" if dialect == "sqlite" else list(ids)
