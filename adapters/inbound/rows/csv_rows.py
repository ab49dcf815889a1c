"""CSV as rows, read as they are needed: a row that cannot be read is told, and the next one is read."""

import csv
import re
from collections.abc import Iterator
from typing import BinaryIO

from adapters.inbound.rows.lines import lines
from domain.errors import Fault, Invalid
from domain.records.imports import BadRow, Row

LONGEST_CELL = 4 * 2**20
DELIMITERS = (",", ";", "\t", "|")
_QUOTED = re.compile(r'"[^"]*"?')


class CsvRows:
    """Quotes doubled inside quotes (RFC 4180). The delimiter is the one that the header holds most of, unless it is told."""

    def __init__(self, file: BinaryIO, *, delimiter: str | None = None, encoding: str = "utf-8") -> None:
        csv.field_size_limit(LONGEST_CELL)
        texts = lines(file, encoding)
        first = next(texts, "")
        self.delimiter = delimiter or _delimiter(first)
        self._rows = csv.reader(_again(first, texts), delimiter=self.delimiter, strict=True)
        header = self._next()
        if not isinstance(header, list) or not any(header):
            raise Invalid("the file has no header: its first line names the columns", code="no_header")
        self.header: tuple[str, ...] | None = tuple(name.strip() for name in header)

    def __iter__(self) -> Iterator[Row | BadRow]:
        while True:
            line = self._rows.line_num + 1
            cells = self._next()
            if cells is None:
                return
            if isinstance(cells, str):
                yield BadRow(line, (Fault("", "invalid_csv", _told(cells, line)),))
            elif cells:
                yield Row(line, cells)

    def _next(self) -> list[str] | str | None:
        """The cells, what is wrong with them, or None at the end."""
        try:
            return next(self._rows, None)
        except csv.Error as broken:
            return str(broken)


def _delimiter(header: str) -> str:
    bare = _QUOTED.sub("", header)
    return max(DELIMITERS, key=bare.count)


def _again(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _told(error: str, line: int) -> str:
    if "end of data" in error or "field limit" in error:
        return f"a quote that is opened in line {line} is not closed"
    return f"this is no CSV: {error}"
