"""Any number of ids in one bind, so that one compiled statement serves them all."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, BigInteger, TableValuedAlias, Text, bindparam, column, func, select, text
from sqlalchemy.sql.elements import ColumnElement


def one_of(column: ColumnElement[Any], dialect: str) -> ColumnElement[bool]:
    """`column` is among the ids that the bind `ids` holds."""
    if dialect == "sqlite":
        return column.in_(select(text("value")).select_from(func.json_each(bindparam("ids"))))
    return column == func.any(bindparam("ids", type_=ARRAY(Text)))


def given_ids(dialect: str) -> TableValuedAlias:
    """The ids that the bind `ids` holds as rows: `value`, and where it stands: `key` from 0 on SQLite, `place` from 1 on PostgreSQL."""
    if dialect == "sqlite":
        columns = (column("value", Text), column("key", BigInteger))
        return func.json_each(bindparam("ids")).table_valued(*columns, name="_given")
    unnested = func.unnest(bindparam("ids", type_=ARRAY(Text)))
    return unnested.table_valued(column("value", Text), with_ordinality="place").render_derived(name="_given")


def ids_value(ids: Sequence[str], dialect: str) -> Any:
    """What `ids` is bound to. Ids hold no character that JSON would escape."""
    return "[" + ",".join(f'"{id}"' for id in ids) + "]" if dialect == "sqlite" else list(ids)
