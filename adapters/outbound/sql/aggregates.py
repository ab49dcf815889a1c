"""Aggregates of a collection's records: one statement, ahead of which stand the schema version and the actor's epoch as in every read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    UnaryExpression,
    and_,
    bindparam,
    column,
    func,
    literal_column,
    select,
    true,
)

from adapters.outbound.sql.columns import TEXT, presenter
from adapters.outbound.sql.measures import Measured, measured
from adapters.outbound.sql.names import link_name
from adapters.outbound.sql.record_reads import META, ReadPlans, guard_values
from adapters.outbound.sql.rules import Bind, RuleCompiler, bind_values
from adapters.outbound.sql.rules_dialects import FORMS
from adapters.outbound.sql.session import Session
from adapters.outbound.sql.statements import Prepared, prepare
from domain.records.aggregates import UNITS, Dimension, Grouping, Measure
from domain.records.reading import Guard
from domain.schema.fields import RelationField
from domain.schema.kinds import Kind

Expression = ColumnElement[Any]
Present = Callable[[Sequence[Any]], Any]
# schema version, epoch, the mark that there is a group
_AHEAD = 3
_MARK: Expression = literal_column("1").label("mark")


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """`cuts`: for each name of the answer the part of a row that it is made of, and how."""

    prepared: Prepared
    binds: tuple[Bind, ...]
    cuts: tuple[tuple[slice, Present | None], ...]


class AggregatePlans(ReadPlans):
    """Compiles aggregates by their shape and runs them on the session."""

    def groups(self, grouping: Grouping, guard: Guard | None) -> tuple[list[tuple[Any, ...]], bool]:
        """At most `limit` groups, each a row of answers, and whether more follow."""
        key = ("groups", grouping.collection.name, grouping.where.shape, grouping.dimensions, grouping.measures, grouping.order,
               bool(grouping.offset), guard and guard.shape)  # fmt: skip
        plan = self._session.plan(key, lambda: self._planned(grouping, guard))
        values = {"limit": grouping.limit + 1, "offset": grouping.offset, **guard_values(guard),
                  **bind_values(plan.binds, grouping.where.values)}  # fmt: skip
        rows = self._opened(self._session.execute(plan.prepared, values), guard)
        found = [tuple(_presented(row[cut], present) for cut, present in plan.cuts) for row in rows[: grouping.limit]]
        return found, len(rows) > grouping.limit

    def _planned(self, grouping: Grouping, guard: Guard | None) -> GroupPlan:
        compiler = self._compiler()
        parts, rows = _Rows(self._session, compiler, grouping).parts()
        groups = _limited(_grouped(parts, rows, grouping), grouping, parts, self._session.dialect).subquery("_groups")
        ahead, source = self._ahead(guard)
        columns = [column for at, part in enumerate(parts) for column in _labelled(part, at, groups)]
        statement = select(*ahead, groups.c.mark, *columns).select_from(source.outerjoin(groups, true())).where(META.c.id == 1)
        ordered = statement.order_by(*_order(grouping, parts, groups, self._session.dialect))
        return GroupPlan(prepare(ordered, self._session.dialect), compiler.binds, _cuts(parts))


class _Rows:
    """The values of each record that groups are made of, as a subselect: what is no column of the record's own table could not be
    grouped by itself on both engines."""

    def __init__(self, session: Session, compiler: RuleCompiler, grouping: Grouping) -> None:
        self._session, self._compiler, self._grouping = session, compiler, grouping
        self._table = session.tables[grouping.collection.name]
        self._element: Expression | None = None

    def parts(self) -> tuple[list[Measured], Subquery]:
        asked = self._grouping.asked
        source = self._with_elements()
        needs = [self._needs(each) for each in asked]
        labelled: list[Expression] = [need.label(f"n{at}_{place}") for at, each in enumerate(needs) for place, need in enumerate(each)]
        condition = self._compiler.condition(self._grouping.where.shape, self._table, whole=True)
        rows = select(*(labelled or [_MARK])).select_from(source).where(condition).subquery("_rows")
        columns = [[rows.c[f"n{at}_{place}"] for place in range(len(each))] for at, each in enumerate(needs)]
        return [self._part(each, columns[at]) for at, each in enumerate(asked)], rows

    def _with_elements(self) -> FromClause:
        """The table, where a dimension holds many values with a row for each of them, or with one for none."""
        lists = [each.path for each in self._grouping.dimensions if each.path.elements]
        if not lists:
            return self._table
        path, dialect = lists[0], self._session.dialect
        joined = true() if path.guard is None else self._compiler.condition(path.guard, self._table)
        if isinstance(self._grouping.collection.every_field[path.name], RelationField):
            links = self._session.tables[link_name(self._grouping.collection, path.name)].alias("_links")
            self._element = links.c.target
            return self._table.outerjoin(links, and_(links.c.source == self._table.c.id, joined))
        items = func.json_each if dialect == "sqlite" else func.jsonb_array_elements_text
        listed: Any = items(self._table.c[path.name]).table_valued(column("value", TEXT), name="_listed")
        listed = listed if dialect == "sqlite" else listed.render_derived()
        self._element = FORMS[dialect].by_code_point(listed.c.value)
        return self._table.outerjoin(listed, joined)

    def _needs(self, asked: Dimension | Measure) -> list[Expression]:
        if asked.path is None:
            return []
        if asked.path.elements and self._element is not None:
            return [self._element]
        value = self._compiler.path(asked.path, self._table)
        if isinstance(asked, Measure):
            return [value]
        if asked.unit:
            return [func.substr(value, literal_column("1"), literal_column(str(UNITS[asked.unit])), type_=value.type)]
        if not asked.path.keyed:
            return [value]
        # Texts that are equal make one group; it is shown as one of them is written.
        return [value, self._compiler.path(replace(asked.path, email=False, fold=False), self._table)]

    def _part(self, asked: Dimension | Measure, columns: Sequence[Expression]) -> Measured:
        if isinstance(asked, Dimension):
            return self._dimension(asked, columns)
        kind, scale = (asked.path.kind, asked.path.scale) if asked.path else (Kind.INTEGER, 0)
        part = measured(asked.function, columns[0] if columns else None, kind, scale, self._session.dialect)
        if asked.path is None or asked.function not in ("min", "max"):
            return part
        return replace(part, present=self._presenter(asked))

    def _dimension(self, asked: Dimension, columns: Sequence[Expression]) -> Measured:
        if asked.path.keyed:
            return Measured((columns[0], func.min(columns[1], type_=columns[1].type)), lambda values: values[1])
        # A part of a date, or of a list, is told as it is.
        return Measured((columns[0],), None if asked.unit or asked.path.elements else self._presenter(asked))

    def _presenter(self, asked: Dimension | Measure) -> Present | None:
        assert asked.path is not None
        field = self._session.schema.collection(asked.path.collection).every_field[asked.path.name]
        present = presenter(field, self._session.dialect)
        return None if present is None else lambda values: present(values[0])


def _grouped(parts: list[Measured], rows: Subquery, grouping: Grouping) -> Subquery:
    columns = [column.label(f"g{at}_{place}") for at, part in enumerate(parts) for place, column in enumerate(part.columns)]
    by = [part.columns[0] for part in parts[: len(grouping.dimensions)]]
    return select(_MARK, *columns).select_from(rows).group_by(*by).subquery("_whole")


def _limited(whole: Subquery, grouping: Grouping, parts: list[Measured], dialect: str) -> Select[Any]:
    limited = select(*whole.c).order_by(*_order(grouping, parts, whole, dialect)).limit(bindparam("limit"))
    return limited.offset(bindparam("offset")) if grouping.offset else limited


def _labelled(part: Measured, at: int, source: FromClause) -> list[Expression]:
    return [source.c[f"g{at}_{place}"] for place in range(len(part.columns))]


def _order(grouping: Grouping, parts: list[Measured], groups: FromClause, dialect: str) -> list[UnaryExpression[Any]]:
    """Nulls are smallest, as in lists."""
    columns = [(column, down) for at, down in grouping.order for column in _labelled(parts[at], at, groups)]
    if dialect == "sqlite":
        return [column.desc() if down else column.asc() for column, down in columns]
    return [column.desc().nulls_last() if down else column.asc().nulls_first() for column, down in columns]


def _cuts(parts: list[Measured]) -> tuple[tuple[slice, Present | None], ...]:
    cuts, start = [], _AHEAD
    for part in parts:
        cuts.append((slice(start, start + len(part.columns)), part.present))
        start += len(part.columns)
    return tuple(cuts)


def _presented(values: Sequence[Any], present: Present | None) -> Any:
    if present is None or values[-1] is None:
        return values[-1]
    return present(values)
