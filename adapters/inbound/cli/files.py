"""CSV and JSON Lines files as rows, read as they are needed; a row that cannot be read is told, and the next one is read."""

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, Protocol

from domain.errors import Fault, Invalid
from domain.records.imports import BadRow, Row, read_json
from domain.schema.fields import Unfit

LONGEST_CELL = 4 * 2**20
LONGEST_LINE = 16 * 2**20
_SUFFIXES = ".csv, .jsonl or .ndjson"


class RowFile(Protocol):
    """`header` is None where rows are objects; `position` is how many of the file's bytes were read."""

    @property
    def header(self) -> tuple[str, ...] | None: ...
    @property
    def position(self) -> int: ...

    def __iter__(self) -> Iterator[Row | BadRow]: ...


@contextmanager
def open_rows(path: Path) -> Iterator[RowFile]:
    """Invalid where the name does not say what the file holds, or where a CSV file has no header."""
    kinds: Mapping[str, type[CsvFile] | type[JsonLinesFile]] = {".csv": CsvFile, ".jsonl": JsonLinesFile, ".ndjson": JsonLinesFile}
    kind = kinds.get(path.suffix.lower())
    if kind is None:
        raise Invalid(f"the file's name ends with {_SUFFIXES}, so that it is plain what it holds", code="unknown_format")
    with path.open("rb") as file:
        yield kind(file)


class CsvFile:
    """UTF-8 with or without a byte order mark, commas, quotes doubled inside quotes (RFC 4180)."""

    def __init__(self, file: BinaryIO) -> None:
        csv.field_size_limit(LONGEST_CELL)
        self._file = file
        self._rows = csv.reader(TextIOWrapper(file, encoding="utf-8-sig", newline=""), strict=True)
        header = self._next()
        if not isinstance(header, list) or not header:
            raise Invalid("the file has no header: its first line names the columns", code="no_header")
        self.header: tuple[str, ...] | None = tuple(header)

    @property
    def position(self) -> int:
        return self._file.tell()

    def __iter__(self) -> Iterator[Row | BadRow]:
        while True:
            line = self._rows.line_num + 1
            cells = self._next()
            if cells is None:
                return
            if isinstance(cells, str):
                yield _bad(line, "invalid_csv", f"this is no CSV: {cells}")
            elif cells:
                yield Row(line, cells)

    def _next(self) -> list[str] | str | None:
        """The cells, what is wrong with them, or None at the end."""
        try:
            return next(self._rows, None)
        except csv.Error as broken:
            return str(broken)
        except UnicodeDecodeError as broken:
            raise _not_utf8(self._rows.line_num + 1) from broken


class JsonLinesFile:
    """One JSON object on each line, UTF-8."""

    header = None

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    @property
    def position(self) -> int:
        return self._file.tell()

    def __iter__(self) -> Iterator[Row | BadRow]:
        line = 0
        while text := self._file.readline(LONGEST_LINE):
            line += 1
            if len(text) == LONGEST_LINE:
                raise Invalid(f"line {line} is longer than {LONGEST_LINE} bytes", code="too_large")
            if text.strip():
                yield _object(line, text)


def _object(line: int, text: bytes) -> Row | BadRow:
    try:
        value = read_json(text.decode("utf-8"))
    except UnicodeDecodeError as broken:
        raise _not_utf8(line) from broken
    except Unfit as unfit:
        return _bad(line, unfit.code, unfit.detail)
    if not isinstance(value, dict):
        return _bad(line, "not_an_object", "each line holds one JSON object")
    return Row(line, value)


def _bad(line: int, code: str, detail: str) -> BadRow:
    return BadRow(line, (Fault("", code, detail),))


def _not_utf8(line: int) -> Invalid:
    return Invalid(f"the file is not UTF-8 (at or after line {line})", code="not_utf8", hint="save it as UTF-8 and start again")
