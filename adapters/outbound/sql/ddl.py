"""The statements that carry out one step of a schema change, on either engine.

Names come from validated definitions and are quoted by the dialect; nothing else
that a person wrote stands in these texts.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import Column, MetaData, Table
from sqlalchemy.schema import CreateColumn

from adapters.outbound.sql.columns import derived, field_columns, is_linked, link_columns, tables
from adapters.outbound.sql.names import (
    foreign_key_name,
    index_columns,
    index_name,
    link_index_name,
    link_name,
    list_index_name,
    primary_key_name,
)
from adapters.outbound.sql.statements import DIALECTS
from domain.schema.collection import Collection, Index, Schema
from domain.schema.fields import Field, RelationField


def create_collection(schema: Schema, collection: Collection, dialect: str) -> Iterator[str]:
    """Its table, the tables of its links, and the indexes that go with fields of many values."""
    yield create_table(schema, collection, dialect)
    for field in collection.fields:
        yield from add_list(collection, field, dialect)


def drop_collection(collection: Collection, dialect: str) -> Iterator[str]:
    for field in collection.fields:
        if is_linked(field):
            yield _drop_link(collection, field, dialect)
    yield drop_table(collection, dialect)


def create_table(schema: Schema, collection: Collection, dialect: str) -> str:
    """Foreign keys stand with their column, not with the table: SQLite could
    not drop the column otherwise."""
    table = tables(schema).tables[collection.name]
    columns = [column_text(column, dialect) for column in table.columns]
    columns.append(f"CONSTRAINT {quoted(primary_key_name(collection.name), dialect)} PRIMARY KEY (id)")
    strict = " STRICT" if dialect == "sqlite" else ""
    return f"CREATE TABLE {quoted(collection.name, dialect)} ({', '.join(columns)}){strict}"


def drop_table(collection: Collection, dialect: str) -> str:
    return f"DROP TABLE {quoted(collection.name, dialect)}"


def add_field(collection: Collection, field: Field, dialect: str) -> Iterator[str]:
    for column in columns_of(collection.name, field):
        yield f"ALTER TABLE {quoted(collection.name, dialect)} ADD COLUMN {column_text(column, dialect)}"
    yield from add_list(collection, field, dialect)


def columns_of(table: str, field: Field) -> tuple[Column[Any], ...]:
    return tuple(Table(table, MetaData(), *field_columns(field)).columns)


def drop_field(collection: Collection, field: Field, dialect: str) -> Iterator[str]:
    """An index over the column goes with it on PostgreSQL, the only one that has it for lists."""
    if is_linked(field):
        yield _drop_link(collection, field, dialect)
    yield from drop_columns(collection.name, field, dialect)


def drop_columns(table: str, field: Field, dialect: str) -> Iterator[str]:
    for column in field_columns(field):
        yield f"ALTER TABLE {quoted(table, dialect)} DROP COLUMN {quoted(column.name, dialect)}"


def rename_table(old: str, new: str, dialect: str) -> Iterator[str]:
    """Foreign keys and indexes follow by themselves; what PostgreSQL calls the primary key has to leave its name to a table that
    may come to be called so."""
    yield f"ALTER TABLE {quoted(old, dialect)} RENAME TO {quoted(new, dialect)}"
    if dialect == "postgresql":
        keys = quoted(primary_key_name(old), dialect), quoted(primary_key_name(new), dialect)
        yield f"ALTER TABLE {quoted(new, dialect)} RENAME CONSTRAINT {keys[0]} TO {keys[1]}"


def rename_field(collection: Collection, old: str, field: Field, dialect: str) -> Iterator[str]:
    """Indexes follow by themselves. PostgreSQL tells by the name of a foreign key which field a refused value stood in; SQLite
    tells nothing, and could not rename it."""
    table = quoted(collection.name, dialect)
    for before, after in zip(field_columns(replace(field, name=old)), field_columns(field), strict=True):
        yield f"ALTER TABLE {table} RENAME COLUMN {quoted(before.name, dialect)} TO {quoted(after.name, dialect)}"
    if isinstance(field, RelationField) and dialect == "postgresql":
        table = quoted(link_name(collection, field.name), dialect) if is_linked(field) else table
        keys = quoted(foreign_key_name(old), dialect), quoted(foreign_key_name(field.name), dialect)
        yield f"ALTER TABLE {table} RENAME CONSTRAINT {keys[0]} TO {keys[1]}"


def add_list(collection: Collection, field: Field, dialect: str) -> Iterator[str]:
    """What a field with many values has besides a column: a link table that leads both ways, or an index over the elements
    (SQLite has none for those)."""
    if isinstance(field, RelationField) and is_linked(field):
        yield from _create_link(collection, field, dialect)
    elif field.many and dialect == "postgresql":
        name = quoted(list_index_name(collection, field.name), dialect)
        column = quoted(field.name, dialect)
        yield f"CREATE INDEX {name} ON {quoted(collection.name, dialect)} USING gin ({column} jsonb_path_ops)"


def drop_list_index(collection: Collection, field: Field, dialect: str) -> str:
    return f"DROP INDEX {quoted(list_index_name(collection, field.name), dialect)}"


def _create_link(collection: Collection, relation: RelationField, dialect: str) -> Iterator[str]:
    """Kept in the order of the primary key on SQLite, so that a record's targets lie together."""
    link = link_name(collection, relation.name)
    table = Table(link, MetaData(), *link_columns(collection, relation))
    names = {"source": "_source", "target": relation.name}
    columns = [column_text(column, dialect, names.get(column.name, "")) for column in table.columns]
    columns.append(f"CONSTRAINT {quoted(primary_key_name(link), dialect)} PRIMARY KEY (source, target)")
    kept = " STRICT, WITHOUT ROWID" if dialect == "sqlite" else ""
    yield f"CREATE TABLE {quoted(link, dialect)} ({', '.join(columns)}){kept}"
    yield _link_index(link, dialect)


def _link_index(link: str, dialect: str) -> str:
    return f"CREATE INDEX {quoted(link_index_name(link), dialect)} ON {quoted(link, dialect)} (target, source)"


def create_filled_link(collection: Collection, relation: RelationField, rows: str, dialect: str) -> Iterator[str]:
    """A link table with the rows (source, target, position) of a query. PostgreSQL checks keys much faster all at once."""
    link = link_name(collection, relation.name)
    into = f"INSERT INTO {quoted(link, dialect)} (source, target, position) {rows}"
    if dialect == "sqlite":
        yield from (*_create_link(collection, relation, dialect), into)
        return
    columns = [bare_column_text(column, dialect) for column in Table(link, MetaData(), *link_columns(collection, relation)).columns]
    table, key = quoted(link, dialect), quoted(primary_key_name(link), dialect)
    yield f"CREATE TABLE {table} ({', '.join(columns)})"
    yield into
    yield f"ALTER TABLE {table} ADD CONSTRAINT {key} PRIMARY KEY (source, target)"
    yield _link_index(link, dialect)
    yield add_foreign_key(link, "source", "_source", collection.name, dialect)
    yield add_foreign_key(link, "target", relation.name, relation.collection, dialect)


def add_foreign_key(table: str, column: str, field: str, target: str, dialect: str) -> str:
    key = quoted(foreign_key_name(field), dialect)
    over = f"FOREIGN KEY ({quoted(column, dialect)}) REFERENCES {quoted(target, dialect)} (id)"
    return f"ALTER TABLE {quoted(table, dialect)} ADD CONSTRAINT {key} {over}"


def _drop_link(collection: Collection, field: Field, dialect: str) -> str:
    return f"DROP TABLE {quoted(link_name(collection, field.name), dialect)}"


def add_derived(collection: Collection, old: Field, new: Field, dialect: str) -> Iterator[str]:
    """The columns beside the field's own that the new one has and the old one had not."""
    table = Table(collection.name, MetaData(), *field_columns(new))
    for name in derived(new).keys() - derived(old).keys():
        yield f"ALTER TABLE {quoted(collection.name, dialect)} ADD COLUMN {column_text(table.columns[name], dialect)}"


def drop_derived(collection: Collection, old: Field, new: Field, dialect: str) -> Iterator[str]:
    for name in derived(old).keys() - derived(new).keys():
        yield f"ALTER TABLE {quoted(collection.name, dialect)} DROP COLUMN {quoted(name, dialect)}"


def add_index(collection: Collection, index: Index, dialect: str, where: str = "") -> str:
    """Nulls are smallest everywhere; an index that is not unique ends with the
    id, as every order of records does. `where` is the condition of a partial one, in SQL."""
    columns = index_columns(collection, index)
    if not index.unique and "id" not in columns:
        columns += ("id",)
    nulls = (
        " NULLS FIRST" if dialect == "postgresql" else ""
    )  # what SQLite does anyway, and does not let itself be told
    over = ", ".join(quoted(name, dialect) + nulls for name in columns)
    unique = "UNIQUE " if index.unique else ""
    name = quoted(index_name(collection, index), dialect)
    only = f" WHERE {where}" if where else ""
    return f"CREATE {unique}INDEX {name} ON {quoted(collection.name, dialect)} ({over}){only}"


def drop_index(collection: Collection, index: Index, dialect: str) -> str:
    return f"DROP INDEX {quoted(index_name(collection, index), dialect)}"


def column_text(column: Column[Any], dialect: str, field: str = "") -> str:
    """`field` is what people know it by, where the column has another name."""
    text = bare_column_text(column, dialect)
    for key in column.foreign_keys:
        target = key.target_fullname.rpartition(".")[0]
        text += f" CONSTRAINT {quoted(foreign_key_name(field or column.name), dialect)} REFERENCES {quoted(target, dialect)} (id)"
    return text


def bare_column_text(column: Column[Any], dialect: str) -> str:
    """Without what it refers to."""
    return str(CreateColumn(column).compile(dialect=DIALECTS[dialect]))


def type_text(column: Column[Any], dialect: str) -> str:
    return str(column.type.compile(dialect=DIALECTS[dialect]))


def quoted(name: str, dialect: str) -> str:
    return DIALECTS[dialect].identifier_preparer.quote_identifier(name)
