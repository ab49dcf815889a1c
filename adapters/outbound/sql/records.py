"""Records in their tables: reads that check schema version and account in the same statement, writes that carry their conditions."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import (
    Double,
    Select,
    Update,
    and_,
    cast,
    delete,
    func,
    insert,
    null,
    or_,
    select,
    true,
    update,
)
from sqlalchemy import Text as PlainText
from sqlalchemy.sql import bindparam
from sqlalchemy.sql.elements import ColumnElement

from adapters.outbound.sql.aggregates import AggregatePlans
from adapters.outbound.sql.columns import (
    DOCUMENT,
    EPOCH_COLUMN,
    SECRET_COLUMNS,
    decoder,
    derived,
    encoder,
    is_linked,
)
from adapters.outbound.sql.file_rows import HeldFiles
from adapters.outbound.sql.id_sets import ids_value, one_of
from adapters.outbound.sql.lists import Links, decoded, encode, shown_column, stored_fields
from adapters.outbound.sql.record_reads import ReadPlans
from adapters.outbound.sql.record_sets import RecordSets
from adapters.outbound.sql.rules import Bind, RuleCompiler, bind_values
from adapters.outbound.sql.search_indexes import words_columns
from adapters.outbound.sql.session import Session
from adapters.outbound.sql.statements import Prepared, prepare
from domain.errors import Invalid, invalid
from domain.records.aggregates import Grouping
from domain.records.changes import Changes, Draft, IfMatch
from domain.records.draft import stamps
from domain.records.events import created, updated
from domain.records.explanations import Plan
from domain.records.reading import Guard, Listing, Reading, Window
from domain.rules.shape import Bound
from domain.schema.collection import Collection
from domain.schema.fields import Field, RelationField
from domain.schema.kinds import INT64_MAX, INT64_MIN

Planned = tuple[Prepared, tuple[Bind, ...]]


class SqlRecordStore:
    """Works on one session; what it compiles is kept in the session's plans, by shape."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._reads, self._aggregates = ReadPlans(session), AggregatePlans(session)
        self._links, self._sets, self._files = Links(session), RecordSets(session), HeldFiles(session)

    # --- reads that answer a request

    def get(self, reading: Reading, id: str, guard: Guard | None) -> Sequence[Any] | None:
        return self._reads.get(reading, id, guard)

    def list(self, reading: Reading, window: Window, guard: Guard | None) -> Listing:
        return self._reads.list(reading, window, guard)

    def explain(self, reading: Reading, window: Window, guard: Guard | None) -> Plan:
        return self._reads.explain(reading, window, guard)

    def among(self, reading: Reading, ids: Sequence[str]) -> Mapping[str, Sequence[Any]]:
        return self._reads.among(reading, ids)

    def pointing(
        self, reading: Reading, relation: RelationField, ids: Sequence[str], *, each: int, limit: int
    ) -> Sequence[tuple[str, Sequence[Any]]]:
        return self._reads.pointing(reading, relation, ids, each=each, limit=limit)

    def groups(self, grouping: Grouping, guard: Guard | None) -> tuple[Sequence[Sequence[Any]], bool]:
        return self._aggregates.groups(grouping, guard)

    def check_guard(self, guard: Guard | None) -> None:
        self._reads.check_guard(guard)

    # --- reads that decide

    def load(self, collection: Collection, id: str) -> Mapping[str, Any] | None:
        plan = self._plan(("load", collection.name), lambda: (self._whole(collection), ()))
        rows = self._session.execute(plan[0], {"id": id})
        return self._decoded(collection, collection.every_field, rows[0]) if rows else None

    def load_many(self, collection: Collection, ids: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        plan = self._plan(("load many", collection.name), lambda: (self._wholes(collection), ()))
        return [self._decoded(collection, collection.every_field, row) for row in self._session.execute(plan[0], {"ids": self._ids(ids)})]

    def keyed(self, collection: Collection, field: Field, keys: Sequence[Any]) -> Mapping[Any, str]:
        return self._sets.keyed(collection, field, keys)

    def standing(self, collection: Collection, ids: Sequence[str]) -> frozenset[str]:
        return frozenset(self._sets.standing(collection, ids))

    def due(self, collection: Collection, field: str, until: Any, after: tuple[Any, str] | None, limit: int) -> Sequence[tuple[Any, str]]:
        return self._sets.due(collection, field, until, after, limit)

    def lock(self, collection: Collection, id: str, where: Bound) -> Mapping[str, Any] | None:
        plan = self._plan(("lock", collection.name, where.shape), lambda: self._locking(collection, where))
        held = self._first(collection, plan, {"id": id, **bind_values(plan[1], where.values)})
        return held if held is None else self._with_links(collection, held)

    def hold(self, collection: Collection, ids: Sequence[str]) -> None:
        self._sets.hold(collection, ids)

    def matches(self, collection: Collection, id: str, where: Bound) -> bool:
        plan = self._plan(("matches", collection.name, where.shape), lambda: self._matching(collection, where))
        return bool(self._session.execute(plan[0], {"id": id, **bind_values(plan[1], where.values)}))

    def draft_matches(self, collection: Collection, draft: Mapping[str, Any], where: Bound) -> bool:
        plan = self._plan(("draft", collection.name, where.shape), lambda: self._drafted(collection, where))
        values = self._encoded(collection, draft, prefix="d_", links=True)
        return bool(self._session.execute(plan[0], {**values, **bind_values(plan[1], where.values)}))

    # --- writes

    def insert(self, collection: Collection, draft: Draft) -> None:
        plan = self._plan(
            ("insert", collection.name, tuple(draft.secrets)), lambda: (self._inserting(collection, draft), ())
        )
        try:
            self._session.execute(plan[0], self._row(collection, draft))
        except Invalid as refused:
            raise self._blamed(collection, draft.values, refused) from refused
        self._links.add_all(collection, draft)
        self._files.written(collection, {}, draft.values, draft.values["updated"])
        self._session.events.of_record(created(collection, draft.values))

    def insert_many(self, collection: Collection, drafts: Sequence[Draft]) -> None:
        if not drafts:
            return
        plan = self._plan(
            ("insert", collection.name, tuple(drafts[0].secrets)), lambda: (self._inserting(collection, drafts[0]), ())
        )
        self._session.execute_many(plan[0], [self._row(collection, draft) for draft in drafts])
        self._links.add_many(collection, drafts)
        for draft in drafts:
            self._files.written(collection, {}, draft.values, draft.values["updated"])
            self._session.events.of_record(created(collection, draft.values))

    def insert_rows(self, collection: Collection, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """By columns: most of them go in as they are, and only the others cost a step for each value."""
        if not rows:
            return
        plan = self._plan(("insert", collection.name, ()), lambda: (self._inserting(collection, Draft({})), ()))
        columns = dict(zip(names, zip(*rows, strict=True), strict=True))
        self._session.execute_columns(plan[0], dict(self._encoded_columns(collection, columns)))
        self._links.add_columns(collection, columns)
        for row in rows if collection.file_fields else ():
            record = dict(zip(names, row, strict=True))
            self._files.written(collection, {}, record, record["updated"])

    def update(self, collection: Collection, id: str, changes: Changes, where: Bound) -> Mapping[str, Any] | None:
        key = ("update", collection.name, tuple(changes.values), tuple(changes.increments), tuple(changes.secrets),
               changes.end_sessions, _match_shape(changes.if_match), where.shape)  # fmt: skip
        values = {
            "w_id": id,
            **self._encoded(collection, changes.values, prefix="s_"),
            **self._increments(collection, changes),
            **{f"s_{SECRET_COLUMNS[name]}": value for name, value in changes.secrets.items()},
            **_match_values(changes.if_match),
        }
        try:
            held = self._changed(collection, key, changes, where, values)
        except Invalid as refused:
            raise self._blamed(collection, changes.values, refused) from refused
        if held is None:
            return None
        lists, after = self._links.change(collection, held[1], changes)
        before = {**after, **held[0], **lists}
        self._files.written(collection, before, after, after["updated"])
        self._session.events.of_record(updated(collection, before, after))
        return after

    def _changed(
        self, collection: Collection, key: Hashable, changes: Changes, where: Bound, values: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
        """Those columns that it changes as they were, and all as they are. PostgreSQL tells both in one statement; SQLite, whose writer
        holds the file, is asked before."""
        plan = self._plan(("changed", key), lambda: self._conditional(collection, changes, where))
        values = {**values, **bind_values(plan[1], where.values)}
        rows = self._session.execute(plan[0], values)
        if rows and self._session.dialect == "sqlite":
            plan = self._plan(key, lambda: (self._updating(collection, changes), ()))
            rows = [(*rows[0], *self._session.execute(plan[0], values)[0])]
        if not rows:
            return None
        names = self._renewed(collection, changes)
        before, after = rows[0][: len(names)], rows[0][len(names) :]
        return self._decoded(collection, names, before), self._decoded(collection, stored_fields(collection), after)

    def _renewed(self, collection: Collection, changes: Changes) -> tuple[str, ...]:
        """The columns of fields that an UPDATE sets."""
        table = self._session.tables[collection.name]
        return (*(name for name in changes.values if name in table.c), *changes.increments, "version")

    def delete(self, collection: Collection, ids: Sequence[str]) -> None:
        self._links.drop_of(collection, ids)
        table = self._session.tables[collection.name]
        plan = self._plan(("delete", collection.name), lambda: (delete(table).where(self._one_of(table.c.id)), ()))
        self._session.execute(plan[0], {"ids": self._ids(ids)})

    def referrers(self, collection: Collection, relation: str, ids: Sequence[str]) -> Sequence[str]:
        plan = self._plan(("referrers", collection.name, relation), lambda: (self._referring(collection, relation), ()))
        return [row[0] for row in self._session.execute(plan[0], {"ids": self._ids(ids)})]

    def clear(self, collection: Collection, relation: str, ids: Sequence[str], now: str) -> None:
        self._stamp(collection, ids, now, relation)

    def touch(self, collection: Collection, ids: Sequence[str], now: str) -> None:
        self._stamp(collection, ids, now, None)

    def _stamp(self, collection: Collection, ids: Sequence[str], now: str, cleared: str | None) -> None:
        plan = self._plan(("clear", collection.name, cleared), lambda: (self._clearing(collection, cleared, now), ()))
        self._session.execute(
            plan[0], {"ids": self._ids(ids), **{f"s_{name}": stamp for name, stamp in stamps(collection, now).items()}}
        )

    def unlink(self, collection: Collection, relation: RelationField, ids: Sequence[str]) -> Sequence[str]:
        # The records first: their links change only under their lock.
        return self._links.unlink(collection, relation, ids) if self.referrers(collection, relation.name, ids) else []

    def held_counts(self, collection: Collection, relation: RelationField, ids: Sequence[str]) -> Mapping[str, tuple[int, int]]:
        return self._links.counts(collection, relation, ids) if self.referrers(collection, relation.name, ids) else {}

    # --- building statements

    def _whole(self, collection: Collection) -> Select[Any]:
        return self._selected(collection).where(self._session.tables[collection.name].c.id == bindparam("id"))

    def _wholes(self, collection: Collection) -> Select[Any]:
        return self._selected(collection).where(self._one_of(self._session.tables[collection.name].c.id))

    def _selected(self, collection: Collection) -> Select[Any]:
        table, tables = self._session.tables[collection.name], self._session.tables
        return select(*(shown_column(collection, each, table, tables, self._session.dialect) for each in collection.every_field.values()))

    def _locking(self, collection: Collection, where: Bound) -> tuple[Any, tuple[Bind, ...]]:
        table, compiler = self._session.tables[collection.name], self._compiler()
        condition = and_(table.c.id == bindparam("id"), compiler.condition(where.shape, table))
        # SQLite's writer holds the whole file; PostgreSQL holds the row.
        return select(*self._columns(collection)).where(condition).with_for_update(of=table), compiler.binds

    def _matching(self, collection: Collection, where: Bound) -> tuple[Any, tuple[Bind, ...]]:
        table, compiler = self._session.tables[collection.name], self._compiler()
        condition = compiler.condition(where.shape, table)
        return select(table.c.id).where(table.c.id == bindparam("id"), condition), compiler.binds

    def _drafted(self, collection: Collection, where: Bound) -> tuple[Any, tuple[Bind, ...]]:
        """The draft stands in a common table expression under its table's column names, so that the rule compiles as it always does."""
        table, compiler = self._session.tables[collection.name], self._compiler()
        unread = {*SECRET_COLUMNS.values(), *words_columns(collection)}
        names = [(column.name, column.type) for column in table.c if column.name not in unread]
        names += [(each.name, DOCUMENT) for each in collection.relations if is_linked(each)]
        columns = [self._drafted_column(name, type_).label(name) for name, type_ in names]
        source = select(*columns).cte("_draft")  # no collection's name: the rule would read the draft in its stead
        return select(source.c.id).where(compiler.condition(where.shape, source)), compiler.binds

    def _drafted_column(self, name: str, type_: Any) -> ColumnElement[Any]:
        value = bindparam(f"d_{name}", type_=type_)
        if self._session.dialect == "sqlite":
            return value
        is_text = isinstance(type_, PlainText) and type_ is not DOCUMENT
        return cast(value, PlainText()).collate("C") if is_text else cast(value, type_)

    def _inserting(self, collection: Collection, draft: Draft) -> Any:
        table = self._session.tables[collection.name]
        names = [*self._stored(collection), *(SECRET_COLUMNS[name] for name in draft.secrets)]
        return insert(table).values({name: bindparam(f"i_{name}", type_=table.c[name].type) for name in names})

    def _stored(self, collection: Collection) -> Sequence[str]:
        return [*stored_fields(collection), *(name for each in collection.own_fields for name in derived(each))]

    def _conditional(self, collection: Collection, changes: Changes, where: Bound) -> tuple[Any, tuple[Bind, ...]]:
        """The record as it is before the change, if all conditions hold. On PostgreSQL it is held by that, in the form that it has once
        nobody else holds it, and the same statement changes it."""
        table, compiler = self._session.tables[collection.name], self._compiler()
        condition = and_(
            table.c.id == bindparam("w_id"),
            compiler.condition(where.shape, table),
            _matching_version(table, changes.if_match),
            *(_within(table.c[name], name) for name in changes.increments),
        )
        names = self._renewed(collection, changes)
        before = select(*(table.c[name] for name in names)).where(condition)
        if self._session.dialect == "sqlite":
            return before, compiler.binds
        held = before.add_columns(table.c.id).with_for_update(of=table).cte("_before")  # no collection's name
        after = self._updating(collection, changes, held)
        return after, compiler.binds

    def _updating(self, collection: Collection, changes: Changes, held: Any = None) -> Update:
        table = self._session.tables[collection.name]
        sets: dict[str, Any] = {name: _bind(table, name) for name in changes.values if name in table.c}
        sets |= {
            column: _bind(table, column)
            for name in changes.values
            for column in derived(collection.every_field[name])
        }
        sets |= {SECRET_COLUMNS[name]: _bind(table, SECRET_COLUMNS[name]) for name in changes.secrets}
        sets |= {
            name: func.coalesce(table.c[name], 0) + bindparam(f"n_{name}", type_=table.c[name].type)
            for name in changes.increments
        }
        sets["version"] = table.c.version + 1
        if changes.end_sessions:
            sets[EPOCH_COLUMN] = table.c[EPOCH_COLUMN] + 1
        before = [] if held is None else list(held.c)[:-1]
        same = table.c.id == (bindparam("w_id") if held is None else held.c.id)
        return update(table).values(sets).where(same).returning(*before, *self._columns(collection))

    def _columns(self, collection: Collection) -> Sequence[ColumnElement[Any]]:
        table = self._session.tables[collection.name]
        return [table.c[name] for name in stored_fields(collection)]

    def _referring(self, collection: Collection, relation: str) -> Select[Any]:
        table = self._session.tables[collection.name]
        points = self._one_of(table.c[relation]) if relation in table.c else self._links.holds(collection, relation, table)
        return select(table.c.id).where(points).order_by(table.c.id).with_for_update(of=table)

    def _clearing(self, collection: Collection, relation: str | None, now: str) -> Update:
        table = self._session.tables[collection.name]
        sets: dict[str, Any] = {name: _bind(table, name) for name in stamps(collection, now)}
        if relation is not None:
            sets[relation] = null()
        return update(table).values({**sets, "version": table.c.version + 1}).where(self._one_of(table.c.id))

    def _one_of(self, column: ColumnElement[Any]) -> ColumnElement[bool]:
        return one_of(column, self._session.dialect)

    def _ids(self, ids: Sequence[str]) -> Any:
        return ids_value(ids, self._session.dialect)

    # --- values

    def _row(self, collection: Collection, draft: Draft) -> dict[str, Any]:
        return {
            **self._encoded(collection, draft.values, prefix="i_"),
            **{f"i_{SECRET_COLUMNS[name]}": value for name, value in draft.secrets.items()},
        }

    def _encoded(
        self, collection: Collection, values: Mapping[str, Any], *, prefix: str, links: bool = False
    ) -> dict[str, Any]:
        """With `links` many-valued relations too, as the lists that they are."""
        encoded: dict[str, Any] = {}
        ways = self._session.plan(("encoding", collection.name), lambda: self._ways(collection))
        for name, value in values.items():
            way, forms, linked = ways[name]
            if links or not linked:
                encoded[prefix + name] = value if way is None else way(value)
            for column, derive in forms:
                encoded[prefix + column] = None if value is None else derive(value)
        return encoded

    def _encoded_columns(self, collection: Collection, columns: Mapping[str, Sequence[Any]]) -> Iterator[tuple[str, Sequence[Any]]]:
        ways = self._session.plan(("encoding", collection.name), lambda: self._ways(collection))
        for name, values in columns.items():
            way, forms, linked = ways[name]
            if not linked:
                yield f"i_{name}", values if way is None else [way(value) for value in values]
            for column, derive in forms:
                yield f"i_{column}", [None if value is None else derive(value) for value in values]

    def _ways(self, collection: Collection) -> dict[str, tuple[Callable[[Any], Any] | None, tuple[tuple[str, Any], ...], bool]]:
        """For each field how its value is encoded (None: as it is), what is derived from it, and whether it has links instead of a
        column; found out once, since a long import asks for it millions of times."""
        dialect = self._session.dialect
        return {
            name: (
                partial(encode, each, dialect=dialect) if encoder(each, dialect) else None,
                tuple(derived(each).items()),
                is_linked(each),
            )
            for name, each in collection.every_field.items()
        }

    def _increments(self, collection: Collection, changes: Changes) -> dict[str, Any]:
        """The step and the bounds that the present value must keep, worked out here so that SQL never leaves 64 bits."""
        bound: dict[str, Any] = {}
        for name, each in changes.increments.items():
            encode = self._encoder(collection.every_field[name]) or (lambda value: value)
            if isinstance(each.by, float):
                # The owner may have written the limits of doubles as whole numbers of any size.
                low, high = float(each.low), float(each.high)  # type: ignore[arg-type]
            else:
                low, high = (encode(limit - each.by) for limit in (each.low, each.high))  # type: ignore[operator]
            if isinstance(low, int):
                low, high = max(low, INT64_MIN), min(high, INT64_MAX)
            bound |= {f"n_{name}": encode(each.by), f"low_{name}": low, f"high_{name}": high}
        return bound

    def _encoder(self, field: Field) -> Callable[[Any], Any] | None:
        return encoder(field, self._session.dialect)

    def _first(self, collection: Collection, plan: Planned, values: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The columns alone; see `_with_links`."""
        rows = self._session.execute(plan[0], values)
        return self._decoded(collection, stored_fields(collection), rows[0]) if rows else None

    def _decoded(self, collection: Collection, names: Iterable[str], row: Sequence[Any]) -> dict[str, Any]:
        ways = self._session.plan(("decoding", collection.name), lambda: self._ways_back(collection))
        return {name: value if (way := ways[name]) is None else way(value) for name, value in zip(names, row, strict=True)}

    def _ways_back(self, collection: Collection) -> dict[str, Callable[[Any], Any] | None]:
        """For each field how its value is decoded; None: as it is."""
        dialect = self._session.dialect
        fields = collection.every_field.items()
        return {name: partial(decoded, each, dialect=dialect) if decoder(each, dialect) else None for name, each in fields}

    def _with_links(self, collection: Collection, held: Mapping[str, Any]) -> Mapping[str, Any]:
        links = self._links.read(collection, held["id"])
        return {name: links[name] if name in links else held[name] for name in collection.every_field} if links else held

    def _blamed(self, collection: Collection, values: Mapping[str, Any], refused: Invalid) -> Invalid:
        """Which relation names a record that is not there: PostgreSQL tells, SQLite has to be asked again."""
        if refused.code != "no_such_record":
            return refused
        told = {fault.pointer for fault in refused.faults}
        for relation in collection.relations:
            pointer, target = f"/{relation.name}", values.get(relation.name)
            if pointer in told or (not told and not relation.many and target is not None and not self._exists(relation.collection, target)):
                detail = f"`{relation.name}`: there is no such record in `{relation.collection}`"
                return invalid(pointer, "no_such_record", detail)
        return refused

    def _exists(self, collection: str, id: str) -> bool:
        table = self._session.tables[collection]
        plan = self._plan(("exists", collection), lambda: (select(table.c.id).where(table.c.id == bindparam("id")), ()))
        return bool(self._session.execute(plan[0], {"id": id}))

    def _compiler(self) -> RuleCompiler:
        return RuleCompiler(self._session.schema, self._session.tables, self._session.dialect)

    def _plan(self, key: Hashable, build: Callable[[], tuple[Any, tuple[Bind, ...]]]) -> Planned:
        return self._session.plan(key, lambda: self._planned(*build()))

    def _planned(self, statement: Any, binds: tuple[Bind, ...]) -> Planned:
        return prepare(statement, self._session.dialect), binds


def _bind(table: Any, name: str) -> ColumnElement[Any]:
    return bindparam(f"s_{name}", type_=table.c[name].type)


def _within(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Whole numbers and decimals compare the present value with bounds worked out before, so that nothing overflows; a double is
    added first, as the rounding belongs to the result."""
    present: ColumnElement[Any] = func.coalesce(column, 0)
    if isinstance(column.type, Double):
        present = present + bindparam(f"n_{name}", type_=column.type)
    return and_(
        present >= bindparam(f"low_{name}", type_=column.type), present <= bindparam(f"high_{name}", type_=column.type)
    )


def _match_shape(if_match: tuple[IfMatch, ...] | None) -> tuple[bool, ...] | None:
    return None if if_match is None else tuple(each.created is not None for each in if_match)


def _matching_version(table: Any, if_match: tuple[IfMatch, ...] | None) -> ColumnElement[bool]:
    if if_match is None:
        return true()
    return or_(*(_is_version(table, at, each) for at, each in enumerate(if_match)))


def _is_version(table: Any, at: int, wanted: IfMatch) -> ColumnElement[bool]:
    same = table.c.version == bindparam(f"m_version{at}")
    return same if wanted.created is None else and_(same, table.c.created == bindparam(f"m_created{at}"))


def _match_values(if_match: tuple[IfMatch, ...] | None) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for at, each in enumerate(if_match or ()):
        values[f"m_version{at}"] = each.version
        if each.created is not None:
            values[f"m_created{at}"] = each.created
    return values
