"""SQLAlchemy Core statements compiled once to text and bind plan, so that running one costs a dict lookup and the driver's call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Executable
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect

DIALECTS: dict[str, Dialect] = {
    "sqlite": sqlite.dialect(paramstyle="qmark"),  # type: ignore[no-untyped-call]
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


def prepare(statement: Executable, dialect: str) -> Prepared:
    """Compiles for `dialect` ("sqlite" or "postgresql"); bind names stay as they were given."""
    compiled = statement.compile(dialect=DIALECTS[dialect])  # type: ignore[attr-defined]
    order = tuple(compiled.positiontup) if compiled.positional else None
    return Prepared(str(compiled), order, {name: value for name, value in compiled.params.items() if value is not None})
