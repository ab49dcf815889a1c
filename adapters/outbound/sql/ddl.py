"""The statements that carry out one step of a schema change, on either engine.

Names come from validated definitions and are quoted by the dialect; nothing else
that a person wrote stands in these texts.
"""

from collections.abc import Iterator
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
    columns = [_column(column, dialect) for column in table.columns]
    columns.append(f"CONSTRAINT {_quoted(primary_key_name(collection.name), dialect)} PRIMARY KEY (id)")
    strict = " STRICT" if dialect == "sqlite" else ""
    return f"CREATE TABLE {_quoted(collection.name, dialect)} ({', '.join(columns)}){strict}"


def drop_table(collection: Collection, dialect: str) -> str:
    return f"DROP TABLE {_quoted(collection.name, dialect)}"


def add_field(collection: Collection, field: Field, dialect: str) -> Iterator[str]:
    table = Table(collection.name, MetaData(), *field_columns(field))
    for column in table.columns:
        yield f"ALTER TABLE {_quoted(collection.name, dialect)} ADD COLUMN {_column(column, dialect)}"
    yield from add_list(collection, field, dialect)


def drop_field(collection: Collection, field: Field, dialect: str) -> Iterator[str]:
    """An index over the column goes with it on PostgreSQL, the only one that has it for lists."""
    if is_linked(field):
        yield _drop_link(collection, field, dialect)
    for column in field_columns(field):
        yield f"ALTER TABLE {_quoted(collection.name, dialect)} DROP COLUMN {_quoted(column.name, dialect)}"


def add_list(collection: Collection, field: Field, dialect: str) -> Iterator[str]:
    """What a field with many values has besides a column: a link table that leads both ways, or an index over the elements
    (SQLite has none for those)."""
    if isinstance(field, RelationField) and is_linked(field):
        yield from _create_link(collection, field, dialect)
    elif field.many and dialect == "postgresql":
        name = _quoted(list_index_name(collection, field.name), dialect)
        column = _quoted(field.name, dialect)
        yield f"CREATE INDEX {name} ON {_quoted(collection.name, dialect)} USING gin ({column} jsonb_path_ops)"


def _create_link(collection: Collection, relation: RelationField, dialect: str) -> Iterator[str]:
    """Kept in the order of the primary key on SQLite, so that a record's targets lie together."""
    link = link_name(collection, relation.name)
    table = Table(link, MetaData(), *link_columns(collection, relation))
    names = {"source": "_source", "target": relation.name}
    columns = [_column(column, dialect, names.get(column.name, "")) for column in table.columns]
    columns.append(f"CONSTRAINT {_quoted(primary_key_name(link), dialect)} PRIMARY KEY (source, target)")
    kept = " STRICT, WITHOUT ROWID" if dialect == "sqlite" else ""
    yield f"CREATE TABLE {_quoted(link, dialect)} ({', '.join(columns)}){kept}"
    yield f"CREATE INDEX {_quoted(link_index_name(link), dialect)} ON {_quoted(link, dialect)} (target, source)"


def _drop_link(collection: Collection, field: Field, dialect: str) -> str:
    return f"DROP TABLE {_quoted(link_name(collection, field.name), dialect)}"


def add_derived(collection: Collection, old: Field, new: Field, dialect: str) -> Iterator[str]:
    """The columns beside the field's own that the new one has and the old one had not."""
    table = Table(collection.name, MetaData(), *field_columns(new))
    for name in derived(new).keys() - derived(old).keys():
        yield f"ALTER TABLE {_quoted(collection.name, dialect)} ADD COLUMN {_column(table.columns[name], dialect)}"


def drop_derived(collection: Collection, old: Field, new: Field, dialect: str) -> Iterator[str]:
    for name in derived(old).keys() - derived(new).keys():
        yield f"ALTER TABLE {_quoted(collection.name, dialect)} DROP COLUMN {_quoted(name, dialect)}"


def add_index(collection: Collection, index: Index, dialect: str) -> str:
    """Nulls are smallest everywhere; an index that is not unique ends with the
    id, as every order of records does."""
    columns = index_columns(collection, index)
    if not index.unique and "id" not in columns:
        columns += ("id",)
    nulls = (
        " NULLS FIRST" if dialect == "postgresql" else ""
    )  # what SQLite does anyway, and does not let itself be told
    over = ", ".join(_quoted(name, dialect) + nulls for name in columns)
    unique = "UNIQUE " if index.unique else ""
    name = _quoted(index_name(collection, index), dialect)
    return f"CREATE {unique}INDEX {name} ON {_quoted(collection.name, dialect)} ({over})"


def drop_index(collection: Collection, index: Index, dialect: str) -> str:
    return f"DROP INDEX {_quoted(index_name(collection, index), dialect)}"


def _column(column: Column[Any], dialect: str, field: str = "") -> str:
    """`field` is what people know it by, where the column has another name."""
    text = str(CreateColumn(column).compile(dialect=DIALECTS[dialect]))
    for key in column.foreign_keys:
        target = key.target_fullname.rpartition(".")[0]
        text += f" CONSTRAINT {_quoted(foreign_key_name(field or column.name), dialect)} REFERENCES {_quoted(target, dialect)} (id)"
    return text


def _quoted(name: str, dialect: str) -> str:
    return DIALECTS[dialect].identifier_preparer.quote_identifier(name)
