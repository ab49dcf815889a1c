"""The two engines as the compiled statements meet them: plain driver connections, tables of a schema, rows as stores encode them."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, insert
from sqlalchemy.schema import CreateTable

from adapters.outbound.sql.columns import derived, encoder, tables
from adapters.outbound.sql.names import link_name
from adapters.outbound.sql.sqlite_functions import complete_functions
from adapters.outbound.sql.statements import DIALECTS, Prepared, prepare
from domain.schema.collection import Collection, Schema, define_collection
from domain.schema.fields import TRUSTING
from tests.postgres import connect, fresh_schema

NOW = "2026-01-01T00:00:00.000Z"


def collection(definition: Mapping[str, Any]) -> Collection:
    return define_collection(definition, id=definition["name"], now=NOW, tools=TRUSTING)


def schema(*definitions: Mapping[str, Any]) -> Schema:
    return Schema(1, {each["name"]: collection(each) for each in definitions})


class Engine:
    """One engine with the tables of one schema."""

    def __init__(self, dialect: str, connection: Any, schema: Schema) -> None:
        self.dialect, self.connection, self.schema = dialect, connection, schema
        self.tables = tables(schema).tables
        # In the order given: a schema of these tests names targets before what points at them.
        for name in (*schema.collections, *(name for name in self.tables if name not in schema.collections)):
            self.run(str(CreateTable(self.tables[name]).compile(dialect=DIALECTS[dialect])))

    def run(self, text: str) -> None:
        self.connection.execute(text)

    def rows(self, prepared: Prepared, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self.connection.execute(prepared.text, prepared.arguments(values)).fetchall()

    def fill(self, name: str, records: Iterable[Mapping[str, Any]]) -> None:
        """Records in Python form; what they leave out is null."""
        prepared = prepare(insert(self.tables[name]).values(self._parameters(name)), self.dialect)
        cursor = self.connection.cursor()
        cursor.executemany(prepared.text, [prepared.arguments(self._encoded(name, record)) for record in records])

    def link(self, name: str, records: Iterable[Mapping[str, Any]]) -> None:
        """What many-valued relations hold, once every record is there."""
        collection = self.schema.collections[name]
        for relation in (each for each in collection.relations if each.many):
            table = self.tables[link_name(collection, relation.name)]
            columns = {column.name: bindparam(column.name, type_=column.type) for column in table.c}
            prepared, cursor = prepare(insert(table).values(columns), self.dialect), self.connection.cursor()
            held = ((record["id"], target, at) for record in records for at, target in enumerate(record.get(relation.name) or ()))
            rows = [dict(zip(("source", "target", "position"), each, strict=True)) for each in held]
            cursor.executemany(prepared.text, [prepared.arguments(row) for row in rows])

    def _parameters(self, name: str) -> dict[str, Any]:
        columns = self.tables[name].c
        return {column.name: bindparam(f"i_{column.name}", type_=column.type) for column in columns if column.name != "_password"}

    def _encoded(self, name: str, record: Mapping[str, Any]) -> dict[str, Any]:
        encoded: dict[str, Any] = {"i__epoch": 1}
        for field in self.schema.collections[name].every_field.values():
            value = record.get(field.name) or None if field.many else record.get(field.name)
            encode = encoder(field, self.dialect)
            encoded[f"i_{field.name}"] = encode(value) if encode and value is not None else value
            for column, derive in derived(field).items():
                encoded[f"i_{column}"] = None if value is None else derive(value)
        return encoded


def filled_engines(request: Any, schema: Schema, records: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[Engine]:
    """For a fixture whose parameter is the dialect."""
    if request.param == "sqlite":
        yield filled(sqlite_engine(schema), records)
        return
    with fresh_schema(request.getfixturevalue("postgres_worker_database")) as url:
        made = filled(postgresql_engine(url, schema), records)
        yield made
        made.connection.close()


def filled(engine: Engine, records: Mapping[str, Sequence[Mapping[str, Any]]]) -> Engine:
    for name, each in records.items():
        engine.fill(name, each)
    for name, each in records.items():
        engine.link(name, each)
    return engine


def sqlite_engine(schema: Schema) -> Engine:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    complete_functions(connection)
    return Engine("sqlite", connection, schema)


def postgresql_engine(url: str, schema: Schema) -> Engine:
    return Engine("postgresql", connect(url, autocommit=True), schema)
