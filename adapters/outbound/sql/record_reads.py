"""The reads that answer requests: each one statement, whose first columns tell the schema version and whether the actor's account
and session stand.

`_meta` has one row, so joining everything else to it from the left brings these two back even where no record is found.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    null,
    select,
    true,
)
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table

from adapters.outbound.sql.api_keys import TABLE as KEYS
from adapters.outbound.sql.columns import EPOCH_COLUMN, is_linked, presenter
from adapters.outbound.sql.explaining import explained
from adapters.outbound.sql.id_sets import given_ids, ids_value, one_of
from adapters.outbound.sql.keyset import Key, keyset, keyset_values, order_by
from adapters.outbound.sql.lists import shown_column
from adapters.outbound.sql.names import link_name
from adapters.outbound.sql.own_keys import OWN_KEYS
from adapters.outbound.sql.rules import Bind, RuleCompiler, bind_values
from adapters.outbound.sql.search import Searching, search_values
from adapters.outbound.sql.session import Session
from adapters.outbound.sql.session_rows import SESSIONS
from adapters.outbound.sql.statements import Prepared, prepare
from domain.actor import API_KEYS
from domain.errors import Unauthenticated
from domain.records.explanations import Plan
from domain.records.reading import RANK, Guard, Listing, Reading, SortKey, Window
from domain.schema.collection import Collection
from domain.schema.fields import RelationField

META = sql_table("_meta", sql_column("id"), sql_column("schema_version"))
# schema version, epoch, id of the record (the mark that there is one)
_AHEAD = 3
# What masks are compiled with, so that their parameters keep apart from those of the condition.
MASKS = "m"
# And those of the fields that are searched.
SEARCHED = "s"

Rows = list[tuple[Any, ...]]
Columns = list[ColumnElement[Any]]
Present = tuple[tuple[int, Callable[[Any], Any]], ...]


@dataclass(frozen=True, slots=True)
class ReadPlan:
    prepared: Prepared
    binds: tuple[Bind, ...]
    present: Present = ()
    keys: tuple[Key, ...] = ()
    width: int = 0
    masks: tuple[Bind, ...] = ()
    searched: tuple[Bind, ...] = ()


class ReadPlans:
    """Compiles reads by their shape and runs them on the session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def check_guard(self, guard: Guard | None) -> None:
        plan = self._session.plan(("guard", guard and guard.shape), lambda: self._guarding(guard))
        self._opened(self._session.execute(plan.prepared, guard_values(guard)), guard)

    def get(self, reading: Reading, id: str, guard: Guard | None) -> Sequence[Any] | None:
        key = (
            "get",
            reading.collection.name,
            reading.columns,
            reading.masks.conditions,
            reading.where.shape,
            guard and guard.shape,
        )
        plan = self._session.plan(key, lambda: self._getting(reading, guard))
        values = {"id": id, **guard_values(guard), **_values(plan, reading)}
        rows = self._opened(self._session.execute(plan.prepared, values), guard)
        return _presented(rows[0][_AHEAD:], plan.present) if rows else None

    def list(self, reading: Reading, window: Window, guard: Guard | None) -> Listing:
        plan = self._list_plan(reading, window, guard)
        values = self._list_values(plan, reading, window, guard)
        answered = self._session.execute(plan.prepared, values)
        rows = self._opened(answered, guard)
        ahead, end = _AHEAD + window.count, _AHEAD + window.count + plan.width
        shown = [_presented(row[ahead:end], plan.present) for row in rows[: window.limit]]
        more = len(rows) > window.limit
        last = (
            tuple(key.decode(value) for key, value in zip(plan.keys, rows[window.limit - 1][end:], strict=True))
            if more
            else None
        )
        return Listing(shown, last, answered[0][_AHEAD] if window.count else None)

    def explain(self, reading: Reading, window: Window, guard: Guard | None) -> Plan:
        plan = self._list_plan(reading, window, guard)
        return explained(self._session, plan.prepared, self._list_values(plan, reading, window, guard))

    def _list_plan(self, reading: Reading, window: Window, guard: Guard | None) -> ReadPlan:
        starts = None if window.after is None else tuple(value is None for value in window.after)
        key = ("list", reading.collection.name, reading.columns, reading.masks.conditions, reading.where.shape,
               guard and guard.shape, window.order, starts, bool(window.offset), window.count,
               window.search and window.search.shape)  # fmt: skip
        return self._session.plan(key, lambda: self._listing(reading, window, guard))

    def _list_values(self, plan: ReadPlan, reading: Reading, window: Window, guard: Guard | None) -> dict[str, Any]:
        return {"limit": window.limit + 1, "offset": window.offset, **guard_values(guard), **_values(plan, reading),
                **keyset_values(plan.keys, window.after), **search_values(window.search, self._session.dialect),
                **bind_values(plan.searched, window.search.masks.values if window.search else ())}  # fmt: skip

    def among(self, reading: Reading, ids: Sequence[str]) -> Mapping[str, Sequence[Any]]:
        key = ("among", reading.collection.name, reading.columns, reading.masks.conditions, reading.where.shape)
        plan = self._session.plan(key, lambda: self._choosing(reading))
        values = {"ids": ids_value(ids, self._session.dialect), **_values(plan, reading)}
        return {row[0]: _presented(row[1:], plan.present) for row in self._session.execute(plan.prepared, values)}

    def behind(self, key: Hashable, guard: Guard | None, build: Callable[[], FromClause], values: Mapping[str, Any]) -> Rows:
        """The rows of another store's subquery, read in one statement with version and epoch. Its first column is never null; the
        subquery is ordered by it, the greatest first."""
        plan = self._session.plan((key, guard and guard.shape), lambda: self._behind(guard, build()))
        return [row[2:] for row in self._opened(self._session.execute(plan.prepared, {**values, **guard_values(guard)}), guard)]

    def pointing(
        self, reading: Reading, relation: RelationField, ids: Sequence[str], *, each: int, limit: int
    ) -> Sequence[tuple[str, Sequence[Any]]]:
        key = ("pointing", reading.collection.name, relation.name, reading.columns, reading.masks.conditions, reading.where.shape)
        plan = self._session.plan(key, lambda: self._pointing(reading, relation))
        values = {"ids": ids_value(ids, self._session.dialect), "each": each, "limit": limit, **_values(plan, reading)}
        return [(row[0], _presented(row[1:], plan.present)) for row in self._session.execute(plan.prepared, values)]

    def _opened(self, rows: Rows, guard: Guard | None) -> Rows:
        """The rows that hold a record, once version and account are found to be what the request was built on."""
        version, epoch = rows[0][0], rows[0][1]
        if version != self._session.schema.version:
            self._session.moved()
        if guard is not None and epoch != guard.epoch:
            raise Unauthenticated(
                "this session has ended or the sign-in data has changed", code="session_ended", hint="sign in again"
            )
        return rows if rows[0][2] is not None else []

    # --- building statements

    def _guarding(self, guard: Guard | None) -> ReadPlan:
        ahead, source = self._ahead(guard)
        statement = select(*ahead, null()).select_from(source).where(META.c.id == 1)
        return ReadPlan(prepare(statement, self._session.dialect), ())

    def _behind(self, guard: Guard | None, source: FromClause) -> ReadPlan:
        ahead, meta = self._ahead(guard)
        first = next(iter(source.c))
        statement = select(*ahead, *source.c).select_from(meta.outerjoin(source, true())).where(META.c.id == 1).order_by(first.desc())
        return ReadPlan(prepare(statement, self._session.dialect), ())

    def _getting(self, reading: Reading, guard: Guard | None) -> ReadPlan:
        table, compiler, masks = self._session.tables[reading.collection.name], self._compiler(), self._compiler(MASKS)
        ahead, source = self._ahead(guard)
        found = and_(table.c.id == bindparam("id"), compiler.condition(reading.where.shape, table))
        statement = (
            select(*ahead, table.c.id, *self._columns(reading, table, masks))
            .select_from(source.outerjoin(table, found))
            .where(META.c.id == 1)
        )
        return ReadPlan(prepare(statement, self._session.dialect), compiler.binds, self._presenters(reading), masks=masks.binds)

    def _listing(self, reading: Reading, window: Window, guard: Guard | None) -> ReadPlan:
        table, compiler, masks = self._session.tables[reading.collection.name], self._compiler(), self._compiler(MASKS)
        condition = compiler.condition(reading.where.shape, table)
        seen = self._compiler(SEARCHED)
        searching = self._searching(reading, window, seen)
        if searching is not None:
            condition = and_(searching.condition, condition)
        keys = tuple(self._key(at, key, compiler, reading, searching) for at, key in enumerate(window.order))
        # Only ids and keys go through the sort; the rows themselves are fetched for what is left of it.
        ordering = [key.expression.label(f"o{at}") for at, key in enumerate(keys)]
        base = select(table.c.id.label("mark"), *ordering).where(condition)
        direct = reading.collection.is_view
        if direct:
            # It is computed once, not once more for what is shown.
            base = base.add_columns(*(column.label(f"c{at}") for at, column in enumerate(self._columns(reading, table, masks))))
        page = self._limited(base, keys, window).subquery("_page")  # no collection's name begins so
        row = page if direct else table.alias("_shown")
        columns = [page.c[f"c{at}"] for at in range(len(reading.columns))] if direct else self._columns(reading, row, masks)
        total = [self._total(reading, compiler, searching)] if window.count else []
        ahead, source = self._ahead(guard)
        joined = source.outerjoin(page, true())
        statement = (
            select(*ahead, page.c.mark, *total, *columns, *(page.c[f"o{at}"] for at in range(len(keys))))
            .select_from(joined if direct else joined.outerjoin(row, row.c.id == page.c.mark))
            .where(META.c.id == 1)
        )
        ordered = statement.order_by(
            *order_by([key.of(page.c[f"o{at}"]) for at, key in enumerate(keys)], self._session.dialect)
        )
        return ReadPlan(
            prepare(ordered, self._session.dialect), compiler.binds, self._presenters(reading), keys, len(columns), masks.binds,
            seen.binds,
        )

    def _total(self, reading: Reading, compiler: RuleCompiler, searching: Searching | None) -> ColumnElement[Any]:
        table = self._session.tables[reading.collection.name]
        # A view is computed anew wherever it stands.
        counted = compiler.condition(reading.where.shape, table, whole=not reading.collection.is_view and searching is None)
        if searching is not None:
            counted = and_(searching.condition, counted)
        return select(func.count()).select_from(table).where(counted).scalar_subquery()

    def _searching(self, reading: Reading, window: Window, compiler: RuleCompiler) -> Searching | None:
        if window.search is None:
            return None
        table = self._session.tables[reading.collection.name]
        return Searching(reading.collection, window.search, table, self._session.dialect, compiler.condition)

    def _limited(self, base: Select[Any], keys: tuple[Key, ...], window: Window) -> Any:
        if window.after is not None:
            return keyset(base, keys, window.after, self._session.dialect)
        ordered = base.order_by(*order_by(keys, self._session.dialect)).limit(bindparam("limit"))
        return ordered.offset(bindparam("offset")) if window.offset else ordered

    def _key(self, at: int, key: SortKey, compiler: RuleCompiler, reading: Reading, searching: Searching | None) -> Key:
        table = self._session.tables[reading.collection.name]
        if searching is not None and key.path.name == RANK:
            return Key(f"k{at}", searching.rank, key.descending, False, key.path.kind, 0, self._session.dialect)
        nullable = bool(key.path.steps) or key.path.name not in ("id", "version", "created", "updated")
        return Key(
            f"k{at}",
            compiler.path(key.path, table),
            key.descending,
            nullable,
            key.path.kind,
            key.path.scale,
            self._session.dialect,
        )

    def _choosing(self, reading: Reading) -> ReadPlan:
        table, compiler, masks = self._session.tables[reading.collection.name], self._compiler(), self._compiler(MASKS)
        condition = and_(one_of(table.c.id, self._session.dialect), compiler.condition(reading.where.shape, table))
        statement = select(table.c.id, *self._columns(reading, table, masks)).where(condition)
        return ReadPlan(prepare(statement, self._session.dialect), compiler.binds, self._presenters(reading), masks=masks.binds)

    def _pointing(self, reading: Reading, relation: RelationField) -> ReadPlan:
        """For each id a walk along the relation's index that ends after `each` records, however many there are."""
        compiler, masks = self._compiler(), self._compiler(MASKS)
        given = given_ids(self._session.dialect)
        first = self._first_pointing(reading, relation, given.c.value, compiler)
        row = self._session.tables[reading.collection.name].alias("_shown")
        if self._session.dialect == "sqlite":
            source = given.join(row, row.c.id.in_(first.correlate(given)))
        else:
            found = first.lateral("_found")
            source = given.join(found, true()).join(row, row.c.id == found.c.mark)
        statement = select(given.c.value, *self._columns(reading, row, masks)).select_from(source)
        ordered = statement.order_by(given.c.value, row.c.id).limit(bindparam("limit"))
        return ReadPlan(prepare(ordered, self._session.dialect), compiler.binds, self._presenters(reading), masks=masks.binds)

    def _first_pointing(
        self, reading: Reading, relation: RelationField, target: ColumnElement[Any], compiler: RuleCompiler
    ) -> Select[Any]:
        table = self._session.tables[reading.collection.name]
        condition = compiler.condition(reading.where.shape, table)
        if is_linked(relation):
            link = self._session.tables[link_name(reading.collection, relation.name)]
            found = select(table.c.id.label("mark")).select_from(link.join(table, table.c.id == link.c.source))
            return found.where(link.c.target == target, condition).order_by(link.c.source).limit(bindparam("each"))
        found = select(table.c.id.label("mark")).where(table.c[relation.name] == target, condition)
        # In the order of the relation's index, which says where nulls would stand; SQLite has that order anyway.
        order = table.c.id if self._session.dialect == "sqlite" else table.c.id.nulls_first()
        return found.order_by(order).limit(bindparam("each"))

    def _ahead(self, guard: Guard | None) -> tuple[Columns, Any]:
        if guard is not None and guard.collection == API_KEYS:
            key = KEYS.alias("_actor")
            return [META.c.schema_version, key.c.epoch], META.outerjoin(key, key.c.id == bindparam("guard_id"))
        table = None if guard is None else self._session.tables.get(guard.collection)
        if table is None or EPOCH_COLUMN not in table.c:
            # A collection that is gone, or one of another type under its name: nobody there has that epoch.
            return [META.c.schema_version, null()], META
        account = table.alias("_actor")
        joined = META.outerjoin(account, account.c.id == bindparam("guard_id"))
        if guard is not None and guard.key:
            return self._ahead_of_own_key(guard, account, joined)
        if guard is None or not guard.session:
            return [META.c.schema_version, account.c[EPOCH_COLUMN]], joined
        session = SESSIONS.alias("_session")
        its_own = and_(session.c.id == bindparam("guard_session"), session.c.account == account.c.id)
        # Without its session, an account has no epoch for this request.
        standing = case((session.c.id.is_not(None), account.c[EPOCH_COLUMN]))
        return [META.c.schema_version, standing], joined.outerjoin(session, its_own)

    def _ahead_of_own_key(self, guard: Guard, account: Any, joined: Any) -> tuple[Columns, Any]:
        """The key is its account's, of its present epoch, and its collection lets accounts have keys: then the guard's epoch is told."""
        collection = self._session.schema.collection(guard.collection)
        if collection.api_keys is None:
            return [META.c.schema_version, null()], META
        key = OWN_KEYS.alias("_key")
        its_own = and_(key.c.id == bindparam("guard_key"), key.c.account == account.c.id, key.c.collection == collection.id)
        standing = case((key.c.epoch == account.c[EPOCH_COLUMN], 0))
        return [META.c.schema_version, standing], joined.outerjoin(key, its_own)

    def _columns(self, reading: Reading, row: FromClause, compiler: RuleCompiler) -> Columns:
        """Each field as it is shown, and under its mask if it has one: a masked list is an empty one."""
        masks = {name: compiler.condition(shape, row) for name, shape in reading.masks.conditions}
        shown = {name: self._shown(reading.collection, name, row) for name in reading.columns}
        nothing = {name: literal_column("'[]'") if reading.collection.every_field[name].many else null() for name in masks}
        told = {name: case((masks[name], column), else_=nothing[name]) if name in masks else column for name, column in shown.items()}
        # A field that is answered under two names stands there twice.
        return [told[name] for name in reading.columns]

    def _shown(self, collection: Collection, name: str, row: FromClause) -> ColumnElement[Any]:
        return shown_column(collection, collection.every_field[name], row, self._session.tables, self._session.dialect)

    def _presenters(self, reading: Reading) -> Present:
        found = (
            (at, presenter(reading.collection.every_field[name], self._session.dialect))
            for at, name in enumerate(reading.columns)
        )
        return tuple((at, present) for at, present in found if present is not None)

    def _compiler(self, prefix: str = "") -> RuleCompiler:
        return RuleCompiler(self._session.schema, self._session.tables, self._session.dialect, prefix=prefix)


def _presented(row: Sequence[Any], present: Present) -> Sequence[Any]:
    if not present:
        return row
    values = list(row)
    for at, convert in present:
        if values[at] is not None:
            values[at] = convert(values[at])
    return values


def _values(plan: ReadPlan, reading: Reading) -> dict[str, Any]:
    return {**bind_values(plan.binds, reading.where.values), **bind_values(plan.masks, reading.masks.values)}


def guard_values(guard: Guard | None) -> dict[str, Any]:
    return {} if guard is None else {"guard_id": guard.id, "guard_session": guard.session, "guard_key": guard.key}
