"""What the database says of a statement before it runs: its own plan, and in it the indexes and collections that we know."""

import re
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from adapters.outbound.sql.names import (
    index_name,
    link_index_name,
    link_name,
    list_index_name,
    primary_key_name,
)
from adapters.outbound.sql.session import Session
from adapters.outbound.sql.statements import Prepared
from domain.records.explanations import Plan, UsedIndex
from domain.schema.collection import Collection, Schema

_COMMANDS = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN (COSTS OFF) "}
_ASKED = count(1)
_SCANS = {"sqlite": re.compile(r"^ *SCAN (\S+)(?! USING VIRTUAL| VIRTUAL)"), "postgresql": re.compile(r"Seq Scan on (\S+)")}
_INDEXES = {
    "sqlite": re.compile(r"USING (?:COVERING )?INDEX (\S+)"),
    "postgresql": re.compile(r"Scan(?: Backward)?(?: using| on) (_\S+)"),
}
# The page itself is put in order once more at the end; what counts is a sort within, of everything that was found.
_SORTS = {"sqlite": re.compile(r"^ +USE TEMP B-TREE FOR (?:LAST \d+ TERMS? OF |LAST TERM OF |RIGHT PART OF )?ORDER BY"),
          "postgresql": re.compile(r"-> +(?:Incremental )?Sort$")}  # fmt: skip
_ALIAS = re.compile(r'"?([a-z]\w*)"? AS "?(\w+)"?')


def explained(session: Session, prepared: Prepared, values: Mapping[str, Any]) -> Plan:
    """The statement is planned and not run."""
    # Python keeps SQLite's statements, and one that explains is never planned anew: each time it is another text.
    command = Prepared(f"{_COMMANDS[session.dialect]}/* {next(_ASKED)} */ {prepared.text}", prepared.order, prepared.defaults)
    steps = tuple(_indented(session.execute(command, values)))
    known = _known_indexes(session.schema)
    named = dict.fromkeys(name for step in steps for name in _INDEXES[session.dialect].findall(step))
    return Plan(
        sql=prepared.text,
        parameters={**prepared.defaults, **values},
        steps=steps,
        indexes=tuple(dict.fromkeys(known[name] for name in named if name in known)),
        scans=tuple(dict.fromkeys(_scanned(session, prepared.text, steps))),
        sorts=any(_SORTS[session.dialect].search(step) for step in steps),
    )


def _indented(rows: list[tuple[Any, ...]]) -> Iterator[str]:
    """PostgreSQL's lines are so already; SQLite tells each line's number and that of the line that it belongs to."""
    depths = {0: -1}
    for row in rows:
        if len(row) > 1:
            depths[row[0]] = depths.get(row[1], -1) + 1
        yield "  " * depths.get(row[0], 0) + str(row[-1])


def _scanned(session: Session, sql: str, steps: tuple[str, ...]) -> Iterator[str]:
    """The names of collections; SQLite tells aliases only. Whoever walks along an index still reads all of it."""
    aliases = {alias: table for table, alias in _ALIAS.findall(sql) if table in session.schema.collections}
    for step in steps:
        for name in _SCANS[session.dialect].findall(step):
            found = aliases.get(name, name)
            if found in session.schema.collections:
                yield found


def _known_indexes(schema: Schema) -> dict[str, UsedIndex]:
    return {name: used for collection in schema.collections.values() for name, used in _indexes_of(collection)}


def _indexes_of(collection: Collection) -> Iterator[tuple[str, UsedIndex]]:
    by_id = UsedIndex(collection.name, ("id",))
    yield primary_key_name(collection.name), by_id
    yield f"sqlite_autoindex_{collection.name}_1", by_id
    for index in collection.every_index:
        yield index_name(collection, index), UsedIndex(collection.name, index.fields)
    for field in collection.own_fields:
        if field.many:
            link, used = link_name(collection, field.name), UsedIndex(collection.name, (field.name,))
            names = (link_index_name(link), list_index_name(collection, field.name), primary_key_name(link), f"sqlite_autoindex_{link}_1")
            yield from ((name, used) for name in names)
