"""What a database still holds of somebody: looks for marks in every table, in what the engine plans by, and in the bytes of the file."""

import sqlite3
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import make_url

from tests.postgres import connect


def found_in_tables(url: str, marks: Sequence[str]) -> dict[str, set[str]]:
    """The marks that stand anywhere, by the table in which they do."""
    found: dict[str, set[str]] = {}
    for table, text in _contents(url):
        told = {mark for mark in marks if mark.lower() in text.lower()}
        if told:
            found.setdefault(table, set()).update(told)
    return found


def found_in_files(url: str, marks: Sequence[str], integers: Sequence[int] = (), doubles: Sequence[float] = ()) -> set[str]:
    """Of a SQLite database: in the file and its log, as their bytes are."""
    path = Path(make_url(url).database or "")
    raw = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    lower = raw.lower()
    told = {mark for mark in marks if mark.lower().encode() in lower}
    told |= {str(each) for each in integers if each.to_bytes(6, "big") in raw}
    return told | {str(each) for each in doubles if struct.pack(">d", each) in raw}


def learn(url: str) -> None:
    """As PostgreSQL's autovacuum does some day."""
    if not url.startswith("sqlite"):
        with connect(url, autocommit=True) as connection:
            connection.execute("ANALYZE")


def _contents(url: str) -> Iterator[tuple[str, str]]:
    if url.startswith("sqlite"):
        connection = sqlite3.connect(str(make_url(url).database))
        connection.text_factory = lambda raw: raw.decode(errors="replace")
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                yield table, " ".join(_text(each) for each in row)
        connection.close()
        return
    with connect(url) as connection:
        tables = [name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()").fetchall()]
        for table in tables:
            for (row,) in connection.execute(f'SELECT each::text FROM "{table}" each').fetchall():
                yield table, _unhexed(row)
        for table, row in connection.execute("SELECT tablename, s::text FROM pg_stats s WHERE schemaname = current_schema()").fetchall():
            yield f"statistics of {table}", _unhexed(row)


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _unhexed(row: str) -> str:
    """Bytes are told as `\\x…`; what they say stands beside."""
    parts = row.replace('"', "").replace("\\", "").strip("()").split(",")
    said = [bytes.fromhex(part[1:]).decode(errors="replace") for part in parts if part.startswith("x") and _is_hex(part[1:])]
    return " ".join([row.replace('\\\\"', '"'), *said])


def _is_hex(text: str) -> bool:
    return bool(text) and len(text) % 2 == 0 and not set(text) - set("0123456789abcdef")
