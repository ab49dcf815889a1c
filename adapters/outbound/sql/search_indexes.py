"""The indexes behind full-text search, over the words that are kept beside the values: FTS5 on SQLite, GIN on PostgreSQL.

On SQLite the index is a table that triggers keep in step, whatever changes the records; it names them by their rowid, which a table
with another index keeps for as long as a record lives. PostgreSQL indexes an expression. Neither splits or changes a word: words are
ASCII and other letters with single spaces between, and both take them as they are.
"""

import hashlib
from collections.abc import Iterator

from adapters.outbound.sql.columns import derived
from adapters.outbound.sql.session import Session
from adapters.outbound.sql.statements import DIALECTS
from domain.schema.changes import ConvertField, Step
from domain.schema.collection import Collection

_WORDS = "_words_"


def words_column(field: str) -> str:
    return f"{_WORDS}{field}"


def words_columns(collection: Collection) -> tuple[str, ...]:
    if collection.is_view:
        return ()
    return tuple(column for field in collection.fields for column in derived(field) if column.startswith(_WORDS))


def index_table(collection: Collection) -> str:
    """SQLite makes tables beside it whose names begin with this one: so it does not begin with the name of a collection."""
    return f"_fts_{hashlib.sha256(collection.id.encode()).hexdigest()[:16]}"


def drop_search_before(session: Session, id: str, new: Collection | None, steps: tuple[Step, ...]) -> None:
    """Before the columns change that the indexes are over."""
    old = next((each for each in session.schema.collections.values() if each.id == id), None)
    if old is None or not words_columns(old):
        return
    is_same = new is not None and words_columns(old) == words_columns(new) and old.name == new.name
    if not is_same or any(isinstance(step, ConvertField) for step in steps):
        _run(session, _dropping(old, session.dialect))


def make_search_after(session: Session, new: Collection | None) -> None:
    """Whatever is missing: new columns have no index yet, and a table that was made anew has lost what hung on the old one."""
    if new is None or not words_columns(new) or _stands(session, new):
        return
    _run(session, _dropping(new, session.dialect))
    _run(session, (_SQLITE if session.dialect == "sqlite" else _POSTGRESQL)(new))


def _run(session: Session, statements: Iterator[str]) -> None:
    for text in statements:
        session.command(text)


def _stands(session: Session, collection: Collection) -> bool:
    if session.dialect == "sqlite":
        names, found = _triggers(collection), "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    else:
        names, found = _gin_names(collection), "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()"
    return {*names} <= {row[0] for row in session.command(found)}


def _dropping(collection: Collection, dialect: str) -> Iterator[str]:
    if dialect == "sqlite":
        for trigger in _triggers(collection):
            yield f'DROP TRIGGER IF EXISTS "{trigger}"'
        yield f'DROP TABLE IF EXISTS "{index_table(collection)}"'
        return
    for index in _gin_names(collection):
        yield f'DROP INDEX IF EXISTS "{index}"'


# --- SQLite


def _triggers(collection: Collection) -> tuple[str, ...]:
    return tuple(f"{index_table(collection)}_{event}" for event in ("insert", "update", "delete"))


def _making_fts(collection: Collection) -> Iterator[str]:
    """`detail=column`: which words, in which column; places are not asked for, nor lengths."""
    name, table = index_table(collection), _quoted(collection.name, "sqlite")
    columns = [f'"{column}"' for column in words_columns(collection)]
    listed = ", ".join(columns)
    forget = f"INSERT INTO \"{name}\" (\"{name}\", rowid, {listed}) VALUES ('delete', old.rowid, {_of('old', columns)});"  # noqa: S608
    learn = f'INSERT INTO "{name}" (rowid, {listed}) VALUES (new.rowid, {_of("new", columns)});'  # noqa: S608 - names, no values
    inserted, updated, deleted = _triggers(collection)
    source = collection.name.replace("'", "''")
    yield (
        f'CREATE VIRTUAL TABLE "{name}" USING fts5 ({listed}, '
        f"content='{source}', content_rowid='rowid', tokenize='ascii', detail=column, columnsize=0)"
    )
    yield f'CREATE TRIGGER "{inserted}" AFTER INSERT ON {table} BEGIN {learn} END'
    yield f'CREATE TRIGGER "{updated}" AFTER UPDATE OF {listed} ON {table} BEGIN {forget} {learn} END'
    yield f'CREATE TRIGGER "{deleted}" AFTER DELETE ON {table} BEGIN {forget} END'
    yield f"INSERT INTO \"{name}\" (\"{name}\") VALUES ('rebuild')"  # noqa: S608


def _of(row: str, columns: list[str]) -> str:
    return ", ".join(f"{row}.{column}" for column in columns)


# --- PostgreSQL


def _gin_names(collection: Collection) -> tuple[str, ...]:
    return tuple(f"{index_table(collection)}{column}"[:60] for column in words_columns(collection))


def _making_gin(collection: Collection) -> Iterator[str]:
    table = _quoted(collection.name, "postgresql")
    for column, name in zip(words_columns(collection), _gin_names(collection), strict=True):
        # The expression must be the one of the statements that ask.
        yield f"CREATE INDEX \"{name}\" ON {table} USING gin (array_to_tsvector(string_to_array(\"{column}\", ' ')))"


def _quoted(name: str, dialect: str) -> str:
    return DIALECTS[dialect].identifier_preparer.quote_identifier(name)


_SQLITE, _POSTGRESQL = _making_fts, _making_gin
