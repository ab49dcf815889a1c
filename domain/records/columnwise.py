"""Many rows of cells at once to the values of new records, column by column: what `Layout.body` and `draft` make of each, without
their steps for every cell. Which rows cannot be made so is told, and not why: that is theirs to say.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from domain.records.draft import Moment, checked_id, initial, judged
from domain.records.imports import IMPORTER, Column, Layout
from domain.schema.collection import Collection
from domain.schema.fields import Field, Tools, Unfit
from domain.schema.fields.lists import is_absent
from domain.schema.kinds import Kind

# Columns repeat themselves: hours, names of airlines, days. What is long, or of many different values, would only take memory.
_REMEMBERED, _LONGEST = 2000, 40

Take = Callable[[str], Any]


class _Refused:
    """Stands where a cell is no value of its field."""


REFUSED = _Refused()


class _Remembered(dict[str, Any]):
    """What cells are taken for."""

    def __init__(self, take: Take) -> None:
        super().__init__()
        self._take = take

    def __missing__(self, cell: str) -> Any:
        value = self._take(cell)
        if len(cell) <= _LONGEST:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[cell] = value
        return value


def record_names(collection: Collection) -> tuple[str, ...]:
    """The names of a draft's values, in its order."""
    return ("id", "version", "created", "updated", *(each.name for each in collection.own_fields))


class Columnwise:
    """For one file: its columns, each with what takes its cells."""

    def __init__(self, collection: Collection, layout: Layout, tools: Tools) -> None:
        self.names = record_names(collection)
        self._collection, self._tools, self._width = collection, tools, len(layout.header)
        by_field = {each.field: each for each in layout.columns}
        self._ids = by_field.get("id")
        self._columns = tuple(
            (each, by_field[each.name].position, self._taker(each, by_field[each.name], layout.options.null))
            if each.name in by_field else (each, 0, None)
            for each in collection.own_fields
        )  # fmt: skip
        self._null = layout.options.null

    @staticmethod
    def fits(layout: Layout) -> bool:
        """Whether each row is a new record by itself: without a key, and without relations that are named by other things than ids."""
        fields = [each.field for each in layout.columns]
        return bool(layout.columns) and layout.options.key is None and not layout.options.match and len(fields) == len(set(fields))

    def made(self, rows: Sequence[Sequence[str]], new_ids: Sequence[str], now: str) -> list[tuple[Any, ...] | None]:
        """The values of each row's record, by `names`; None for a row that is none. `new_ids` are as many as the rows."""
        whole = [row for row in rows if len(row) == self._width]
        columns = list(zip(*whole, strict=True))
        moment, number = Moment(now, ""), len(whole)
        values: list[Iterable[Any]] = [self._identified(columns, new_ids), (1,) * number, (now,) * number, (now,) * number]
        for field, position, take in self._columns:
            if take is None:
                values.append((self._initially(field, moment),) * number)
            else:
                values.append(list(map(take, columns[position])) if columns else ())
        made = iter(self._without_refused(values))
        return list(made) if number == len(rows) else [next(made) if len(row) == self._width else None for row in rows]

    def _without_refused(self, columns: Sequence[Iterable[Any]]) -> Iterable[tuple[Any, ...] | None]:
        # The columns alone are short to look through; rows are, only where there is one.
        rows = list(zip(*columns, strict=False))
        if not any(REFUSED in column for column in columns):
            return rows
        return [None if any(value is REFUSED for value in row) else row for row in rows]

    def _identified(self, columns: Sequence[Sequence[str]], new_ids: Sequence[str]) -> Sequence[Any]:
        if self._ids is None or not columns:
            return new_ids
        return [self._id(cell) for cell in columns[self._ids.position]]

    def _id(self, cell: str) -> Any:
        if self._ids is None or cell == "" or cell in self._null:
            return REFUSED
        faults: list[Any] = []
        id = checked_id(self._collection, {"id": self._ids.read(cell)}, Moment("", ""), faults)
        return REFUSED if faults else id

    def _initially(self, field: Field, moment: Moment) -> Any:
        value = initial(field, IMPORTER, moment, self._tools)
        return REFUSED if field.required and is_absent(field, value) else value

    def _taker(self, field: Field, column: Column, null: frozenset[str]) -> Take:
        def take(cell: str) -> Any:
            faults: list[Any] = []
            try:
                value = judged(field, None if cell == "" or cell in null else column.read(cell), self._tools, faults)
            except Unfit:
                return REFUSED
            return REFUSED if faults or (field.required and is_absent(field, value)) else value

        # Different each time, or of a kind that might be changed by whoever has it.
        return take if field.unique or field.kind is Kind.JSON else _Remembered(take).__getitem__
