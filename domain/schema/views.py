"""The query of a view as its owner writes it: a source, columns along relations or measures, a filter, what to group by.

Sound by itself here; what it means beside other collections is told by domain.schema.view_fields.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.errors import did_you_mean, invalid
from domain.schema.measures import FUNCTIONS, Written, read_measure
from domain.schema.names import check_field_name

MAX_COLUMNS = 100
MAX_STEPS = 6
MAX_FILTER = 4000
# Fields of the source that a view may show under their own names, and no other column may be called so.
STAMPS = frozenset({"version", "created", "updated"})
_PATH = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
_KEYS = ("source", "columns", "filter", "group_by")
_COLUMN_KEYS = ("name", "path", "measure", "hidden")


@dataclass(frozen=True, slots=True)
class Column:
    """Either a `path` along single relations, or a `measure` of many records. `hidden` is None where the source decides."""

    name: str
    path: str = ""
    measure: Written | None = None
    hidden: bool | None = None

    def definition(self) -> dict[str, Any]:
        told: dict[str, Any] = {"name": self.name}
        if self.measure is None:
            told["path"] = self.path
        else:
            told["measure"] = ":".join(each for each in (self.measure.function, self.measure.name) if each)
        return told if self.hidden is None else {**told, "hidden": self.hidden}


@dataclass(frozen=True, slots=True)
class ViewQuery:
    source: str
    columns: tuple[Column, ...]
    filter: str = ""
    group_by: tuple[str, ...] = ()

    @property
    def is_grouped(self) -> bool:
        """Whether its records are groups, not records of the source."""
        return bool(self.group_by) or any(each.measure for each in self.columns)

    def definition(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "columns": [each.definition() for each in self.columns],
            "filter": self.filter,
            "group_by": list(self.group_by),
        }


def read_query(value: Any, pointer: str = "/query") -> ViewQuery:
    """From its JSON form; everything wrong in it is refused with a pointer."""
    body = _object(value, _KEYS, pointer)
    source, text = body.get("source"), body.get("filter", "")
    if not isinstance(source, str) or not source:
        raise invalid(f"{pointer}/source", "invalid_query", "`source` is the name of a collection")
    if not isinstance(text, str) or len(text) > MAX_FILTER:
        raise invalid(f"{pointer}/filter", "invalid_query", f"`filter` is a condition of at most {MAX_FILTER} characters")
    query = ViewQuery(source, _columns(body.get("columns"), f"{pointer}/columns"), text, _group_by(body.get("group_by", []), pointer))
    _check_groups(query, pointer)
    return query


def _columns(value: Any, pointer: str) -> tuple[Column, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_COLUMNS:
        raise invalid(pointer, "invalid_query", f"`columns` is a list of 1 to {MAX_COLUMNS}")
    columns = tuple(_column(each, f"{pointer}/{at}") for at, each in enumerate(value))
    names = [each.name for each in columns]
    for at, name in enumerate(names):
        if name in names[:at]:
            raise invalid(f"{pointer}/{at}/name", "duplicate_name", f"there are two columns `{name}`")
    return columns


def _column(value: Any, pointer: str) -> Column:
    body = _object(value, _COLUMN_KEYS, pointer)
    if ("path" in body) == ("measure" in body):
        raise invalid(pointer, "invalid_query", "a column has either a `path` or a `measure`")
    hidden = body.get("hidden")
    if hidden is not None and not isinstance(hidden, bool):
        raise invalid(f"{pointer}/hidden", "invalid_query", "`hidden` is true or false; without it the source decides")
    if "measure" in body:
        return Column(check_field_name(body.get("name"), f"{pointer}/name"), "", _measure(body["measure"], f"{pointer}/measure"), hidden)
    path = _path(body["path"], f"{pointer}/path")
    own = body.get("name") == path and path in STAMPS
    return Column(path if own else check_field_name(body.get("name"), f"{pointer}/name"), path, None, hidden)


def _measure(value: Any, pointer: str) -> Written:
    measure = read_measure(value) if isinstance(value, str) else None
    if measure is None:
        function = str(value).partition(":")[0]
        hint = did_you_mean(function, list(FUNCTIONS)) if function not in FUNCTIONS else None
        raise invalid(pointer, "invalid_query", "this is no measure", hint=hint or "write count, sum:NAME, avg:NAME, min:NAME or max:NAME")
    return measure if not measure.name else Written(measure.function, _path(measure.name, pointer))


def _path(value: Any, pointer: str) -> str:
    if not isinstance(value, str) or len(value) > 400 or not _PATH.fullmatch(value):
        raise invalid(pointer, "invalid_query", "a path is the name of a field, or such names behind each other: `author.team.name`")
    if value.count(".") > MAX_STEPS:
        raise invalid(pointer, "limit_exceeded", f"beyond the limit `relation_depth`: a path goes through at most {MAX_STEPS} relations")
    return value


def _group_by(value: Any, pointer: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value) or len(set(value)) < len(value):
        raise invalid(f"{pointer}/group_by", "invalid_query", "`group_by` lists names of columns, each once")
    return tuple(value)


def _check_groups(query: ViewQuery, pointer: str) -> None:
    plain = [each.name for each in query.columns if each.measure is None]
    for at, name in enumerate(query.group_by):
        if name not in plain:
            detail = f"no column `{name[:80]}` with a path"
            raise invalid(f"{pointer}/group_by/{at}", "unknown_field", detail, hint=did_you_mean(name, plain))
    for at, each in enumerate(query.columns):
        if query.is_grouped and each.measure is None and each.name not in query.group_by:
            detail = f"a view that groups or measures shows what it groups by: `{each.name}` is neither a measure nor in `group_by`"
            raise invalid(f"{pointer}/columns/{at}", "invalid_query", detail, hint=f"add `{each.name}` to `group_by`")


def _object(value: Any, known: tuple[str, ...], pointer: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise invalid(pointer, "not_an_object", "this must be an object")
    for key in value:
        if key not in known:
            hint = did_you_mean(str(key), list(known)) or f"known are {', '.join(known)}"
            raise invalid(f"{pointer}/{key}", "unknown_field", f"nothing here is called `{key}`", hint=hint)
    return value
