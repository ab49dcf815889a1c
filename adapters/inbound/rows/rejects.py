"""Rejected rows as a file that can be mended and imported again: the rows as they were, and why in a column that an import ignores."""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from adapters.inbound.rows.formats import Dialect, open_rows
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
        table = csv.writer(out, delimiter=rows.delimiter or ",")
        if rows.header is not None:
            names = [name for name in rows.header if name != REASON]
            table.writerow([*names, REASON])
        for row, rejected in _together(iter(rows), iter(bad)):
            content = row.content if isinstance(row, Row) else None
            reason = f"line {rejected.line}: {rejected.reason}"
            if rows.header is not None:
                cells = [] if content is None else [cell for name, cell in zip(rows.header, content, strict=False) if name != REASON]
                more = [] if content is None else list(content)[len(rows.header) :]
                table.writerow([*cells, *[""] * (len(names) - len(cells)), reason, *more])
            else:
                out.write(json.dumps({**(content or {}), REASON: reason}, ensure_ascii=False) + "\n")  # type: ignore[dict-item]
            written += 1
    return written


def _together(rows: Iterator[Row | BadRow], bad: Iterator[BadRow]) -> Iterator[tuple[Row | BadRow, BadRow]]:
    wanted = next(bad, None)
    for row in rows:
        if wanted is None:
            return
        if row.line == wanted.line:
            yield row, wanted
            wanted = next(bad, None)
