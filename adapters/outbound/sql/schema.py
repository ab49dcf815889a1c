"""Keeps collections: their definitions as rows, their tables by DDL, and the one
number that grows with every change."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, exists, func, insert, or_, select, update
from sqlalchemy import column as sql_column
from sqlalchemy import delete as sql_delete
from sqlalchemy import table as sql_table

from adapters.outbound.sql import ddl
from adapters.outbound.sql.columns import derived, encoder, is_linked
from adapters.outbound.sql.derivations import fill_derived
from adapters.outbound.sql.names import index_columns, link_name, shown_field
from adapters.outbound.sql.session import Catalogue, Session
from adapters.outbound.sql.statements import prepare
from domain.actor import ADMINS
from domain.errors import Conflict, Fault
from domain.schema.changes import (
    AddField,
    AddIndex,
    CreateTable,
    Derive,
    DropField,
    DropIndex,
    DropTable,
    Require,
    Step,
)
from domain.schema.collection import Collection, Rules, Schema, stored_collection
from domain.schema.fields import TRUSTING
from domain.schema.view_fields import settled

# Built in: its table is the migrations', no row describes it. Rules at their
# defaults: admins only, and each may sign in.
ADMIN_ACCOUNTS = Collection(id=ADMINS, name=ADMINS, type="accounts", rules=Rules(), system=True)

_PARTS = ("fields", "indexes", "rules", "checks", "trash", "expires")
_PARTS_OF_VIEW = ("query", "rules")  # its fields follow
_COLLECTIONS = sql_table(
    "_collections",
    *(sql_column(name) for name in ("id", "name", "type", "definition", "version", "created", "updated")),
)
# One statement, so that version and collections belong together also outside of a transaction.
_EVERYTHING = (
    "SELECT m.schema_version, c.id, c.name, c.type, c.definition, c.version, c.created, c.updated "
    "FROM _meta m LEFT JOIN _collections c ON 1 = 1 WHERE m.id = 1 ORDER BY c.name"
)
_GROW = "UPDATE _meta SET schema_version = schema_version + 1 WHERE id = 1 RETURNING schema_version"


def load_schema(run: Callable[[str], Iterable[tuple[Any, ...]]]) -> Schema:
    """The schema as it is kept; `run` executes a text. What was accepted once is not
    judged again, patterns least of all."""
    rows = list(run(_EVERYTHING))
    collections = {ADMINS: ADMIN_ACCOUNTS}
    for _, id, name, type, definition, version, created, updated in rows:
        if id is not None:
            row = {
                "id": id,
                "name": name,
                "type": type,
                "version": version,
                "created": created,
                "updated": updated,
            }
            collections[name] = stored_collection(
                {**row, "definition": json.loads(definition)}, TRUSTING
            )
    return Schema(rows[0][0], settled(collections))


class SqlSchemaStore:
    """For `change_schema` alone: it holds the lock under which all this is one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def count(self, collection: Collection) -> int:
        return self._number(select(func.count()).select_from(self._table(collection)))

    def count_null(self, collection: Collection, field: str) -> int:
        table = self._table(collection)
        return self._number(select(func.count()).select_from(table).where(self._holds_nothing(collection, field)))

    def _holds_nothing(self, collection: Collection, name: str) -> ColumnElement[bool]:
        table, field = self._table(collection), collection.every_field[name]
        if is_linked(field):
            link = self._session.tables[link_name(collection, name)]
            return ~exists(select(link.c.source).where(link.c.source == table.c.id))
        held = table.c[name]
        return or_(held.is_(None), held == "") if field.absent_text and not field.many else held.is_(None)

    def apply(self, old: Collection | None, new: Collection | None, steps: tuple[Step, ...]) -> None:
        collection = new or old
        if collection is None:
            return
        if not self._session.changing:
            raise RuntimeError("collections change inside change_schema() alone: others may be writing")
        after = self._after(old, new)
        for step in steps:
            _CARRY_OUT[type(step)](self, step, after, old or collection, collection)
        self._save(old, new)
        version = self._session.command(_GROW)[0][0]
        self._session.catalogue = Catalogue(Schema(version, after.collections))

    def _after(self, old: Collection | None, new: Collection | None) -> Schema:
        before = self._session.schema
        return before.with_collection(new) if new else before.without(old.name) if old else before

    def _create_table(self, step: CreateTable, after: Schema, old: Collection, new: Collection) -> None:
        for text in ddl.create_collection(after, step.collection, self._dialect):
            self._session.command(text)

    def _drop_table(self, step: DropTable, after: Schema, old: Collection, new: Collection) -> None:
        for text in ddl.drop_collection(step.collection, self._dialect):
            self._session.command(text)

    def _add_field(self, step: AddField, after: Schema, old: Collection, new: Collection) -> None:
        for text in ddl.add_field(new, step.field, self._dialect):
            self._session.command(text)
        if step.fill is not None and is_linked(step.field):
            self._fill_links(after, new, step)
        elif step.fill is not None:
            self._fill(new, step)

    def _fill_links(self, after: Schema, collection: Collection, step: AddField) -> None:
        """Every record gets a link to each of the targets."""
        tables = Catalogue(after).tables
        link, table = tables[link_name(collection, step.field.name)], tables[collection.name]
        rows = select(table.c.id, bindparam("target", type_=link.c.target.type), bindparam("place", type_=link.c.position.type))
        prepared = prepare(insert(link).from_select(["source", "target", "position"], rows), self._dialect)
        for place, target in enumerate(step.fill if isinstance(step.fill, tuple) else ()):
            self._session.execute(prepared, {"target": target, "place": place})

    def _fill(self, collection: Collection, step: AddField) -> None:
        """Every record gets the value: a column's DEFAULT would stay, and hide a value that was forgotten."""
        encode = encoder(step.field, self._dialect)
        values = {step.field.name: encode(step.fill) if encode else step.fill}
        values |= {column: derive(step.fill) for column, derive in derived(step.field).items()}
        table = Catalogue(
            Schema(0, {**self._session.schema.collections, collection.name: collection})
        ).tables[collection.name]
        binds: dict[str, Any] = {
            name: bindparam(f"fill_{at}", type_=table.c[name].type) for at, name in enumerate(values)
        }
        self._session.execute(
            prepare(update(table).values(binds), self._dialect),
            {binds[name].key: value for name, value in values.items()},
        )

    def _drop_field(self, step: DropField, after: Schema, old: Collection, new: Collection) -> None:
        for text in ddl.drop_field(old, step.field, self._dialect):
            self._session.command(text)

    def _add_index(self, step: AddIndex, after: Schema, old: Collection, new: Collection) -> None:
        if step.index.unique and old is not new:
            self._refuse_duplicates(after, new, step)
        self._session.command(ddl.add_index(new, step.index, self._dialect))

    def _refuse_duplicates(self, after: Schema, collection: Collection, step: AddIndex) -> None:
        table = Catalogue(after).tables[collection.name]
        columns = [table.c[name] for name in index_columns(collection, step.index)]
        held = [each.is_not(None) for each in columns]
        found = self._session.execute(
            prepare(
                select(*columns).where(*held).group_by(*columns).having(func.count() > 1).limit(1),
                self._dialect,
            ),
            {},
        )
        if found:
            fields = tuple(shown_field(column.name) for column in columns)
            raise _duplicates(fields, found[0])

    def _drop_index(self, step: DropIndex, after: Schema, old: Collection, new: Collection) -> None:
        self._session.command(ddl.drop_index(old, step.index, self._dialect))

    def _derive(self, step: Derive, after: Schema, old: Collection, new: Collection) -> None:
        texts = (*ddl.drop_derived(new, step.old, step.new, self._dialect), *ddl.add_derived(new, step.old, step.new, self._dialect))
        for text in texts:
            self._session.command(text)
        fill_derived(self._session, Catalogue(after).tables[new.name], step.new)

    def _require(self, step: Require, after: Schema, old: Collection, new: Collection) -> None:
        """No column is NOT NULL: what is required is judged by the domain, and
        the use case counts what is there."""

    def _save(self, old: Collection | None, new: Collection | None) -> None:
        if new is None:
            assert old is not None
            gone = sql_delete(_COLLECTIONS).where(_COLLECTIONS.c.id == bindparam("which"))
            self._session.execute(prepare(gone, self._dialect), {"which": old.id})
            return
        row = _row(new)
        binds: dict[str, Any] = {name: bindparam(f"new_{name}") for name in row}
        write: Any = insert(_COLLECTIONS).values(binds)
        if old is not None:
            write = update(_COLLECTIONS).values(binds).where(_COLLECTIONS.c.id == bindparam("which"))
        values = {f"new_{name}": value for name, value in row.items()}
        self._session.execute(prepare(write, self._dialect), {"which": new.id, **values})

    def _table(self, collection: Collection) -> Table:
        return self._session.tables[collection.name]

    def _number(self, statement: Any) -> int:
        return int(self._session.execute(prepare(statement, self._dialect), {})[0][0])

    @property
    def _dialect(self) -> str:
        return self._session.dialect


_CARRY_OUT: Mapping[type, Callable[..., None]] = {
    CreateTable: SqlSchemaStore._create_table,
    DropTable: SqlSchemaStore._drop_table,
    AddField: SqlSchemaStore._add_field,
    DropField: SqlSchemaStore._drop_field,
    AddIndex: SqlSchemaStore._add_index,
    DropIndex: SqlSchemaStore._drop_index,
    Derive: SqlSchemaStore._derive,
    Require: SqlSchemaStore._require,
}


def _row(collection: Collection) -> dict[str, Any]:
    definition, parts = collection.definition(), _PARTS_OF_VIEW if collection.is_view else _PARTS
    return {
        "id": collection.id,
        "name": collection.name,
        "type": collection.type,
        "definition": json.dumps({part: definition[part] for part in parts}, ensure_ascii=False),
        "version": collection.version,
        "created": collection.created,
        "updated": collection.updated,
    }


def _duplicates(fields: tuple[str, ...], example: tuple[Any, ...]) -> Conflict:
    shown = ", ".join(f"`{name}` = {value}"[:200] for name, value in zip(fields, example))
    detail = f"records hold the same value already, for example {shown}"
    faults = tuple(Fault(f"/{name}", "not_unique", "records hold the same value already") for name in fields)
    return Conflict(detail, code="not_unique", hint="change these records first", faults=faults)
