"""Which format a file is in, by its name or by what its reader says, and its rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from adapters.inbound.rows.csv_rows import CsvRows
from adapters.inbound.rows.json_rows import JsonArray, JsonLines
from adapters.inbound.rows.source import Source, opened
from domain.errors import Invalid, invalid
from domain.records.imports import BadRow, Row

FORMATS = ("csv", "jsonl", "json")
_SUFFIXES = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json"}


class Rows(Protocol):
    """`header` is None where rows are objects."""

    @property
    def header(self) -> tuple[str, ...] | None: ...

    def __iter__(self) -> Iterator[Row | BadRow]: ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the bytes are to be read: `format` is one of FORMATS; `delimiter` None is found out."""

    format: str
    delimiter: str | None = None
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        if self.delimiter is not None and self.format != "csv":
            raise invalid("delimiter", "invalid_parameter", "`delimiter` is for CSV; JSON has none")
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '"\r\n '):
            raise invalid("delimiter", "invalid_parameter", "`delimiter` is one character, for example `;`")
        if self.format == "json" and self.encoding != "utf-8":
            raise invalid("encoding", "invalid_parameter", "JSON is UTF-8; `encoding` is for CSV and JSON Lines")


def format_of(path: Path) -> str:
    """By the end of the name, `.gz` left aside. Invalid where that tells nothing."""
    suffix = (path.with_suffix("") if path.suffix.lower() == ".gz" else path).suffix.lower()
    if suffix not in _SUFFIXES:
        detail = f"the file's name ends with {', '.join(_SUFFIXES)}, or one of them and .gz, so that it is plain what it holds"
        raise Invalid(detail, code="unknown_format", hint="or say it with the option `format`")
    return _SUFFIXES[suffix]


def rows_of(source: Source, dialect: Dialect) -> Rows:
    """Invalid where a CSV file has no header."""
    if dialect.format == "csv":
        return CsvRows(source.file, delimiter=dialect.delimiter, encoding=dialect.encoding)
    return JsonLines(source.file, encoding=dialect.encoding) if dialect.format == "jsonl" else JsonArray(source.file)


class RowFile:
    """The rows of a file, and how many of its bytes were read for them."""

    def __init__(self, source: Source, rows: Rows) -> None:
        self._source, self._rows = source, rows
        self.header = rows.header
        self.delimiter = getattr(rows, "delimiter", "")

    @property
    def position(self) -> int:
        return self._source.position

    def __iter__(self) -> Iterator[Row | BadRow]:
        return iter(self._rows)


@contextmanager
def open_rows(path: Path, dialect: Dialect | None = None) -> Iterator[RowFile]:
    with path.open("rb") as file, opened(file) as source:
        yield RowFile(source, rows_of(source, dialect or Dialect(format_of(path))))
