"""Relations that become many-valued, single or JSON: their targets move between a column and a link table."""

from collections.abc import Callable
from itertools import groupby
from operator import itemgetter
from typing import Any

from adapters.outbound.sql import ddl
from adapters.outbound.sql.columns import is_linked
from adapters.outbound.sql.names import link_name
from adapters.outbound.sql.session import Session
from domain.schema.collection import Collection
from domain.schema.fields import Field, RelationField, Unfit
from domain.schema.misfits import MOST_SHOWN, Misfits, shown


class LinkConversions:
    """`old` and `new` have the name that the table has at the moment."""

    def __init__(self, session: Session, old: Collection, new: Collection) -> None:
        self._session, self._old, self._new = session, old, new

    def misfits(self, before: Field, after: Field) -> Misfits:
        """Records whose targets cannot be carried over: too many of them, or one that is not there."""
        if not is_linked(before):
            return self._unmet(before, after, f"SELECT id, {self._quoted(before.name)} FROM {self._table}", before.name)
        link = self._link(self._old, before)
        if is_linked(after):
            return self._unmet(before, after, f"SELECT source, target FROM {link}", "target")
        if isinstance(after, RelationField):
            told = f"SELECT source, count(*) FROM {link} GROUP BY source HAVING count(*) > 1"
            several = self._told(told, "{} targets")
            return several if several.count else self._unmet(before, after, f"SELECT source, target FROM {link}", "target")
        return Misfits()

    def judged(self, field: Field, judge: Callable[[Any], Any]) -> Misfits:
        """Records whose list of targets the judge refuses."""
        link, wrong = self._link(self._old, field), []
        rows = self._session.command(f"SELECT source, target FROM {link} ORDER BY source, position, target")
        for id, pairs in groupby(rows, key=itemgetter(0)):
            targets = tuple(target for _, target in pairs)
            try:
                judge(targets)
            except Unfit:
                wrong.append((id, shown(f"{len(targets)} targets")))
        return Misfits(len(wrong), tuple(wrong[:MOST_SHOWN]))

    def _unmet(self, before: Field, after: Field, pairs: str, column: str) -> Misfits:
        assert isinstance(after, RelationField)
        if isinstance(before, RelationField) and before.collection == after.collection:
            return Misfits()
        name = self._quoted(column)
        there = f"EXISTS (SELECT 1 FROM {self._quoted(after.collection)} _t WHERE _t.id = {name})"
        return self._told(f"{pairs} WHERE {name} IS NOT NULL AND NOT {there}", "{}")

    def _told(self, pairs: str, form: str) -> Misfits:
        count = int(self._session.command(f"SELECT count(*) FROM ({pairs}) _found")[0][0])
        found = self._session.command(f"{pairs} ORDER BY 1 LIMIT {MOST_SHOWN}") if count else []
        return Misfits(count, tuple((id, shown(form.format(value))) for id, value in found))

    def carry_out(self, before: Field, after: Field) -> Misfits:
        found = self.misfits(before, after)
        if not found.count:
            (self._moved if is_linked(before) and is_linked(after) else self._spread if is_linked(after) else self._gathered)(before, after)
        return found

    def _spread(self, before: Field, after: Field) -> None:
        """From the column to links."""
        column = self._quoted(before.name)
        rows = f"SELECT id, {column}, 0 FROM {self._table} WHERE nullif({column}, '') IS NOT NULL"
        assert isinstance(after, RelationField)
        self._run(
            *ddl.create_filled_link(self._new, after, rows, self._dialect),
            *ddl.drop_columns(self._new.name, before, self._dialect),
        )

    def _gathered(self, before: Field, after: Field) -> None:
        """From links to a column. PostgreSQL is told last what it refers to: it checks all values much faster at once."""
        link, column = self._link(self._old, before), self._quoted(after.name)
        (added,) = ddl.columns_of(self._new.name, after)
        told = f"SELECT source, target AS told FROM {link}" if isinstance(after, RelationField) else self._lists(link)
        is_late = self._dialect == "postgresql" and isinstance(after, RelationField)
        text = ddl.bare_column_text(added, self._dialect) if is_late else ddl.column_text(added, self._dialect)
        self._run(
            f"ALTER TABLE {self._table} ADD COLUMN {text}",
            f"UPDATE {self._table} SET {column} = _l.told FROM ({told}) _l WHERE _l.source = {self._table}.id",
            *ddl.drop_field(self._old, before, self._dialect),
        )
        if is_late and isinstance(after, RelationField):
            self._run(ddl.add_foreign_key(self._new.name, after.name, after.name, after.collection, self._dialect))

    def _lists(self, link: str) -> str:
        if self._dialect == "postgresql":
            return f"SELECT source, jsonb_agg(target ORDER BY position, target) AS told FROM {link} GROUP BY source"
        ordered = f"SELECT source, target FROM {link} ORDER BY source, position, target"
        return f"SELECT source, json_group_array(target) AS told FROM ({ordered}) GROUP BY source"

    def _moved(self, before: Field, after: Field) -> None:
        """To links with another target; the table keeps its name."""
        link = self._link(self._old, before)
        assert isinstance(after, RelationField)
        self._run(
            f"CREATE TEMPORARY TABLE _moving AS SELECT source, target, position FROM {link}",
            *ddl.drop_field(self._old, before, self._dialect),
            *ddl.create_filled_link(self._new, after, "SELECT source, target, position FROM _moving", self._dialect),
            "DROP TABLE _moving",
        )

    def _run(self, *texts: str) -> None:
        for text in texts:
            self._session.command(text)

    @property
    def _table(self) -> str:
        return self._quoted(self._new.name)

    def _link(self, collection: Collection, field: Field) -> str:
        return self._quoted(link_name(collection, field.name))

    def _quoted(self, name: str) -> str:
        return ddl.quoted(name, self._dialect)

    @property
    def _dialect(self) -> str:
        return self._session.dialect
