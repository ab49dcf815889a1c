"""Views as subselects that stand where a collection's table would, so that everything that reads reads them too.

They are no views of the database: those would stand in the way of changing what they read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Label,
    Numeric,
    Select,
    Subquery,
    Table,
    Text,
    case,
    cast,
    func,
    literal_column,
    select,
)

from adapters.outbound.sql.literals import literal
from adapters.outbound.sql.measures import measure
from adapters.outbound.sql.names import key_column
from adapters.outbound.sql.rules import RuleCompiler, bind_values
from adapters.outbound.sql.sqlite_functions import GROUP_ID, GROUP_ID_LENGTH
from domain.records.views import ViewColumn, ViewPlan, view_plan
from domain.schema.collection import Collection, Schema
from domain.schema.kinds import Kind

Expression = ColumnElement[Any]
_NOTHING: Expression = literal_column("''", Text())
_ABSENT: Expression = literal_column("'-'", Text())


class Sources(dict[str, Table]):
    """The tables of a schema by name, and each view once somebody asks for it. Typed as what most of them are: nobody writes to a
    view, and readers ask for columns and aliases only."""

    def __init__(self, schema: Schema, tables: Mapping[str, Table], dialect: str) -> None:
        super().__init__(tables)
        self._schema, self._tables, self._dialect = schema, tables, dialect

    def __missing__(self, name: str) -> Table:
        view = self._schema.collections.get(name)
        if view is None or view.query is None:
            raise KeyError(name)
        made: Any = _View(view, view_plan(self._schema, view.query), self._schema, self._tables, self._dialect).subselect()
        self[name] = made
        return self[name]


class _View:
    def __init__(self, view: Collection, plan: ViewPlan, schema: Schema, tables: Mapping[str, Table], dialect: str) -> None:
        self._view, self._plan, self._dialect = view, plan, dialect
        # Names of its own, so that it can stand beside anything else in a statement, itself included.
        self._compiler = RuleCompiler(schema, tables, dialect, prefix=f"w_{view.name}_")
        self._source = tables[plan.source.name].alias("_source")

    def subselect(self) -> Subquery:
        statement = self._groups() if self._plan.is_grouped else self._rows(self._shown(), self._source.c.id.label("id"))
        # The filter asks nothing of a request: its values are known already.
        return statement.params(bind_values(self._compiler.binds, self._plan.where.values)).subquery(f"_view_{self._view.name}")

    def _rows(self, columns: list[Label[Any]], *before: Label[Any]) -> Select[Any]:
        condition = self._compiler.condition(self._plan.where.shape, self._source)
        return select(*before, *columns).select_from(self._source).where(condition)

    def _shown(self) -> list[Label[Any]]:
        """What each column reads of one record of the source; an e-mail address with its key beside it."""
        return [value.label(name) for each in self._plan.columns for name, value in self._values(each).items()]

    def _values(self, column: ViewColumn) -> dict[str, Expression]:
        if column.path is None:
            return {}
        if column.path.kind is Kind.JSON:
            return {column.name: self._compiler.whole(column.path, self._source)}
        # A column of a view is not folded: it is what was written.
        value = self._compiler.path(replace(column.path, fold=False), self._source)
        if not column.path.email:
            return {column.name: value}
        return {column.name: self._compiler.path(replace(column.path, email=False), self._source), key_column(column.name): value}

    # --- groups

    def _groups(self) -> Select[Any]:
        shown = self._shown() or [literal_column("1").label("_one")]
        rows = self._rows(shown).subquery("_rows")
        groups = [each for each in self._plan.columns if each.is_group]
        by = [rows.c[_compared(each)] for each in groups]
        columns = [value.label(name) for each in self._plan.columns for name, value in self._told(each, rows).items()]
        return select(self._id(groups, by).label("id"), *columns).select_from(rows).group_by(*by)

    def _told(self, column: ViewColumn, rows: FromClause) -> dict[str, Expression]:
        value = rows.c[column.name] if column.path else None
        if not column.is_group:
            kind, scale = (column.path.kind, column.path.scale) if column.path else (Kind.INTEGER, 0)
            return {column.name: measure(column.function, value, kind, scale, self._dialect)}
        if column.path is None or not column.path.email or value is None:
            return {column.name: rows.c[column.name]}
        # Addresses that are equal make one group; it is shown as one of them is written.
        key = key_column(column.name)
        return {column.name: func.min(value, type_=value.type), key: rows.c[key]}

    def _id(self, groups: list[ViewColumn], by: Sequence[Expression]) -> Expression:
        salt = self._salt(groups)
        if self._dialect == "sqlite":
            return getattr(func, GROUP_ID)(*salt, *by, type_=Text())  # type: ignore[no-any-return]
        written = _NOTHING
        for value in salt:
            written = written.concat(_counted(value))
        for each, value in zip(groups, by, strict=True):
            written = written.concat(_piece(each, value))
        digest = func.encode(func.sha256(func.convert_to(written, literal_column("'UTF8'"))), literal_column("'hex'"))
        return func.left(digest, literal_column(str(GROUP_ID_LENGTH)), type_=Text()).collate("C")

    def _salt(self, groups: list[ViewColumn]) -> list[Expression]:
        """Before the values of a group of which some are hidden: whoever reads the id could try values until one fits. The id of the
        view itself is random, and admins alone are told it."""
        if not any(self._view.every_field[each.name].hidden for each in groups):
            return []
        return [literal_column(literal(self._view.id, self._dialect), Text())]


def _compared(column: ViewColumn) -> str:
    return key_column(column.name) if column.path and column.path.email else column.name


def _piece(column: ViewColumn, value: Expression) -> Expression:
    """As sqlite_functions.group_id writes it."""
    assert column.path is not None
    text = _WRITTEN.get(column.path.kind, lambda value, scale: value)(value, column.path.scale)
    return case((value.is_(None), _ABSENT), else_=_counted(text))


def _counted(text: Expression) -> Expression:
    length = cast(func.char_length(text), Text())
    return literal_column("'+'", Text()).concat(length).concat(literal_column("':'", Text())).concat(text)


_WRITTEN: dict[Kind, Any] = {
    Kind.INTEGER: lambda value, scale: cast(value, Text()),
    Kind.BOOL: lambda value, scale: cast(cast(value, Integer()), Text()),
    Kind.DECIMAL: lambda value, scale: cast(cast(value * literal_column(f"1e{scale}", Numeric()), BigInteger()), Text()),
    Kind.NUMBER: lambda value, scale: func.encode(func.float8send(value), literal_column("'hex'"), type_=Text()),
}
