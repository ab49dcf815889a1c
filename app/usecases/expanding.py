"""Fetches the records that an answer expands to: one statement for each relation and level, never one for each record."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.usecases.expansion import Expansion
from app.usecases.rulebook import Rulebook, Ruling
from app.usecases.sights import Sights
from domain.actor import Actor
from domain.errors import Invalid, Problem, invalid
from domain.records.reading import Reading
from domain.schema.collection import Collection
from ports.unit_of_work import Stores

# Of those that point at one record, the first by id; whoever wants more asks for a list of them.
MOST_POINTING = 100
# In the whole answer, a record counted as often as it stands there: lists in lists multiply.
MOST_EXPANDED = 20_000

ReadingOf = Callable[[Collection, tuple[str, ...], Ruling], Reading]


@dataclass(slots=True)
class _Expanded:
    """What one record expands to, and how many records that is."""

    content: dict[str, Any] = field(default_factory=dict)
    size: int = 0


_Related = tuple[dict[str, Any], int]  # a related record as it is answered, and how many records it stands for


class Expander:
    """For one request. A target that its view rule hides is left out, as one that is missing: of a list, its id alone stays."""

    def __init__(self, stores: Stores, rulebook: Rulebook, actor: Actor, sights: Sights, reading: ReadingOf) -> None:
        self._stores, self._rulebook, self._actor = stores, rulebook, actor
        self._sights, self._reading = sights, reading

    def expand(
        self, expansion: Expansion, columns: tuple[str, ...], rows: Sequence[Sequence[Any]]
    ) -> Sequence[Mapping[str, Any]] | None:
        """Beside each row what it expands to; None where nothing is asked for."""
        if not expansion.branches:
            return None
        return [each.content for each in self._expanded(expansion, columns, rows)]

    def _expanded(self, expansion: Expansion, columns: tuple[str, ...], rows: Sequence[Sequence[Any]]) -> list[_Expanded]:
        expanded, total = [_Expanded() for _ in rows], 0
        for name, branch in expansion.branches.items():
            at = columns.index(branch.column)
            keys = [_keys(row[at]) for row in rows]
            found = self._related(branch, {key for each in keys for key in each})
            for wanted, into in zip(keys, expanded, strict=True):
                total += _put(into, name, branch, [each for key in wanted for each in found.get(key, ())])
                _check_size(total)
        return expanded

    def _related(self, branch: Expansion, keys: set[str]) -> Mapping[str, list[_Related]]:
        """By the value that leads to them. Without keys nothing is asked."""
        _check_size(len(keys))
        ruling = self._ruling(branch) if keys else None
        if ruling is None:
            return {}
        names = self._sights.of(branch.collection).names
        columns = names + branch.needed(names)
        fetched = self._fetched(branch, self._reading(branch.collection, columns, ruling), sorted(keys))
        deeper = self._expanded(branch, columns, [row for _, row in fetched]) if branch.branches else [None] * len(fetched)
        related: dict[str, list[_Related]] = {}
        for (key, row), inner in zip(fetched, deeper, strict=True):
            related.setdefault(key, []).append(_answered(names, row, inner))
        return related

    def _ruling(self, branch: Expansion) -> Ruling | None:
        schema = self._stores.schema
        try:
            if branch.back is not None:
                return self._rulebook.pointing(schema, branch.collection, branch.back, self._actor)
            return self._rulebook.rule(schema, branch.collection, "view", self._actor)
        except Problem:
            return None

    def _fetched(self, branch: Expansion, reading: Reading, keys: list[str]) -> Sequence[tuple[str, Sequence[Any]]]:
        if branch.back is None:
            return list(self._stores.records.among(reading, keys).items())
        fetched = self._stores.records.pointing(reading, branch.back, keys, each=MOST_POINTING, limit=MOST_EXPANDED + 1)
        _check_size(len(fetched))
        return fetched


def _keys(held: Any) -> Iterable[str]:
    """One id or a list of them; a masked list may be null."""
    if held is None:
        return ()
    return (held,) if isinstance(held, str) else held


def _put(into: _Expanded, name: str, branch: Expansion, related: list[_Related]) -> int:
    """Puts them where they are expected; how many records came with them."""
    size = sum(each for _, each in related)
    if branch.many:
        into.content[name] = [content for content, _ in related]
    elif related:
        into.content[name] = related[0][0]
    into.size += size
    return size


def _answered(names: tuple[str, ...], row: Sequence[Any], inner: _Expanded | None) -> _Related:
    record = dict(zip(names, row, strict=False))
    return (record, 1) if inner is None else ({**record, "expand": inner.content}, 1 + inner.size)


def _check_size(total: int) -> None:
    if total > MOST_EXPANDED:
        raise _too_much()


def _too_much() -> Invalid:
    detail = f"expand brings at most {MOST_EXPANDED} records in one answer"
    return invalid("expand", "limit_exceeded", detail, hint="ask for fewer records at a time, or expand less")
