"""What an export may be: its formats, its limits, and how the values of records become cells of CSV; writing them is left to the doors."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.errors import Invalid
from domain.records.formulas import guarded
from domain.schema.collection import Collection
from domain.schema.kinds import Kind

FORMATS = ("csv", "jsonl", "json")
MEDIA_TYPES = {"csv": "text/csv; charset=utf-8; header=present", "jsonl": "application/jsonl", "json": "application/json"}


@dataclass(frozen=True, slots=True)
class ExportQuery:
    """Which records of a collection, in which order, with which fields; texts as they were sent."""

    filter: str = ""
    sort: str = ""
    fields: str = ""


@dataclass(frozen=True, slots=True)
class ExportForm:
    """`bom` begins CSV with a byte order mark, by which some spreadsheets know UTF-8."""

    format: str = "csv"
    gzip: bool = False
    bom: bool = False

    def file_name(self, collection: str) -> str:
        """Safe in a header and on every disk, as the names of collections are."""
        return f"{collection}.{self.format}" + (".gz" if self.gzip else "")


@dataclass(frozen=True, slots=True)
class ExportLimits:
    """What one export over HTTP may take of the machine. Beyond them it is refused: half of the records would look like all of them."""

    rows: int | None = 1_000_000
    seconds: float | None = 60.0
    size: int | None = 2**30

    def check_rows(self, rows: int) -> None:
        if self.rows is not None and rows > self.rows:
            raise _beyond("export_rows", f"at most {self.rows:,} records in one export")

    def check_seconds(self, seconds: float) -> None:
        if self.seconds is not None and seconds > self.seconds:
            raise _beyond("export_seconds", f"an export takes at most {self.seconds:g} seconds")

    def check_size(self, size: int) -> None:
        if self.size is not None and size > self.size:
            raise _beyond("export_size", f"an export has at most {self.size:,} bytes")


HTTP_LIMITS = ExportLimits()
# The command line is its owner's own: it may take what it needs.
UNLIMITED = ExportLimits(None, None, None)


def _beyond(limit: str, detail: str) -> Invalid:
    hint = "export it in parts by a filter, or use `stillroom export` on the server"
    return Invalid(f"beyond the limit `{limit}`: {detail}", code="limit_exceeded", hint=hint)


Cell = Callable[[Any], str]


def cells(collection: Collection, names: Sequence[str], dumps: Callable[[Any], str]) -> tuple[Cell, ...]:
    """For each column what makes a cell of its values; `dumps` writes JSON. Numbers stay numbers, -1 too; texts that a spreadsheet
    would run are guarded; what is absent is an empty cell, which an import reads as absent."""
    fields: Mapping[str, Any] = collection.every_field
    return tuple(_structured(dumps) if _is_structured(fields[name]) else _CELLS[fields[name].kind] for name in names)


def _is_structured(field: Any) -> bool:
    return field.many or field.kind is Kind.JSON


def _structured(dumps: Callable[[Any], str]) -> Cell:
    """JSON begins with no formula: a text in it has its quotes."""
    return lambda value: "" if value is None else dumps(value)


def _plain(value: Any) -> str:
    return "" if value is None else str(value)


def _number(value: Any) -> str:
    return "" if value is None else repr(value)


def _text(value: Any) -> str:
    return "" if value is None else guarded(value)


def _truth(value: Any) -> str:
    return "" if value is None else "true" if value else "false"


_CELLS: dict[Kind, Cell] = {
    Kind.TEXT: _text, Kind.DATE: _plain, Kind.DAY: _plain, Kind.DECIMAL: _plain,
    Kind.INTEGER: _number, Kind.NUMBER: _number, Kind.BOOL: _truth,
}  # fmt: skip
