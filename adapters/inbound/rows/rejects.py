"""Rejected rows as a file that can be mended and imported again: the rows as they were, and why in a column that an import ignores."""

import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TextIO

from adapters.inbound.rows.formats import Dialect, RowFile, open_rows
from domain.records.imports import REASON, BadRow, Row


def rejects_path(file: Path, dialect: Dialect) -> Path:
    """Beside the file: NAME.rejects.csv, or .jsonl for every sort of JSON."""
    bare = file.with_suffix("") if file.suffix.lower() == ".gz" else file
    return bare.with_name(f"{bare.stem}.rejects.{'csv' if dialect.format == 'csv' else 'jsonl'}")


def write_rejects(target: Path, file: Path, dialect: Dialect, bad: Iterable[BadRow]) -> int:
    """Reads `file` once more for the rows; `bad` comes in the order of their lines. How many were written; those that cannot be read
    at all are told by their line alone."""
    written = 0
    with open_rows(file, dialect) as rows, target.open("w", encoding="utf-8", newline="") as out:
        form = _form(out, rows)
        form.begin()
        for row, rejected in _together(iter(rows), iter(bad)):
            form.write(row, rejected)
            written += 1
    return written


def append_rejects(target: Path, start: int, of: RowFile, rows: Sequence[Row | BadRow], bad: Sequence[BadRow]) -> int:
    """Writes from `start` on, over whatever a run that was cut off left there. Where it ends, on disk."""
    with target.open("r+" if start and target.exists() else "w", encoding="utf-8", newline="") as out:
        out.seek(min(start, out.seek(0, 2)))
        out.truncate()
        form = _form(out, of)
        if not out.tell():
            form.begin()
        for row, rejected in _together(iter(rows), iter(sorted(bad, key=lambda row: row.line))):
            form.write(row, rejected)
        out.flush()
        os.fsync(out.fileno())
        return out.tell()


class _Form(Protocol):
    def begin(self) -> None: ...
    def write(self, row: Row | BadRow, rejected: BadRow) -> None: ...


def _form(out: TextIO, rows: RowFile) -> _Form:
    return _Lines(out) if rows.header is None else _Table(out, rows.header, rows.delimiter)


class _Lines:
    def __init__(self, out: TextIO) -> None:
        self._out = out

    def begin(self) -> None:
        """JSON Lines have no header."""

    def write(self, row: Row | BadRow, rejected: BadRow) -> None:
        content = row.content if isinstance(row, Row) and isinstance(row.content, Mapping) else {}
        self._out.write(json.dumps({**content, REASON: _reason(rejected)}, ensure_ascii=False) + "\n")


class _Table:
    def __init__(self, out: TextIO, header: tuple[str, ...], delimiter: str) -> None:
        self._header, self._table = header, csv.writer(out, delimiter=delimiter)
        self._names = [name for name in header if name != REASON]

    def begin(self) -> None:
        self._table.writerow([*self._names, REASON])

    def write(self, row: Row | BadRow, rejected: BadRow) -> None:
        """A row of too few cells is filled up, one of too many keeps them behind the reason."""
        content: Sequence[str] = list(row.content) if isinstance(row, Row) else []
        cells = [cell for name, cell in zip(self._header, content, strict=False) if name != REASON]
        filler = [""] * (len(self._names) - len(cells))
        self._table.writerow([*cells, *filler, _reason(rejected), *content[len(self._header) :]])


def _reason(rejected: BadRow) -> str:
    return f"line {rejected.line}: {rejected.reason}"


def _together(rows: Iterator[Row | BadRow], bad: Iterator[BadRow]) -> Iterator[tuple[Row | BadRow, BadRow]]:
    wanted = next(bad, None)
    for row in rows:
        if wanted is None:
            return
        if row.line == wanted.line:
            yield row, wanted
            wanted = next(bad, None)
