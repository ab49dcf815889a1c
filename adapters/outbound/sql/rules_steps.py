"""Going along relations that lead to one record at most: as a value, as a question about the one target, or as the set of targets.

A step whose guard fails leads nowhere, as one does whose relation holds nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import FromClause, Select, Table, and_, case, exists, func, literal_column, select

from adapters.outbound.sql.rules_dialects import Expression, Truth
from adapters.outbound.sql.rules_places import Spot
from domain.rules.tree import Condition, Step

Read = Callable[[FromClause], Expression]
Holds = Callable[[FromClause], Truth]
ONE: Expression = literal_column("1")


_ALIASES = "aliases of conditions"


class Steps:
    """`condition` compiles a guard; `prefix` keeps the names of several compilers apart that share a statement."""

    def __init__(
        self, tables: Mapping[str, FromClause], dialect: str, prefix: str, condition: Callable[[Condition, FromClause], Truth]
    ) -> None:
        self._tables, self._dialect, self._prefix, self._condition = tables, dialect, prefix, condition
        self._names = 0

    def name(self) -> str:
        """One that no collection can have."""
        self._names += 1
        return f"_{self._prefix}r{self._names}"

    def table(self, name: str) -> FromClause:
        """An alias is kept with its table: making its columns is a third of what a condition over many records costs."""
        table, alias = self._tables[name], self.name()
        if not isinstance(table, Table):
            return table.alias(alias)
        kept = table.info.setdefault(_ALIASES, {})
        if alias not in kept:
            kept[alias] = table.alias(alias)
        found: FromClause = kept[alias]
        return found

    def unnamed(self, name: str) -> FromClause:
        """For whom gives it a name of its own."""
        return self._tables[name]

    def allowed(self, guard: Condition | None, row: FromClause) -> tuple[Truth, ...]:
        return () if guard is None else (self._condition(guard, row),)

    def guarded(self, value: Expression, guard: Condition | None, row: FromClause) -> Expression:
        return value if guard is None else case((self._condition(guard, row), value))

    # --- ways

    def through(self, spot: Spot, read: Read) -> Expression:
        """What `read` finds at the end of the steps, NULL where one of them leads nowhere."""
        if not spot.steps:
            return read(spot.row)
        way = self._way(spot.steps)
        found = select(read(way.end)).where(*way.joined, way.first.c.id == self._held(spot, spot.steps[0]))
        return found.correlate_except(*way.rows).scalar_subquery()

    def reaches(self, spot: Spot, holds: Holds) -> Truth:
        """The form for tests that most targets may pass: looks at the one target of each row."""
        if not spot.steps:
            return holds(spot.row)
        way = self._way(spot.steps)
        # What may nest comes first: SQLite's parser keeps what stands before it in mind, and has little room.
        here = select(ONE).where(holds(way.end), *way.joined, way.first.c.id == self._held(spot, spot.steps[0]))
        return exists(here.correlate_except(*way.rows))

    def among(self, spot: Spot, holds: Holds, *, beside: bool) -> Truth:
        """The form for tests that few targets pass: finds those by index, then the rows that point at them."""
        if not spot.steps:
            return holds(spot.row)
        way, step = self._way(spot.steps), spot.steps[0]
        ids = select(way.first.c.id).where(holds(way.end), *way.joined).correlate_except(*way.rows)
        found = self.one_of(spot.row.c[step.field] if spot.id is None else spot.id, ids, beside=beside)
        # Beside the bare column, so that its index still serves.
        return found if spot.id is not None or step.field_guard is None else and_(*self.allowed(step.field_guard, spot.row), found)

    def _way(self, steps: tuple[Step, ...]) -> "_Way":
        rows: list[FromClause] = []
        joined: list[Truth] = []
        for step in steps:
            target = self.table(step.target)
            if rows:
                joined += self.allowed(step.field_guard, rows[-1])
                joined.append(target.c.id == rows[-1].c[step.field])
            joined += self.allowed(step.guard, target)
            rows.append(target)
        return _Way(tuple(rows), tuple(joined))

    def one_of(self, column: Expression, ids: Select[Any], *, beside: bool) -> Truth:
        """`beside`: the condition is one of several alternatives."""
        if beside and self._dialect == "postgresql":
            # Only so does PostgreSQL combine the column's index with those of the other alternatives.
            return column == func.any(func.array(ids.scalar_subquery()))
        return column.in_(ids)

    def end(self, spot: Spot) -> tuple[Spot, Read]:
        """How to read the id of the record that the steps lead to: where nothing is asked of it, the relation before it tells."""
        if not spot.steps or spot.steps[-1].guard is not None:
            return spot, lambda row: row.c.id
        last, shorter = spot.steps[-1], spot.before(1)
        if shorter.steps or spot.id is None:
            return shorter, lambda row: self.guarded(row.c[last.field], last.field_guard, row)
        id_ = spot.id
        return Spot(spot.row), lambda row: id_

    def _held(self, spot: Spot, step: Step) -> Expression:
        return spot.id if spot.id is not None else self.guarded(spot.row.c[step.field], step.field_guard, spot.row)


@dataclass(frozen=True, slots=True)
class _Way:
    """The tables of some steps, and how each is joined to the one before it; the first is joined by whoever takes the way."""

    rows: tuple[FromClause, ...]
    joined: tuple[Truth, ...]

    @property
    def first(self) -> FromClause:
        return self.rows[0]

    @property
    def end(self) -> FromClause:
        return self.rows[-1]
