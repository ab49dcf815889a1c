"""What stored records say about a change before it is made: how many hold something in a field, and what stands against an index."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Table, exists, func, not_, or_, select

from adapters.outbound.sql.columns import decoder, is_linked
from adapters.outbound.sql.names import index_columns, link_name, shown_field
from adapters.outbound.sql.session import Session
from adapters.outbound.sql.statements import prepare
from domain.errors import Conflict, Fault
from domain.schema.collection import Collection, Index
from domain.schema.misfits import MOST_SHOWN, Misfits, shown


class SchemaChecks:
    """Over the tables of the session's schema as it is at the moment, or of `tables`."""

    def __init__(self, session: Session, tables: Mapping[str, Table] | None = None) -> None:
        self._session, self._given = session, tables

    @property
    def _tables(self) -> Mapping[str, Table]:
        return self._session.tables if self._given is None else self._given

    def count(self, collection: Collection) -> int:
        return self._number(select(func.count()).select_from(self._table(collection)))

    def count_held(self, collection: Collection, field: str) -> int:
        something = not_(self._holds_nothing(collection, field))
        return self._number(select(func.count()).select_from(self._table(collection)).where(something))

    def empties(self, collection: Collection, field: str) -> Misfits:
        """The records that hold nothing in this field."""
        table, nothing = self._table(collection), self._holds_nothing(collection, field)
        count = self._number(select(func.count()).select_from(table).where(nothing))
        if not count:
            return Misfits()
        some = select(table.c.id).where(nothing).order_by(table.c.id).limit(MOST_SHOWN)
        return Misfits(count, tuple((row[0], "null") for row in self._rows(some)))

    def duplicates(self, collection: Collection, index: Index, where: ColumnElement[bool] | None = None) -> Misfits:
        """How many combinations of values more than one record has, with the first of them; each by the id of one such record."""
        table = self._table(collection)
        columns = [table.c[name] for name in index_columns(collection, index)]
        held = [each.is_not(None) for each in columns] + ([] if where is None else [where])
        shared = select(func.min(table.c.id).label("id"), *columns).where(*held).group_by(*columns).having(func.count() > 1)
        count = self._number(select(func.count()).select_from(shared.subquery()))
        if not count:
            return Misfits()
        found = self._rows(shared.order_by(func.min(table.c.id)).limit(MOST_SHOWN))
        return Misfits(count, tuple((row[0], self._shown(collection, index, row[1:])) for row in found))

    def _shown(self, collection: Collection, index: Index, values: tuple[Any, ...]) -> str:
        parts = []
        for name, value in zip(index.fields, values, strict=True):
            decode = decoder(collection.every_field[name], self._session.dialect)
            parts.append(f"`{shown_field(name)}` = {shown(decode(value) if decode else value)}")
        return ", ".join(parts)

    def _holds_nothing(self, collection: Collection, name: str) -> ColumnElement[bool]:
        table, field = self._table(collection), collection.every_field[name]
        if is_linked(field):
            link = self._tables[link_name(collection, name)]
            return ~exists(select(link.c.source).where(link.c.source == table.c.id))
        held = table.c[name]
        return or_(held.is_(None), held == "") if field.absent_text and not field.many else held.is_(None)

    def _table(self, collection: Collection) -> Table:
        return self._tables[collection.name]

    def _number(self, statement: Any) -> int:
        return int(self._rows(statement)[0][0])

    def _rows(self, statement: Any) -> list[tuple[Any, ...]]:
        prepared = prepare(statement, self._session.dialect)
        return self._session.execute(prepared, {})


def not_unique(index: Index, found: Misfits) -> Conflict:
    examples = "; ".join(values for _, values in found.examples[:5])
    faults = tuple(Fault(f"/{name}", "not_unique", f"records hold the same value already: {examples}") for name in index.fields)
    detail = f"{found.count} values are held by more than one record, for example {examples}"
    return Conflict(detail, code="not_unique", hint="change these records first", faults=faults)
