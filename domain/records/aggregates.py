"""Aggregates: what `group=status,author.team&measures=count,sum:views` means, and what of it its author may ask.

A name here is one that could stand in the author's filter; nothing else can be counted, added up or grouped by.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from domain.errors import did_you_mean
from domain.rules.bound import Bound
from domain.rules.parse import parse_name
from domain.rules.paths import Scope, resolve
from domain.rules.sorts import mending
from domain.rules.syntax import MAX_CHARACTERS, MAX_SORT_KEYS, Source
from domain.rules.tree import Path
from domain.schema.collection import Collection
from domain.schema.kinds import Kind
from domain.schema.measures import FUNCTIONS, read_measure, why_not

DEFAULT_GROUPS, MAX_GROUPS = 100, 500
MAX_DIMENSIONS, MAX_MEASURES = 8, 20
# How many characters of a stored date tell its day, its month, its year.
UNITS = {"day": 10, "month": 7, "year": 4}
T = TypeVar("T", "Dimension", "Measure")


@dataclass(frozen=True, slots=True)
class AggregateQuery:
    """As a client asks for it; texts as they were sent. `page` counts from 1."""

    group: str = ""
    measures: str = "count"
    filter: str = ""
    sort: str = ""
    limit: int = DEFAULT_GROUPS
    page: int = 1


@dataclass(frozen=True, slots=True)
class Dimension:
    """What records are grouped by. `unit` cuts a date down to its day, month or year. Where the path holds many values, a record
    stands in the group of each of them."""

    name: str
    path: Path
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Measure:
    """`path` is None where records themselves are counted."""

    name: str
    function: str
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Grouping:
    """What the store is asked. `order` names places among dimensions and measures together, and whether each descends; it ends
    with every dimension, so that no two groups stand on one place."""

    collection: Collection
    where: Bound
    dimensions: tuple[Dimension, ...]
    measures: tuple[Measure, ...]
    order: tuple[tuple[int, bool], ...]
    limit: int
    offset: int = 0

    @property
    def asked(self) -> tuple["Dimension | Measure", ...]:
        return (*self.dimensions, *self.measures)


@dataclass(frozen=True, slots=True)
class Groups:
    """`names` and each of `rows` side by side, ready for JSON. `next` is the number of the page that follows, if there is one."""

    names: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    next: int | None

    def as_object(self) -> Mapping[str, Any]:
        return {"items": [dict(zip(self.names, row, strict=True)) for row in self.rows], "next": self.next}


def check_group(text: str, scope: Scope) -> tuple[Dimension, ...]:
    return _each(text, Source(text, scope.pointer), MAX_DIMENSIONS, lambda word, at, source: _dimension(word, at, scope, source))


def check_measures(text: str, scope: Scope) -> tuple[Measure, ...]:
    return _each(text, Source(text, scope.pointer), MAX_MEASURES, lambda word, at, source: _measure(word, at, scope, source))


def check_order(text: str, dimensions: tuple[Dimension, ...], measures: tuple[Measure, ...]) -> tuple[tuple[int, bool], ...]:
    """Each key of `sort` is one of the asked-for names; groups of the same values there go by their dimensions."""
    source, names = Source(text, "sort"), [each.name for each in dimensions] + [each.name for each in measures]
    order: dict[int, bool] = {}
    for word, at in _words(text, source):
        name = word[word[:1] in ("-", "+") :]
        if name not in names:
            hint = did_you_mean(name, names) or f"groups are sorted by what is asked for: {', '.join(names)}"
            raise source.refusal("unknown_field", at, f"nothing here is called `{name[:80]}`", hint)
        if names.index(name) in order:
            raise source.refusal("duplicate_name", at, f"`{name[:80]}` is sorted by twice")
        order[names.index(name)] = word[0] == "-"
        if len(order) > MAX_SORT_KEYS:
            raise source.beyond("sort_keys", at, f"at most {MAX_SORT_KEYS} keys to sort by")
    return tuple({**order, **{at: False for at in range(len(dimensions)) if at not in order}}.items())


def check_names(dimensions: tuple[Dimension, ...], measures: tuple[Measure, ...]) -> None:
    """Each has a name of its own in the answer."""
    measured, source = {each.name for each in measures}, Source("", "group")
    if sum(each.path.elements for each in dimensions) > 1:
        raise source.refusal("not_allowed", 0, "groups go by the values of one field with many values, not of two")
    for each in dimensions:
        if each.name in measured:
            raise source.refusal("duplicate_name", 0, f"two things are called `{each.name}`", "write `count:id` instead of `count`")


def paths_of(dimensions: tuple[Dimension, ...], measures: tuple[Measure, ...]) -> tuple[Path, ...]:
    """All that are read, in order; `with_paths` puts them back."""
    measured = (each.path for each in measures if each.path is not None)
    return (*(each.path for each in dimensions), *measured)


def with_paths(items: tuple[T, ...], paths: Iterator[Path]) -> tuple[T, ...]:
    return tuple(each if each.path is None else replace(each, path=next(paths)) for each in items)


def _each(text: str, source: Source, most: int, read: Callable[[str, int, Source], T]) -> tuple[T, ...]:
    found: dict[str, T] = {}
    for word, at in _words(text, source):
        item = read(word, at, source)
        if item.name in found:
            raise source.refusal("duplicate_name", at, f"`{item.name[:80]}` is asked for twice")
        found[item.name] = item
        if len(found) > most:
            raise source.beyond(source.pointer, at, f"at most {most} names")
    return tuple(found.values())


def _words(text: str, source: Source) -> Iterable[tuple[str, int]]:
    """The words between commas, each with its place."""
    if len(text) > MAX_CHARACTERS:
        raise source.beyond("characters", 0, f"at most {MAX_CHARACTERS} characters")
    at = 0
    for written in text.split(",") if text else ():
        word = written.strip(" ")
        if not word.lstrip("+-"):
            raise source.refusal("syntax_error", at, "a name is missing here")
        yield word, at + len(written) - len(written.lstrip(" "))
        at += len(written) + 1


def _dimension(word: str, at: int, scope: Scope, source: Source) -> Dimension:
    name, _, unit = word.rpartition(":") if word.rpartition(":")[2] in UNITS else (word, "", "")
    path = _path(name, at, scope, source, with_own_list=True)
    if path.kind is Kind.JSON:
        # Equal documents are written in many ways, and the engines compare them differently.
        raise source.refusal("not_allowed", at, f"`{word[:80]}` is json, and json values make no groups")
    if unit and not path.kind.is_temporal:
        raise source.refusal("type_mismatch", at, f"`:{unit}` is for dates, and `{name[:80]}` is none")
    return Dimension(word, path, unit)


def _measure(word: str, at: int, scope: Scope, source: Source) -> Measure:
    written = read_measure(word)
    if written is None:
        function = word.partition(":")[0]
        hint = did_you_mean(function, list(FUNCTIONS)) if function not in FUNCTIONS else None
        detail = f"`{word[:80]}` is no measure"
        raise source.refusal("unknown_name", at, detail, hint or "write count, sum:NAME, avg:NAME, min:NAME or max:NAME")
    if not written.name:
        return Measure(word, written.function)
    path = _path(written.name, at + len(written.function) + 1, scope, source)
    reason = why_not(written.function, path.kind, email=path.keyed)
    if reason:
        raise source.refusal("type_mismatch", at, f"{reason}, and `{written.name[:80]}` is none")
    return Measure(word, written.function, path)


def _path(name: str, at: int, scope: Scope, source: Source, *, with_own_list: bool = False) -> Path:
    path = resolve(parse_name(name, source, at), scope, source).operand
    if with_own_list and isinstance(path, Path) and path.elements and not path.steps and not path.modifier:
        return path
    if not isinstance(path, Path) or path.many or path.elements or path.modifier:
        hint = mending(path) if isinstance(path, Path) else None
        raise source.refusal("not_allowed", at, f"`{name[:80]}` is no single stored value", hint)
    return path
