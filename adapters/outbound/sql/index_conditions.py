"""The condition of a partial index as the engine is told it: the form in which rules are compiled, with its values written out.

The values come from the owner's own definition and are written by their kind; an index has no parameters.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BindParameter, ClauseElement, ColumnElement, Table, literal_column
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import visitors

from adapters.outbound.sql.columns import tables
from adapters.outbound.sql.literals import literal
from adapters.outbound.sql.rules import RuleCompiler, bind_values
from domain.rules.check import check
from domain.rules.paths import Scope
from domain.rules.shape import shape
from domain.rules.values import Values
from domain.schema.collection import Collection, Index, Schema

# Not those of statements: with their style of parameters a `%` in a text would be doubled.
_DIALECTS: dict[str, Dialect] = {
    "sqlite": sqlite.dialect(paramstyle="named"),  # type: ignore[no-untyped-call]
    "postgresql": postgresql.dialect(paramstyle="named"),  # type: ignore[no-untyped-call]
}
_NEVER = datetime(2000, 1, 1, tzinfo=UTC)  # nothing in such a condition asks for the time


def index_condition(schema: Schema, collection: Collection, index: Index, dialect: str) -> str:
    """What stands after WHERE; names are those of the table's own columns."""
    by_name = tables(schema.with_collection(collection)).tables
    written = index_expression(schema, collection, index, dialect, by_name)
    return str(written.compile(dialect=_DIALECTS[dialect], compile_kwargs={"include_table": False}))


def index_expression(
    schema: Schema, collection: Collection, index: Index, dialect: str, by_name: Mapping[str, Table]
) -> ColumnElement[bool]:
    """The condition over the collection's table, with its values written out."""
    bound = shape(check(index.where, Scope(schema, collection, client=False)), Values(_NEVER))
    compiler = RuleCompiler(schema, by_name, dialect)
    condition = compiler.condition(bound.shape, by_name[collection.name])
    return _written(condition, bind_values(compiler.binds, bound.values), dialect)


def _written(condition: Any, values: Mapping[str, Any], dialect: str) -> ColumnElement[bool]:
    def told(element: ClauseElement, **_: Any) -> ClauseElement | None:
        if isinstance(element, BindParameter):
            return literal_column(literal(values[element.key] if element.value is None else element.value, dialect))
        return None

    written: ColumnElement[bool] = visitors.replacement_traverse(condition, {}, told)
    return written
