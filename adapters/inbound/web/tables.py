"""Files of records: CSV, JSON Lines and JSON, plain or compressed, written as rows come. Which records is not known here."""

import csv
import errno
import gzip
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from typing import IO, Any, Protocol

import orjson

from domain.errors import OutOfSpace
from domain.records.exports import Cell, ExportForm, cells
from domain.schema.collection import Collection

# Beyond this level compression costs much time for little space.
_GZIP_LEVEL = 4


class _Format(Protocol):
    def begin(self, collection: Collection, names: tuple[str, ...]) -> None: ...
    def put(self, rows: Sequence[Sequence[Any]]) -> None: ...
    def end(self) -> None: ...


class FileTable:
    """A table in a file that is open for writing and can be begun anew."""

    def __init__(self, file: IO[bytes], form: ExportForm) -> None:
        self._file, self._form = file, form
        self._packed: gzip.GzipFile | None = None
        self._format: _Format = JsonTable(file)

    @property
    def size(self) -> int:
        return self._file.tell()

    def begin(self, collection: Collection, names: tuple[str, ...]) -> None:
        self._file.seek(0)
        self._file.truncate()
        # Without a name and a time in it, so that the same records are the same bytes.
        self._packed = gzip.GzipFile("", "wb", _GZIP_LEVEL, self._file, mtime=0) if self._form.gzip else None
        into: Any = self._packed or self._file
        self._format = CsvTable(into, bom=self._form.bom) if self._form.format == "csv" else _JSON[self._form.format](into)
        with told_when_full():
            self._format.begin(collection, names)

    def put(self, rows: Sequence[Sequence[Any]]) -> None:
        with told_when_full():
            self._format.put(rows)

    def end(self) -> None:
        with told_when_full():
            self._format.end()
            if self._packed is not None:
                self._packed.close()
            self._file.flush()


class CsvTable:
    """UTF-8, lines that end with CR LF, quotes where they are needed (RFC 4180)."""

    def __init__(self, file: IO[bytes], *, bom: bool) -> None:
        self._file, self._bom = file, bom
        self._cells: tuple[Cell, ...] = ()

    def begin(self, collection: Collection, names: tuple[str, ...]) -> None:
        self._cells = cells(collection, names, lambda value: orjson.dumps(value).decode())
        self._file.write(_csv_lines([names], "utf-8-sig" if self._bom else "utf-8"))

    def put(self, rows: Sequence[Sequence[Any]]) -> None:
        made = self._cells
        self._file.write(_csv_lines([cell(value) for cell, value in zip(made, row, strict=True)] for row in rows))

    def end(self) -> None:
        """Nothing comes after the last line."""


def _csv_lines(rows: Iterable[Sequence[str]], encoding: str = "utf-8") -> bytes:
    text = StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode(encoding)


class JsonLinesTable:
    """One record a line."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._names = file, ()  # type: IO[bytes], tuple[str, ...]

    def begin(self, collection: Collection, names: tuple[str, ...]) -> None:
        self._names = names

    def put(self, rows: Sequence[Sequence[Any]]) -> None:
        lines = [orjson.dumps(dict(zip(self._names, row, strict=True))) for row in rows]
        self._file.write(b"".join(line + b"\n" for line in lines))

    def end(self) -> None:
        """Nothing comes after the last line."""


class JsonTable:
    """An array, one record a line."""

    def __init__(self, file: IO[bytes], names: tuple[str, ...] = ()) -> None:
        self._file, self._names, self._before = file, names, b"["

    def begin(self, collection: Collection, names: tuple[str, ...]) -> None:
        self._names = names

    def put(self, rows: Sequence[Sequence[Any]]) -> None:
        for row in rows:
            self._file.write(self._before + b"\n" + orjson.dumps(dict(zip(self._names, row, strict=True))))
            self._before = b","

    def end(self) -> None:
        self._file.write(b"[]\n" if self._before == b"[" else b"\n]\n")


_JSON: dict[str, type[JsonLinesTable] | type[JsonTable]] = {"jsonl": JsonLinesTable, "json": JsonTable}


@contextmanager
def told_when_full() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise OutOfSpace("there is no room to write this export", hint="export fewer records, or make room") from error
