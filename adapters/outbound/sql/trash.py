"""The trash in SQL: deleted records as documents, and a note of every relation that was cleared when they went."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Executable,
    FromClause,
    Select,
    Update,
    and_,
    bindparam,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    null,
    or_,
    select,
    update,
)
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table
from sqlalchemy.sql.elements import ColumnElement

from adapters.outbound.sql.columns import INTEGER, is_linked
from adapters.outbound.sql.file_rows import SqlFileRows
from adapters.outbound.sql.id_sets import ids_value, one_of
from adapters.outbound.sql.names import link_name
from adapters.outbound.sql.record_reads import ReadPlans
from adapters.outbound.sql.session import Session
from domain.actor import Actor
from domain.files.names import sizes_of
from domain.records.draft import stamps
from domain.records.reading import Guard
from domain.records.trash import Entry, Key
from domain.schema.collection import Collection
from domain.schema.fields import RelationField

_COLUMNS = (
    "id", "collection", "record", "deletion", "went_with", "deleted",
    "actor_kind", "actor_collection", "actor_id", "kept_until", "document",
)  # fmt: skip
_TRASH = sql_table("_trash", *(sql_column(name) for name in _COLUMNS))
_CLEARED = sql_table(
    "_trash_cleared", *(sql_column(name) for name in ("entry", "collection", "relation", "holder", "position"))
)

Build = Callable[[], Executable]
Rows = list[tuple[Any, ...]]


_REWRITTEN_AT_ONCE = 500


class SqlTrashStore:
    """Keeps ports.trash.TrashStore on one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(self, collection: str, limit: int, before: str | None, guard: Guard | None) -> Sequence[Entry]:
        values = {"collection": collection, "limit": limit, "before": before}
        key = ("trash", "list", before is None)
        rows = ReadPlans(self._session).behind(key, guard, lambda: self._page(first=before is None), values)
        return [_entry(row) for row in rows]

    def put(self, entries: Sequence[Entry]) -> None:
        if entries:
            plan = self._plan(("put",), lambda: insert(_TRASH).values({name: bindparam(name) for name in _COLUMNS}))
            self._session.execute_many(plan, [_row(each) for each in entries])

    def note_cleared(self, holder: Collection, relation: RelationField, target: str, deletion: str) -> None:
        values = {"holders": holder.id, "relation": relation.name, "target": target, "deletion": deletion}
        self._run(("note", holder.name, relation.name), lambda: self._noting(holder, relation), values)

    def find(self, collection: str, id: str) -> Entry | None:
        rows = self._run(("find",), _finding, {"collection": collection, "which": id})
        return _entry(rows[0]) if rows else None

    def of_deletion(self, deletion: str) -> Sequence[Entry]:
        return [_entry(row) for row in self._run(("deletion",), _together, {"deletion": deletion})]

    def holds(self, collection: str, records: Sequence[str]) -> frozenset[str]:
        values = {"collection": collection, "ids": self._ids(records)}
        among = lambda: select(_TRASH.c.record).where(_TRASH.c.collection == bindparam("collection"), self._one_of(_TRASH.c.record))
        return frozenset(row[0] for row in self._run(("holds",), among, values))

    def cleared(self, entries: Sequence[str]) -> Sequence[Key]:
        chosen = lambda: select(_CLEARED.c.collection, _CLEARED.c.relation).where(self._one_of(_CLEARED.c.entry)).distinct()
        return [(row[0], row[1]) for row in self._run(("cleared",), chosen, {"ids": self._ids(entries)})]

    def holders(self, holder: Collection, relation: RelationField, entries: Sequence[str]) -> Sequence[str]:
        values = {"holders": holder.id, "relation": relation.name, "ids": self._ids(entries)}
        return [row[0] for row in self._run(("holders", holder.name, relation.name), lambda: self._holding(holder), values)]

    def set_again(self, holder: Collection, relation: RelationField, entries: Sequence[str], now: str) -> int:
        values = {"holders": holder.id, "relation": relation.name, "ids": self._ids(entries)}
        values |= {f"s_{name}": stamp for name, stamp in stamps(holder, now).items()}
        key = (holder.name, relation.name)
        if not is_linked(relation):
            return len(self._run(("again", *key), lambda: self._setting_again(holder, relation), values))
        touched = self._run(("touch", *key), lambda: self._touching(holder, relation), values)
        self._run(("link", *key), lambda: self._linking_again(holder, relation), values)
        return len(touched)

    def remove(self, entries: Sequence[str], *, restored: bool = False) -> None:
        values = {"ids": self._ids(entries)}
        if not restored:
            self._let_files_go(values)
        self._run(("forget",), lambda: delete(_CLEARED).where(self._one_of(_CLEARED.c.entry)), values)
        self._run(("remove",), lambda: delete(_TRASH).where(self._one_of(_TRASH.c.id)), values)

    def _let_files_go(self, values: Mapping[str, Any]) -> None:
        holding = {each.id: each for each in self._session.schema.collections.values() if each.file_fields}
        if not holding:
            return
        held = lambda: select(_TRASH.c.collection, _TRASH.c.document).where(self._one_of(_TRASH.c.id))
        found = [(holding[id], json.loads(text)) for id, text in self._run(("held",), held, values) if id in holding]
        # Due at once: no instant is before it.
        for collection, record in found:
            SqlFileRows(self._session).let_go(collection.id, sizes_of(collection, record), "")

    def documents(self, collection: str, after: str, limit: int) -> Sequence[tuple[str, str, Mapping[str, Any]]]:
        rows = self._run(("documents",), _documents, {"collection": collection, "after": after, "limit": limit})
        return [(id, record, json.loads(document)) for id, record, document in rows]

    def records(self, collection: str) -> Sequence[str]:
        mine = lambda: select(_TRASH.c.record).where(_TRASH.c.collection == bindparam("collection"))
        return [row[0] for row in self._run(("records",), mine, {"collection": collection})]

    def empty(self, collection: str) -> int:
        values = {"collection": collection}
        mine = _TRASH.c.collection == bindparam("collection")
        found = self._run(("all",), lambda: select(_TRASH.c.id).where(mine).order_by(_TRASH.c.id).with_for_update(), values)
        self.remove([row[0] for row in found])
        return len(found)

    def rename(self, collection: str, names: Mapping[str, str]) -> None:
        """Documents are rewritten here, not by the engine, which would write their numbers in its own way."""
        after: str | None = ""
        while after is not None:
            rows = self._run(("documents",), _documents, {"collection": collection, "after": after, "limit": _REWRITTEN_AT_ONCE})
            renamed = [{"which": id, "now": _renamed(document, names)} for id, _, document in rows]
            rewrite = lambda: update(_TRASH).values(document=bindparam("now")).where(_TRASH.c.id == bindparam("which"))
            self._session.execute_many(self._plan(("rewrite",), rewrite), renamed)
            after = rows[-1][0] if len(rows) == _REWRITTEN_AT_ONCE else None
        follow = lambda: update(_CLEARED).values(relation=_followed(names)).where(_CLEARED.c.collection == bindparam("of_collection"))
        self._run(("follow", tuple(names.items())), follow, {"of_collection": collection})

    def overdue(self, now: str) -> bool:
        return bool(self._run(("overdue",), lambda: select(_TRASH.c.id).where(_OVERDUE).limit(1), {"now": now}))

    def purge(self, now: str, limit: int) -> int:
        found = self._run(("purge",), _purging, {"now": now, "limit": limit})
        self.remove([row[0] for row in found])
        return len(found)

    # --- building statements

    def _page(self, *, first: bool) -> FromClause:
        chosen = select(_TRASH).where(_TRASH.c.collection == bindparam("collection"))
        if not first:
            chosen = chosen.where(_TRASH.c.id < bindparam("before"))
        return chosen.order_by(_TRASH.c.id.desc()).limit(bindparam("limit")).subquery("_page")

    def _noting(self, holder: Collection, relation: RelationField) -> Executable:
        held = self._held(holder, relation)
        mine = and_(_TRASH.c.collection == bindparam("target"), _TRASH.c.deletion == bindparam("deletion"))
        gone = and_(_TRASH.c.record == held.c.target, mine)
        found = select(_TRASH.c.id, bindparam("holders"), bindparam("relation"), held.c.source, held.c.position)
        return insert(_CLEARED).from_select(list(_CLEARED.c.keys()), found.select_from(held.join(_TRASH, gone)))

    def _held(self, holder: Collection, relation: RelationField) -> FromClause:
        """Who points at whom: (source, target, position)."""
        if is_linked(relation):
            return self._session.tables[link_name(holder, relation.name)]
        table = self._session.tables[holder.name]
        nowhere = cast(null(), INTEGER).label("position")
        return select(table.c.id.label("source"), table.c[relation.name].label("target"), nowhere).subquery("_held")

    def _holding(self, holder: Collection) -> Executable:
        table = self._session.tables[holder.name]
        noted = table.c.id.in_(select(_CLEARED.c.holder).where(self._noted()))
        return select(table.c.id).where(noted).order_by(table.c.id).with_for_update(of=table)

    def _setting_again(self, holder: Collection, relation: RelationField) -> Executable:
        table = self._session.tables[holder.name]
        # A single relation was cleared by one target, so there is one; `max` says so to the engine.
        target = select(func.max(_TRASH.c.record)).select_from(_NOTED).where(self._noted(), _CLEARED.c.holder == table.c.id)
        empty = and_(table.c.id.in_(select(_CLEARED.c.holder).where(self._noted())), table.c[relation.name].is_(None))
        return self._stamped(holder, {relation.name: target.scalar_subquery()}).where(empty).returning(table.c.id)

    def _touching(self, holder: Collection, relation: RelationField) -> Executable:
        """The holders first: links change only under their lock."""
        table = self._session.tables[holder.name]
        lacking = select(_CLEARED.c.holder).select_from(_NOTED).where(self._noted(), self._lacks(holder, relation))
        return self._stamped(holder, {}).where(table.c.id.in_(lacking)).returning(table.c.id)

    def _linking_again(self, holder: Collection, relation: RelationField) -> Executable:
        link, table = self._session.tables[link_name(holder, relation.name)], self._session.tables[holder.name]
        lost = select(_CLEARED.c.holder, _TRASH.c.record, self._place(link)).select_from(
            _NOTED.join(table, table.c.id == _CLEARED.c.holder)
        )
        return insert(link).from_select(["source", "target", "position"], lost.where(self._noted(), self._lacks(holder, relation)))

    def _place(self, link: FromClause) -> ColumnElement[Any]:
        """Where it stood. Where another stands by now, behind all that are there or come back with it."""
        there, noted = link.alias("_there"), _CLEARED.alias("_also")
        taken = exists().where(there.c.source == _CLEARED.c.holder, there.c.position == _CLEARED.c.position)
        last = select(func.max(there.c.position)).where(there.c.source == _CLEARED.c.holder).scalar_subquery()
        others = select(func.max(noted.c.position)).where(noted.c.holder == _CLEARED.c.holder).scalar_subquery()
        return case((taken, last + others + 1 + _CLEARED.c.position), else_=func.coalesce(_CLEARED.c.position, 0))

    def _lacks(self, holder: Collection, relation: RelationField) -> ColumnElement[bool]:
        """A holder that came back too brought its list along."""
        link = self._session.tables[link_name(holder, relation.name)].alias("_there")
        return ~exists().where(link.c.source == _CLEARED.c.holder, link.c.target == _TRASH.c.record)

    def _noted(self) -> ColumnElement[bool]:
        of_relation = and_(_CLEARED.c.collection == bindparam("holders"), _CLEARED.c.relation == bindparam("relation"))
        return and_(self._one_of(_CLEARED.c.entry), of_relation)

    def _stamped(self, holder: Collection, sets: Mapping[str, Any]) -> Update:
        table = self._session.tables[holder.name]
        stamped = {name: bindparam(f"s_{name}", type_=table.c[name].type) for name in stamps(holder, "")}
        return update(table).values({**sets, "version": table.c.version + 1, **stamped})

    def _run(self, key: tuple[Any, ...], build: Build, values: Mapping[str, Any]) -> Rows:
        return self._session.execute(self._plan(key, build), values)

    def _plan(self, key: tuple[Any, ...], build: Build) -> Any:
        return self._session.prepared(("trash", *key), build)

    def _one_of(self, column: ColumnElement[Any]) -> ColumnElement[bool]:
        return one_of(column, self._session.dialect)

    def _ids(self, ids: Sequence[str]) -> Any:
        return ids_value(ids, self._session.dialect)


_NOTED = _CLEARED.join(_TRASH, _TRASH.c.id == _CLEARED.c.entry)
_OVERDUE = _TRASH.c.kept_until <= bindparam("now")


def _documents() -> Select[Any]:
    mine = and_(_TRASH.c.collection == bindparam("collection"), _TRASH.c.id > bindparam("after"))
    return select(_TRASH.c.id, _TRASH.c.record, _TRASH.c.document).where(mine).order_by(_TRASH.c.id).limit(bindparam("limit"))


def _renamed(document: str, names: Mapping[str, str]) -> str:
    return _written({names.get(name, name): value for name, value in json.loads(document).items()})


def _followed(names: Mapping[str, str]) -> ColumnElement[Any]:
    return case(dict(names), value=_CLEARED.c.relation, else_=_CLEARED.c.relation)


def _written(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _finding() -> Select[Any]:
    """By its own id first: a record's id may be chosen by whoever makes it."""
    own = _TRASH.c.id == bindparam("which")
    wanted = and_(_TRASH.c.collection == bindparam("collection"), or_(own, _TRASH.c.record == bindparam("which")))
    return select(_TRASH).where(wanted).order_by(own.desc(), _TRASH.c.id.desc()).limit(1).with_for_update()


def _together() -> Select[Any]:
    return select(_TRASH).where(_TRASH.c.deletion == bindparam("deletion")).order_by(_TRASH.c.id).with_for_update()


def _purging() -> Select[Any]:
    """What another process is at work on is left to it."""
    chosen = select(_TRASH.c.id).where(_OVERDUE).order_by(_TRASH.c.kept_until).limit(bindparam("limit"))
    return chosen.with_for_update(skip_locked=True)


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "collection": entry.collection,
        "record": entry.record,
        "deletion": entry.deletion,
        "went_with": json.dumps(entry.went_with),
        "deleted": entry.deleted,
        "actor_kind": entry.deleted_by.kind,
        "actor_collection": entry.deleted_by.collection,
        "actor_id": entry.deleted_by.id,
        "kept_until": entry.kept_until,
        "document": _written(entry.document),
    }


def _entry(row: Sequence[Any]) -> Entry:
    found = dict(zip(_COLUMNS, row, strict=True))
    return Entry(
        id=found["id"],
        collection=found["collection"],
        record=found["record"],
        deletion=found["deletion"],
        went_with=tuple((collection, id) for collection, id in json.loads(found["went_with"])),
        deleted=found["deleted"],
        deleted_by=Actor(found["actor_kind"], found["actor_id"], found["actor_collection"]),
        kept_until=found["kept_until"],
        document=json.loads(found["document"]),
    )
