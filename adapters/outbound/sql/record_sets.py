"""Which of many records are there, and which are due: questions of imports, housekeeping and the trash, whoever asks."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, Executable, Select, and_, bindparam, func, or_, select, text

from adapters.outbound.sql.columns import derived
from adapters.outbound.sql.id_sets import ids_value, one_of
from adapters.outbound.sql.session import Session
from domain.schema.collection import Collection
from domain.schema.fields import Field

Rows = list[tuple[Any, ...]]


class RecordSets:
    def __init__(self, session: Session) -> None:
        self._session = session

    def standing(self, collection: Collection, ids: Sequence[str]) -> list[str]:
        values = {"ids": ids_value(ids, self._session.dialect)}
        return [row[0] for row in self._run(("standing", collection.name), lambda: self._among(collection), values)]

    def keyed(self, collection: Collection, field: Field, keys: Sequence[Any]) -> dict[Any, str]:
        held = json.dumps(list(keys), ensure_ascii=False) if self._session.dialect == "sqlite" else list(keys)
        return dict(self._run(("keyed", collection.name, field.name), lambda: self._of_keys(collection, field), {"keys": held}))  # type: ignore[arg-type]

    def hold(self, collection: Collection, ids: Sequence[str]) -> None:
        if self._session.dialect == "sqlite":  # whose writer holds the whole file
            return
        self._run(("hold", collection.name), lambda: self._holding(collection), {"ids": ids_value(ids, self._session.dialect)})

    def due(self, collection: Collection, field: str, until: Any, after: tuple[Any, str] | None, limit: int) -> Rows:
        values = {"until": until, "limit": limit}
        if after is not None:
            values |= {"after": after[0], "after_id": after[1]}
        key, first = ("due", collection.name, field, after is None), after is None
        return self._run(key, lambda: self._overdue(collection, field, first=first), values)

    def _among(self, collection: Collection) -> Select[Any]:
        table = self._session.tables[collection.name]
        return select(table.c.id).where(one_of(table.c.id, self._session.dialect))

    def _holding(self, collection: Collection) -> Select[Any]:
        """As an UPDATE holds them, so that others may go on to point at them."""
        table = self._session.tables[collection.name]
        return self._among(collection).order_by(table.c.id).with_for_update(key_share=True)

    def _of_keys(self, collection: Collection, field: Field) -> Select[Any]:
        table = self._session.tables[collection.name]
        column = table.c[next((name for name in derived(field) if name.startswith("_key_")), field.name)]
        if self._session.dialect == "sqlite":
            return select(column, table.c.id).where(column.in_(select(text("value")).select_from(func.json_each(bindparam("keys")))))
        return select(column, table.c.id).where(column == func.any(bindparam("keys", type_=ARRAY(column.type))))

    def _overdue(self, collection: Collection, field: str, *, first: bool) -> Select[Any]:
        table = self._session.tables[collection.name]
        value = table.c[field]
        overdue = select(value, table.c.id).where(value <= bindparam("until", type_=value.type))
        if not first:
            later = and_(value == bindparam("after", type_=value.type), table.c.id > bindparam("after_id"))
            overdue = overdue.where(value >= bindparam("after", type_=value.type), or_(value > bindparam("after", type_=value.type), later))
        ordered = overdue.order_by(value, table.c.id).limit(bindparam("limit"))
        # A body that only reads may lock nothing; it asks whether there is something to do.
        return ordered.with_for_update(skip_locked=True) if self._session.writing else ordered

    def _run(self, key: tuple[Any, ...], build: Callable[[], Executable], values: Mapping[str, Any]) -> Rows:
        return self._session.execute(self._session.prepared(("sets", *key, self._session.writing), build), values)
