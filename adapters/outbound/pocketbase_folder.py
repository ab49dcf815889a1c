"""A PocketBase data folder, read from a copy of its database that is made for the purpose and thrown away.

The file may come from anybody: it is never written, nothing in it is run, and what is no plain table of a PocketBase is refused.
"""

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from domain.errors import Invalid
from domain.pocketbase.source import RULES, ForeignCollection

T = TypeVar("T")
_HEADER = b"SQLite format 3\x00"
_LONGEST = 16 * 2**20  # bytes of one value
# What reading plain tables needs. Views, triggers, virtual tables, pragmas and attached files are not among it.
_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ}
_FUNCTIONS = {"count"}


@contextmanager
def open_folder(folder: Path) -> Iterator["PocketBaseFolder"]:
    """Invalid where the folder is not one of a PocketBase of 0.23 or later."""
    file = folder / "data.db"
    _check_file(file)
    with tempfile.TemporaryDirectory() as room:
        copy = Path(room) / "data.db"
        _told(lambda: _copy(file, copy))
        with closing(sqlite3.connect(f"{copy.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            yield PocketBaseFolder(connection)


def _check_file(file: Path) -> None:
    # A link may lead to another file of whoever runs this command.
    if file.is_symlink() or not file.is_file():
        raise Invalid("there is no `data.db` in this folder", code="not_pocketbase", hint="name the folder `pb_data` of a PocketBase")
    with file.open("rb") as opened:
        if opened.read(len(_HEADER)) != _HEADER:
            raise _no_database()


def _copy(file: Path, copy: Path) -> None:
    """Whole, with what is still in its log. While PocketBase runs, by SQLite's own backup; else as files, since merely opening a
    database of this kind would leave files beside it."""
    running, log = Path(f"{file}-shm").exists(), Path(f"{file}-wal")
    if not running:
        shutil.copyfile(file, copy)
        if log.is_file() and not log.is_symlink():
            shutil.copyfile(log, f"{copy}-wal")
        with closing(sqlite3.connect(copy)) as here:
            here.execute("PRAGMA journal_mode = DELETE")
        return
    with (
        closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=10)) as there,
        closing(sqlite3.connect(copy)) as here,
    ):
        there.backup(here)
        here.execute("PRAGMA journal_mode = DELETE")


class PocketBaseFolder:
    def __init__(self, connection: sqlite3.Connection) -> None:
        connection.row_factory = sqlite3.Row
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
        connection.text_factory = _text
        self._connection = connection
        _told(self._check)
        connection.set_authorizer(_authorize)

    def collections(self) -> tuple[ForeignCollection, ...]:
        return _told(lambda: tuple(_collection(row) for row in self._connection.execute("SELECT * FROM _collections ORDER BY rowid")))

    def count(self, collection: ForeignCollection) -> int:
        text = f"SELECT count(*) FROM {_quoted(collection.name)}"  # noqa: S608 - quoted, and checked to be a table
        return _told(lambda: int(self._connection.execute(text).fetchone()[0]))

    def rows(self, collection: ForeignCollection, columns: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        """By the order of ids, which has an index: no sorting, and constant memory."""
        # Behind a dot: SQLite takes a quoted name that is not there for a text.
        listed = ", ".join(f"t.{_quoted(each)}" for each in columns)
        text = f"SELECT {listed} FROM {_quoted(collection.name)} AS t ORDER BY t.id"  # noqa: S608 - quoted, and checked to be a table
        cursor = _told(lambda: self._connection.execute(text))
        while rows := _told(lambda: cursor.fetchmany(500)):
            for row in rows:
                yield dict(zip(columns, row, strict=True))

    def _check(self) -> None:
        self._connection.execute("PRAGMA trusted_schema = OFF")
        if self._connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise _no_database()
        tables = {row["name"]: row for row in self._connection.execute("SELECT name, type, sql FROM sqlite_master WHERE type != 'index'")}
        if "_collections" not in tables:
            raise Invalid("this database is not one of a PocketBase", code="not_pocketbase")
        columns = {row["name"] for row in self._connection.execute("PRAGMA table_info(_collections)")}
        if "fields" not in columns:
            hint = "start a PocketBase of 0.23 or later on it once; that brings it up to date"
            raise Invalid("this data folder is of a PocketBase before 0.23", code="not_pocketbase", hint=hint)
        named = {row["name"] for row in self._connection.execute("SELECT name FROM _collections WHERE type != 'view'")} | {"_collections"}
        for name in sorted(named):
            made = tables.get(name)
            if made is None or made["type"] != "table" or not str(made["sql"]).upper().startswith("CREATE TABLE"):
                raise Invalid(f"`{str(name)[:80]}` is no plain table in this database", code="not_pocketbase")


def _authorize(action: int, first: str | None, second: str | None, database: str | None, inside: str | None) -> int:
    allowed = action in _ALLOWED or (action == sqlite3.SQLITE_FUNCTION and second in _FUNCTIONS)
    return sqlite3.SQLITE_OK if allowed and inside is None else sqlite3.SQLITE_DENY


def _collection(row: sqlite3.Row) -> ForeignCollection:
    options = _json(row["options"], dict)
    rules = {name: row[f"{name}Rule"] for name in RULES[:5]} | {name: options.get(f"{name}Rule") for name in RULES[5:]}
    fields, indexes = _json(row["fields"], list), _json(row["indexes"], list)
    if not all(isinstance(each, dict) for each in fields) or not all(isinstance(each, str) for each in indexes):
        raise _no_database()
    if not all(text is None or isinstance(text, str) for text in rules.values()):
        raise _no_database()
    names = (str(row["id"]), str(row["name"]), str(row["type"]))
    return ForeignCollection(*names, tuple(fields), tuple(indexes), rules, bool(row["system"]))


def _json(text: Any, kind: type[T]) -> T:
    value = json.loads(text or "null")
    if value is None:
        return kind()
    if not isinstance(value, kind):
        raise _no_database()
    return value


def _text(value: bytes) -> str:
    """What is not UTF-8 is told by the field that refuses it, not by a traceback."""
    return value.decode("utf-8", "surrogateescape")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _told(read: Callable[[], T]) -> T:
    try:
        return read()
    except (sqlite3.Error, ValueError, RecursionError, IndexError, KeyError) as broken:
        raise _no_database() from broken


def _no_database() -> Invalid:
    return Invalid("`data.db` is broken, or no database of a PocketBase", code="not_pocketbase")
