"""Rows that were judged and wait to be written, in temporary files, so that memory stays constant however many there are."""

import pickle
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import IO, TYPE_CHECKING, Any

from domain.actor import Actor
from domain.errors import Fault
from domain.records.columnwise import record_names
from domain.records.imports import BadRow, Layout
from domain.schema.collection import Collection

if TYPE_CHECKING:
    from app.usecases.import_files import FilesOfRows

_SHOWN = 20


class BadRows:
    """The first few, how many there are, and, in a temporary file, all of them."""

    def __init__(self) -> None:
        self.first: list[BadRow] = []
        self.count = 0
        self._spool: IO[bytes] | None = None

    def add(self, row: BadRow) -> None:
        self.count += 1
        if len(self.first) < _SHOWN:
            self.first.append(row)
        if self._spool is None:
            self._spool = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as this, see `close`
        pickle.dump((row.line, row.faults), self._spool, pickle.HIGHEST_PROTOCOL)

    def __iter__(self) -> Iterator[BadRow]:
        if self._spool is None:
            return
        self._spool.seek(0)
        for _ in range(self.count):
            line, faults = pickle.load(self._spool)  # noqa: S301 - our own anonymous file, written a moment ago
            yield BadRow(line, faults)

    def close(self) -> None:
        if self._spool is not None:
            self._spool.close()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one row that could be read: the values of a new record, and, where rows are told apart by a key, that key, what
    the row names, and why it can make no new record."""

    line: int
    values: Mapping[str, Any]
    faults: tuple[Fault, ...] = ()
    cleared: tuple[str, ...] = ()
    key: Any = None
    named: Mapping[str, Any] | None = None
    not_new: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """New records that go in as they are: the values of each by `names`, and the line that it came from."""

    names: tuple[str, ...]
    lines: Sequence[int]
    rows: Sequence[tuple[Any, ...]]

    def __len__(self) -> int:
        return len(self.rows)


# Whether a row changes a record is found out when it is written, so a file with a key waits as verdicts.
Chunk = Made | Sequence[Verdict]


@dataclass(slots=True)
class Judged:
    """The rows of a file that may be kept, waiting in `_spool`. Close it when done. `definition` is that of a collection that is made
    together with them."""

    collection: Collection
    schema_version: int
    layout: Layout
    actor: Actor
    definition: Mapping[str, Any] | None = None
    rows: int = 0
    cleared: dict[str, int] = field(default_factory=dict)
    bad: BadRows = field(default_factory=BadRows)
    refused: BadRows = field(default_factory=BadRows)
    files: "FilesOfRows | None" = None
    _spool: IO[bytes] = field(default_factory=tempfile.TemporaryFile)

    def put(self, verdicts: Sequence[Verdict], made: Sequence[tuple[int, tuple[Any, ...]]] = ()) -> None:
        """Keeps the good ones for later, beside what is made already, in the order of their lines."""
        good = [each for each in verdicts if not each.faults]
        for name in (name for each in good for name in each.cleared):
            self.cleared[name] = self.cleared.get(name, 0) + 1
        if self.layout.options.key is None:
            self._keep_made([*made, *((each.line, tuple(each.values.values())) for each in good)], mixed=bool(good))
        elif good:
            self._spool_chunk([(each.line, each.values, each.key, each.named, each.not_new) for each in good], len(good))

    def _keep_made(self, made: list[tuple[int, tuple[Any, ...]]], *, mixed: bool) -> None:
        if mixed:
            made.sort(key=itemgetter(0))
        if made:
            lines, rows = zip(*made, strict=True)
            self._spool_chunk((lines, rows), len(rows))

    def _spool_chunk(self, chunk: Any, rows: int) -> None:
        pickle.dump(chunk, self._spool, pickle.HIGHEST_PROTOCOL)
        self.rows += rows

    def chunks(self) -> Iterator[Chunk]:
        """From the start, as often as asked."""
        self._spool.seek(0)
        taken = 0
        while taken < self.rows:
            chunk = self._chunk(pickle.load(self._spool))  # noqa: S301 - our own anonymous file, written a moment ago
            taken += len(chunk)
            yield chunk

    def _chunk(self, kept: Any) -> Chunk:
        if self.layout.options.key is None:
            return Made(record_names(self.collection), *kept)
        return [Verdict(line, values, key=key, named=named, not_new=not_new) for line, values, key, named, not_new in kept]

    def forget(self) -> None:
        """What was kept of the rows so far, once they are where they belong."""
        self._spool.seek(0)
        self._spool.truncate()
        self.rows = 0
        for each in (self.bad, self.refused):
            each.close()
        self.bad, self.refused = BadRows(), BadRows()

    def close(self) -> None:
        for each in (self._spool, self.bad, self.refused):
            each.close()

    def __enter__(self) -> "Judged":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
