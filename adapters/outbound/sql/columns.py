"""How a collection becomes a table on each engine, and how values travel between columns and their Python or JSON forms."""

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    FromClause,
    MetaData,
    Numeric,
    Table,
    Text,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.sqlite import INTEGER as SqliteInteger
from sqlalchemy.dialects.sqlite import REAL as SqliteReal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import TypeEngine

from adapters.outbound.sql.names import link_name
from domain.schema.collection import Collection, Schema
from domain.schema.fields import Field, FileField, RelationField
from domain.schema.kinds import DECIMAL_DIGITS, INT64_MAX, INT64_MIN, Kind

# Text sorts and compares by code point on both engines: SQLite's default is BINARY.
TEXT = Text().with_variant(Text(collation="C"), "postgresql")
INTEGER = BigInteger().with_variant(SqliteInteger(), "sqlite")
NUMBER: TypeEngine[Any] = Double().with_variant(SqliteReal(), "sqlite")
DOCUMENT = Text().with_variant(JSONB(), "postgresql")


class Flag(Boolean):
    """A boolean; a STRICT table of SQLite knows no BOOLEAN."""

    cache_ok = True


@compiles(Flag, "sqlite")
def _flag_on_sqlite(type_: Flag, compiler: Any, **kw: Any) -> str:
    return "INTEGER"


Convert = Callable[[Any], Any]


def column_type(field: Field) -> TypeEngine[Any]:
    if field.many:
        return DOCUMENT
    if field.kind is Kind.DECIMAL:
        return Numeric(DECIMAL_DIGITS, field.scale).with_variant(SqliteInteger(), "sqlite")  # type: ignore[attr-defined]
    types: dict[Kind, TypeEngine[Any]] = {
        Kind.TEXT: TEXT, Kind.DATE: TEXT, Kind.DAY: TEXT, Kind.INTEGER: INTEGER,
        Kind.NUMBER: NUMBER, Kind.BOOL: Flag(), Kind.JSON: DOCUMENT,
    }  # fmt: skip
    return types[field.kind]


PASSWORD_COLUMN, EPOCH_COLUMN = "_password", "_epoch"
# secrets of a Draft or Changes -> their columns
SECRET_COLUMNS = {"password_hash": PASSWORD_COLUMN, "epoch": EPOCH_COLUMN}


def derived(field: Field) -> Mapping[str, Convert]:
    """The columns beside a field's own, and what makes their value from the field's Python form wherever that is written (never
    called with None: what is absent derives nothing). No user's name begins with an underscore."""
    return {f"_{form}_{field.name}": make for form, make in field.forms.items()}


def table_columns(collection: Collection) -> list[Column[Any]]:
    columns: list[Column[Any]] = [
        Column("id", TEXT, primary_key=True, nullable=False),
        Column("version", INTEGER, nullable=False),
        Column("created", TEXT, nullable=False),
        Column("updated", TEXT, nullable=False),
    ]
    of_fields = [column for field in collection.own_fields for column in field_columns(field)]
    # What SQLite has to pass over to reach another column comes last: the words of long texts.
    columns += sorted(of_fields, key=lambda column: column.name.startswith("_words_"))
    if collection.is_accounts:
        columns += [Column(PASSWORD_COLUMN, TEXT), Column(EPOCH_COLUMN, INTEGER, nullable=False, server_default="1")]
    return columns


def is_linked(field: Field) -> bool:
    """Whether its values are rows of a link table: those of many-valued relations are, for foreign keys and indexes in both directions."""
    return isinstance(field, RelationField) and field.many


def field_columns(field: Field) -> list[Column[Any]]:
    """The column of a field, and what is derived from it; none where the values are links."""
    if is_linked(field):
        return []
    # NO ACTION and immediate: a net under our own deletes; a deferred one would fail the COMMIT that others share.
    target = [ForeignKey(f"{field.collection}.id")] if isinstance(field, RelationField) else []
    return [Column(field.name, column_type(field), *target), *(Column(name, TEXT) for name in derived(field))]


def tables(schema: Schema) -> MetaData:
    """The Table of every collection that has one and every link table, by name; kept per schema version."""
    metadata = MetaData()
    for collection in (each for each in schema.collections.values() if not each.is_view):
        Table(collection.name, metadata, *table_columns(collection), sqlite_strict=True)
        for relation in collection.relations:
            if is_linked(relation):
                Table(link_name(collection, relation.name), metadata, *link_columns(collection, relation), sqlite_strict=True)
    return metadata


def link_columns(collection: Collection, relation: RelationField) -> list[Column[Any]]:
    """`position` orders the targets of a record; it may have gaps."""
    return [
        Column("source", TEXT, ForeignKey(f"{collection.name}.id"), primary_key=True, nullable=False),
        Column("target", TEXT, ForeignKey(f"{relation.collection}.id"), primary_key=True, nullable=False),
        Column("position", INTEGER, nullable=False),
    ]


def encoder(field: Field, dialect: str) -> Convert | None:
    """Python form -> what the driver takes; None where they are the same. Never called with None values."""
    if field.many:
        return _list_text
    if field.kind is Kind.JSON:
        return lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if dialect == "sqlite":
        if field.kind is Kind.DECIMAL:
            scale = field.scale  # type: ignore[attr-defined]
            return lambda value: int(value.scaleb(scale))
        if field.kind is Kind.BOOL:
            return int
    return None


def decoder(field: Field, dialect: str) -> Convert | None:
    """What the driver gives -> Python form. For fields with many values it takes None too."""
    if field.many:
        return _list
    if field.kind is Kind.JSON:
        return _DOCUMENTS.decode
    if dialect == "sqlite":
        if field.kind is Kind.DECIMAL:
            scale = field.scale  # type: ignore[attr-defined]
            return lambda value: Decimal(value).scaleb(-scale)
        if field.kind is Kind.BOOL:
            return bool
    return None


def presenter(field: Field, dialect: str) -> Convert | None:
    """What the driver gives -> what orjson writes: decimals as text, documents as the JSON that they are."""
    if field.many or isinstance(field, FileField):
        return orjson.loads  # of a file too: who serves it looks into it
    if field.kind is Kind.JSON:
        return orjson.Fragment if dialect == "sqlite" else _written_document
    if field.kind is Kind.DECIMAL:
        decode = decoder(field, dialect)
        return lambda value: format(decode(value) if decode else value, "f")
    return decoder(field, dialect)


def _list_text(values: Any) -> str | None:
    """The values of a list as a JSON array; no list is none, so that absence has one form."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")) if values else None


def _list(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(orjson.loads(text))


def _number_of(digits: str) -> int | float:
    """PostgreSQL writes a double out to its last zero (1e22 comes back with 23 digits). Whole numbers are accepted up to
    64 bits only, so a longer one was a double, and its text is that of no other."""
    number = int(digits)
    return number if INT64_MIN <= number <= INT64_MAX else float(digits)


_DOCUMENTS = json.JSONDecoder(parse_int=_number_of)
_LONG_NUMBER = re.compile(r"\d{19}")


def _written_document(text: str) -> Any:
    """As it lies in the database, but for long numbers: those are answered as they were sent, so that they may be sent again."""
    return orjson.Fragment(text) if _LONG_NUMBER.search(text) is None else _DOCUMENTS.decode(text)


def targets_of(link: FromClause, row: FromClause, dialect: str) -> ColumnElement[Any]:
    """The targets of the row, in the order of the list, as a JSON array."""
    own = link.alias()
    targets = select(own.c.target).where(own.c.source == row.c.id).order_by(own.c.position).correlate(row)
    if dialect == "postgresql":
        return func.array_to_json(func.array(targets.scalar_subquery()))
    # SQLite orders what an aggregate reads by the order of the subselect that it reads from, as that is never flattened.
    listed = targets.subquery()
    return select(func.json_group_array(listed.c.target)).correlate(row).scalar_subquery()
