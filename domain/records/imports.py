"""From the rows of a file to record bodies: which column feeds which field, and how a cell is read as the field's type."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from domain.errors import Fault, Invalid, did_you_mean, invalid
from domain.records.cells import exact_text, reader
from domain.records.column_names import field_names
from domain.records.draft import Author, writable
from domain.records.formulas import unguarded
from domain.schema.collection import Collection
from domain.schema.fields import DecimalField, Field, FileField, RelationField, Unfit

# The column in which rejected rows tell why: no field's name begins so, and the next import passes over it.
REASON = "_reason"
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

    @property
    def reason(self) -> str:
        """All of its faults as one sentence."""
        return "; ".join(f"{fault.pointer.removeprefix('/')}: {fault.detail}" if fault.pointer else fault.detail for fault in self.faults)


@dataclass(frozen=True, slots=True)
class Options:
    """`id_column` gives the ids; `ignore` columns are passed over; cells that are in `null` (and empty ones) hold nothing;
    relations in `clear_missing` are left empty (lists: without that target) where it is not there, instead of refusing the row.
    `match` says for a relation by which unique field of its target the file names records, instead of by id. With `key` (a unique
    field, or `id`) a row whose record is there changes it, instead of making another one. With `events` each record leaves an event of its
    own, instead of one for all."""

    id_column: str | None = None
    ignore: frozenset[str] = frozenset()
    null: frozenset[str] = frozenset()
    clear_missing: frozenset[str] = frozenset()
    match: Mapping[str, str] = field(default_factory=dict)
    key: str | None = None
    events: bool = False


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
    known: Mapping[str, Field] = field(default_factory=dict)
    # Decimal fields: what JSON writes as a number is taken where that is exact.
    exact: frozenset[str] = frozenset()
    # What turns a value of a file field into files; without it there are none to be had.
    files: Callable[[FileField, Any], Any] | None = None

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
        ignored, names = self.options.ignore, field_names(row, self.known)
        body = {names[name]: value for name, value in row.items() if name not in ignored and name != REASON}
        for name in self.exact & body.keys():
            if isinstance(body[name], float):
                body[name] = exact_text(body[name])
        if self.files is not None:
            body = self._with_files(body)
        if self.options.null:
            body = {name: None if isinstance(value, str) and value in self.options.null else value for name, value in body.items()}
        column = self.options.id_column
        if column is not None and column != "id":
            body["id"] = row.get(column)
            if column not in self.known:
                body.pop(names.get(column, ""), None)
        return body


    def _with_files(self, body: dict[str, Any]) -> dict[str, Any]:
        faults: list[Fault] = []
        for name, value in body.items():
            known = self.known.get(name)
            if isinstance(known, FileField) and self.files is not None:
                try:
                    body[name] = self.files(known, value)
                except Unfit as unfit:
                    faults.append(Fault(f"/{name}", unfit.code, unfit.detail))
        if faults:
            raise Invalid(faults[0].detail, code="invalid_record", faults=tuple(faults))
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
    fields = writable(collection, IMPORTER)
    _refuse(list(_option_faults(collection, options)))
    exact = frozenset(name for name, each in fields.items() if isinstance(each, DecimalField))
    return Layout(options, known=fields, exact=exact)


def layout_of_columns(collection: Collection, header: Sequence[str], options: Options) -> Layout:
    """Invalid, with every column that has no place, every field that must have a column and has none. A column stands for the field of
    its name, or of what its name becomes as that of a field (`First Name`: first_name)."""
    fields = writable(collection, IMPORTER)
    names = field_names(header, fields)
    columns: list[Column] = []
    for position, column in enumerate(header):
        name = names[column]
        if column == (options.id_column or "id"):
            columns.append(Column(position, "id", unguarded))
        if name in fields and column not in options.ignore and column != REASON:
            matched = unguarded if name in options.match and not fields[name].many else reader(fields[name])
            columns.append(Column(position, name, matched))
    _refuse(list(_header_faults(collection, fields, header, names, options)))
    return Layout(options, tuple(header), tuple(columns), fields)


def _header_faults(
    collection: Collection, fields: Mapping[str, Field], header: Sequence[str], names: Mapping[str, str], options: Options
) -> Iterable[Fault]:
    for name in dict.fromkeys(each for each in header if header.count(each) > 1):
        yield Fault(name, "duplicate_column", f"there are two columns `{name}`")
    given = {names[column] for column in header if column not in options.ignore}
    for name in dict.fromkeys(header):
        if names[name] not in fields and name not in options.ignore and name not in (options.id_column or "id", REASON):
            hint = did_you_mean(name, list(fields)) or "add the field, or ignore the column"
            yield Fault(name, "unknown_column", f"`{collection.name}` has no field for the column `{name}`; {hint}")
    for name in (*sorted(options.ignore), *filter(None, [options.id_column])):
        if name not in header:
            yield Fault(name, "unknown_column", f"the file has no column `{name}`")
    if options.key and options.key not in given and not (options.key == "id" and (options.id_column or "id") in header):
        yield Fault(options.key, "missing_column", f"the file has no column for the key `{options.key}`")
    for name, each in fields.items() if options.key is None else ():  # records that are there have what they need
        if each.required and each.default is None and name not in given:
            yield Fault(name, "missing_column", f"`{name}` is required, and the file has no column for it")
    yield from _option_faults(collection, options)


def _option_faults(collection: Collection, options: Options) -> Iterable[Fault]:
    if options.key not in (None, "id"):
        keys = [each.name for each in collection.own_fields if each.unique]
        if options.key not in keys:
            hint = did_you_mean(options.key or "", keys) or f"keys are {', '.join(['id', *keys])}"
            yield Fault("key", "invalid_key", f"`{options.key}` is no unique field of `{collection.name}`; {hint}")
    for name in sorted(options.match):
        if name not in {each.name for each in collection.relations}:
            yield Fault(name, "unknown_relation", f"`{collection.name}` has no relation `{name}` to match")
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


def with_files(layout: Layout, files: Callable[[FileField, Any], Any]) -> Layout:
    """The same layout, for which files are to be had. A row that may change a record brings none: where its files would lie is known only
    when it is written."""
    taking = {each.name: each for each in layout.known.values() if isinstance(each, FileField)}
    named = [each.field for each in layout.columns if each.field in taking] if layout.columns else list(taking)
    if layout.options.key is not None and named:
        _refuse([Fault(named[0], "not_supported", f"files come with new records: leave `key` out, or ignore `{named[0]}`")])
    columns = tuple(
        replace(each, read=_reading(taking[each.field], each.read, files)) if each.field in taking else each for each in layout.columns
    )
    return replace(layout, columns=columns, files=files)


def _reading(field: FileField, read: Callable[[str], Any], files: Callable[[FileField, Any], Any]) -> Callable[[str], Any]:
    """A cell is a path, or what an export writes; several as other lists are written."""

    def take(cell: str) -> Any:
        return files(field, read(cell) if field.many or cell.lstrip().startswith("{") else cell)

    return take


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


def check_matches(relations: Iterable[RelationField], targets: Mapping[str, Collection], options: Options) -> None:
    """Invalid where `match` names no unique field of a relation's target."""
    for each in relations:
        name = options.match.get(each.name)
        keys = [field.name for field in targets[each.collection].own_fields if field.unique and not field.many]
        if name is not None and name not in keys:
            hint = did_you_mean(name, keys) or (f"unique fields are {', '.join(keys)}" if keys else "it has none; use ids")
            raise invalid("match", "invalid_match", f"`{each.collection}` has no unique field `{name}`", hint=hint)
