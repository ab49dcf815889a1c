"""SQLAlchemy Core statements compiled once to text and bind plan, so that running one costs a dict lookup and the driver's call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Executable
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler


class _SqliteCompiler(SQLiteCompiler):
    """Names columns in RETURNING with their table, as everywhere: without it, a column in a subquery there would be taken for one of
    the same name in the subquery's own tables."""

    def returning_clause(self, stmt: Any, returning_cols: Any, **kw: Any) -> str:
        return SQLCompiler.returning_clause(self, stmt, returning_cols, **kw)


def _sqlite() -> Dialect:
    dialect: Dialect = sqlite.dialect(paramstyle="qmark")  # type: ignore[no-untyped-call]
    dialect.statement_compiler = _SqliteCompiler
    return dialect


DIALECTS: dict[str, Dialect] = {
    "sqlite": _sqlite(),
    "postgresql": postgresql.psycopg.dialect(),  # type: ignore[attr-defined]
}


@dataclass(frozen=True, slots=True)
class Prepared:
    """SQL text and how its parameters are laid out. `defaults` are the constants that were in the statement."""

    text: str
    order: tuple[str, ...] | None  # names by position on SQLite; None where the driver takes names
    defaults: Mapping[str, Any]

    def arguments(self, values: Mapping[str, Any]) -> Sequence[Any] | Mapping[str, Any]:
        """The driver's arguments: constants overlaid with this run's values."""
        merged = {**self.defaults, **values}
        return merged if self.order is None else [merged[name] for name in self.order]

    def rows(self, columns: Mapping[str, Sequence[Any]]) -> Sequence[Any]:
        """The driver's arguments for each row, of a statement without constants."""
        if self.order is None:
            return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        return list(zip(*(columns[name] for name in self.order), strict=True))


def prepare(statement: Executable, dialect: str) -> Prepared:
    """Compiles for `dialect` ("sqlite" or "postgresql"); bind names stay as they were given."""
    compiled = statement.compile(dialect=DIALECTS[dialect])  # type: ignore[attr-defined]
    order = tuple(compiled.positiontup) if compiled.positional else None
    return Prepared(str(compiled), order, {name: value for name, value in compiled.params.items() if value is not None})
