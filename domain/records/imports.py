"""From the rows of a file to record bodies: which column feeds which field, and how a cell is read as the field's type."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from domain.errors import Fault, Invalid, did_you_mean
from domain.records.draft import Author, writable
from domain.records.formulas import unguarded
from domain.schema.collection import Collection
from domain.schema.fields import Field, RelationField, Unfit
from domain.schema.kinds import Kind

# The owner imports: values of hidden fields are theirs to write, and there is no account for `@request.auth.id`.
IMPORTER = Author(id=None, sees_hidden=True)


@dataclass(frozen=True, slots=True)
class Row:
    """`line` is where the row begins in the file, from 1. Cells stand in the order of the header; an object names its fields itself."""

    line: int
    content: Sequence[str] | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BadRow:
    line: int
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Options:
    """`id_column` gives the ids; `ignore` columns are passed over; cells that are in `null` (and empty ones) hold nothing;
    relations in `clear_missing` are left empty (lists: without that target) where it is not there, instead of refusing the row."""

    id_column: str | None = None
    ignore: frozenset[str] = frozenset()
    null: frozenset[str] = frozenset()
    clear_missing: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Column:
    position: int
    field: str
    read: Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Layout:
    """How a row of this file becomes a body. Without `columns` rows are objects."""

    options: Options
    header: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()

    def body(self, row: Row) -> dict[str, Any]:
        """Invalid, with a fault for each cell that cannot be read; whether the values fit is the draft's to say."""
        if isinstance(row.content, Mapping):
            return self._of_object(row.content)
        return self._of_cells(row.content)

    def _of_cells(self, cells: Sequence[str]) -> dict[str, Any]:
        if len(cells) != len(self.header):
            raise _wrong_width(len(cells), len(self.header))
        body: dict[str, Any] = {}
        faults: list[Fault] = []
        null = self.options.null
        for column in self.columns:
            text = cells[column.position]
            try:
                body[column.field] = None if text == "" or text in null else column.read(text)
            except Unfit as unfit:
                faults.append(Fault(f"/{column.field}", unfit.code, unfit.detail))
        if faults:
            raise Invalid(faults[0].detail, code="invalid_record", faults=tuple(faults))
        return body

    def _of_object(self, row: Mapping[str, Any]) -> dict[str, Any]:
        body = {name: value for name, value in row.items() if name not in self.options.ignore}
        column = self.options.id_column
        if column is not None and column != "id":
            body["id"] = row.get(column)
        return body


def _wrong_width(found: int, wanted: int) -> Invalid:
    detail = f"the row has {found} cells and the header {wanted}"
    return Invalid(detail, code="wrong_width", faults=(Fault("", "wrong_width", detail),))


def check_importable(collection: Collection) -> None:
    """Accounts sign up or are made one by one: a file of them would hold passwords."""
    if collection.is_accounts:
        raise Invalid(f"`{collection.name}` holds accounts; import fills base collections only", code="not_importable")
    if collection.is_view:
        raise Invalid(f"`{collection.name}` is a view; import fills base collections only", code="not_importable")


def layout_of_objects(collection: Collection, options: Options) -> Layout:
    _refuse(list(_unknown_relations(collection, options)))
    return Layout(options)


def layout_of_columns(collection: Collection, header: Sequence[str], options: Options) -> Layout:
    """Invalid, with every column that has no place, every field that must have a column and has none."""
    fields = writable(collection, IMPORTER)
    columns: list[Column] = []
    for position, name in enumerate(header):
        if name == (options.id_column or "id"):
            columns.append(Column(position, "id", unguarded))
        if name in fields and name not in options.ignore:
            columns.append(Column(position, name, _listed if fields[name].many else _READERS[fields[name].kind]))
    _refuse(list(_header_faults(collection, fields, header, options)))
    return Layout(options, tuple(header), tuple(columns))


def _header_faults(
    collection: Collection, fields: Mapping[str, Field], header: Sequence[str], options: Options
) -> Iterable[Fault]:
    for name in dict.fromkeys(each for each in header if header.count(each) > 1):
        yield Fault(name, "duplicate_column", f"there are two columns `{name}`")
    for name in dict.fromkeys(header):
        if name not in fields and name not in options.ignore and name != (options.id_column or "id"):
            hint = did_you_mean(name, list(fields)) or "add the field, or ignore the column"
            yield Fault(name, "unknown_column", f"`{collection.name}` has no field for the column `{name}`; {hint}")
    for name in (*sorted(options.ignore), *filter(None, [options.id_column])):
        if name not in header:
            yield Fault(name, "unknown_column", f"the file has no column `{name}`")
    for name, each in fields.items():
        if each.required and each.default is None and (name not in header or name in options.ignore):
            yield Fault(name, "missing_column", f"`{name}` is required, and the file has no column for it")
    yield from _unknown_relations(collection, options)


def _unknown_relations(collection: Collection, options: Options) -> Iterable[Fault]:
    relations = {each.name: each for each in collection.relations}
    outward = {each.name for each in outward_relations(collection)}
    for name in sorted(options.clear_missing):
        if name not in relations:
            hint = did_you_mean(name, list(relations))
            yield Fault(name, "unknown_relation", f"`{collection.name}` has no relation `{name}`" + (f"; {hint}" if hint else ""))
        elif relations[name].required or (relations[name].min or 0) > 1:
            option = "required" if relations[name].required else "min"
            yield Fault(name, "required", f"`{name}` has `{option}`, so it cannot be left empty")
        elif name not in outward:
            told = f"`{name}` points into `{collection.name}` itself, so it is not left empty: put what a row points at before it"
            yield Fault(name, "not_supported", told)


def _refuse(faults: list[Fault]) -> None:
    if faults:
        detail = faults[0].detail if len(faults) == 1 else f"{len(faults)} things about the columns are wrong"
        raise Invalid(detail, code="invalid_columns", faults=tuple(faults))


def outward_relations(collection: Collection) -> tuple[RelationField, ...]:
    """Relations into other collections. Those into the same one may point at rows of the file itself, so only the store can judge them."""
    return tuple(each for each in collection.relations if each.collection != collection.name)


def targets(relation: RelationField, record: Mapping[str, Any]) -> tuple[str, ...]:
    """What this record points at by the relation."""
    held = record[relation.name]
    return held if relation.many else () if held is None else (held,)


def clearable(collection: Collection) -> tuple[str, ...]:
    """What `clear_missing` may name."""
    return tuple(each.name for each in outward_relations(collection) if not each.required and (each.min or 0) <= 1)


# --- how a cell is read. What other programs write without loss is taken ("5.0" is 5, "TRUE" is true); nothing is rounded.

_WHOLE = re.compile(r"([+-]?[0-9]{1,40})(?:\.0*)?")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")


@lru_cache(maxsize=10_000)  # columns of numbers repeat themselves: hours, counts, years
def _whole(text: str) -> int:
    match = _WHOLE.fullmatch(text)
    if match is None:
        raise Unfit("not_integer", f"`{text[:40]}` is no whole number")
    return int(match[1])


def _number(text: str) -> int | float:
    if len(text) > 400 or not _NUMBER.fullmatch(text):
        raise Unfit("not_number", f"`{text[:40]}` is no number")
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def _truth(text: str) -> bool:
    truth = {"true": True, "false": False}.get(text.lower())
    if truth is None:
        raise Unfit("not_bool", f"`{text[:40]}` is neither true nor false")
    return truth


def read_json(text: str) -> Any:
    """Strict JSON: no NaN, and no name twice in one object."""
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_unique)
    except Unfit:
        raise
    except (ValueError, RecursionError) as broken:
        raise Unfit("invalid_json", "this is no JSON") from broken


def _listed(text: str) -> Any:
    """Several values in one cell: a JSON array, or the values with `;` between them."""
    return read_json(text) if text.lstrip().startswith("[") else [part.strip() for part in text.split(";")]


def _no_constant(text: str) -> Any:
    raise Unfit("invalid_json", f"{text} is no JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Unfit("duplicate_key", "an object names a key twice")
    return found


_READERS: dict[Kind, Callable[[str], Any]] = {
    Kind.TEXT: unguarded,
    Kind.INTEGER: _whole,
    Kind.NUMBER: _number,
    Kind.DECIMAL: str,
    Kind.BOOL: _truth,
    Kind.DATE: str,
    Kind.DAY: str,
    Kind.JSON: read_json,
}
