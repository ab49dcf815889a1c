"""Archives of JSON documents and tables, as ZIP files that are written as their content comes. What goes into them is not known here."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import orjson

from adapters.inbound.web.tables import JsonTable, told_when_full

# Beyond this level compression costs much time for little space.
_LEVEL = 4


class ZipArchive:
    """In a file that is open for writing and can be begun anew. To be used in a `with`, at whose end it is whole."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._at = file, datetime(1980, 1, 1)  # noqa: DTZ001 - ZIP knows no zones
        self._zip: ZipFile | None = None

    @property
    def size(self) -> int:
        return self._file.tell()

    def begin(self, at: datetime) -> None:
        """What was begun is ended before it is thrown away: left open it would write its end whenever it is collected."""
        self._end()
        self._file.seek(0)
        self._file.truncate()
        self._at, self._zip = at, ZipFile(self._file, "w", ZIP_DEFLATED, compresslevel=_LEVEL)

    def document(self, name: str, content: Any) -> None:
        with self._entry(name) as entry:
            entry.write(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))

    @contextmanager
    def table(self, name: str, columns: Sequence[str]) -> Iterator[JsonTable]:
        with self._entry(name) as entry:
            made = JsonTable(entry, tuple(columns))
            yield made
            made.end()

    def file(self, name: str, chunks: Iterable[bytes]) -> None:
        """As it is: most files that are large are compressed already."""
        with self._entry(name, ZIP_STORED) as entry:
            for chunk in chunks:
                entry.write(chunk)

    @contextmanager
    def _entry(self, name: str, how: int = ZIP_DEFLATED) -> Iterator[IO[bytes]]:
        assert self._zip is not None
        info = ZipInfo(name, self._at.timetuple()[:6])
        info.compress_type, info.external_attr = how, 0o600 << 16
        # How long it gets is not known before: beyond 2 GiB the format asks for that to be said at the beginning.
        with told_when_full(), self._zip.open(info, "w", force_zip64=True) as entry:
            yield entry

    def _end(self) -> None:
        if self._zip is not None:
            with told_when_full():
                self._zip.close()
            self._zip = None

    def __enter__(self) -> "ZipArchive":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        self._end()
