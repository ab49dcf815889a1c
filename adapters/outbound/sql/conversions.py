"""Carries stored values over to another type of field, and finds those that cannot be.

An expression says what becomes of a value, where there is one. Else SQLite calls the function of the pair itself, from within the
statement; for PostgreSQL values are read in chunks, judged here, and only what is written another way is written again.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from adapters.outbound.sql import conversions_postgres, conversions_sqlite, ddl
from adapters.outbound.sql.columns import decoder, derived, encoder
from adapters.outbound.sql.names import foreign_key_name
from adapters.outbound.sql.session import Session
from adapters.outbound.sql.statements import Prepared
from domain.schema.conversions import convert, is_lossless, keeps_form, keeps_values
from domain.schema.fields import Field, RelationField, Unfit
from domain.schema.kinds import Kind
from domain.schema.misfits import MOST_SHOWN, Misfits, shown

Judge = Callable[[Any], Any]  # the Python form of a stored value -> that of the new one, or Unfit

_CHUNK = 20_000
_FUNCTION, _STAGED = "_converted", "_staged"
# What a judge may raise of a value that it was not made for.
_UNFIT = (Unfit, ArithmeticError, ValueError)


class Conversions:
    """Of one table, under the name that it has in the database at the moment."""

    def __init__(self, session: Session, table: str) -> None:
        self._session, self._table = session, table
        self._is_sqlite = session.dialect == "sqlite"

    # --- looking

    def misfits(self, before: Field, after: Field, judge: Judge | None = None) -> Misfits:
        """Values of `before` that have no counterpart in `after`; with `judge`, those that it refuses."""
        if judge is None and is_lossless(before, after):
            return Misfits()
        says = self._says(before, after, judge)
        return self._found(before, after, says) if says else self._judged(before, judge or convert(before, after))

    def _says(self, before: Field, after: Field, judge: Judge | None = None) -> str | None:
        """The new value as an expression; None where there is none, as for some pairs on PostgreSQL."""
        expression = conversions_sqlite.expression if self._is_sqlite else conversions_postgres.expression
        says = None if judge else expression(before, after, self._held(before))
        if says is None and self._is_sqlite:
            self._lend(before, judge or convert(before, after), encoder(after, self._session.dialect))
            return self._called(before)
        return says

    def _found(self, before: Field, after: Field, says: str) -> Misfits:
        held, table = self._held(before), self._quoted(self._table)
        wrong = f"{says} IS NULL{self._unmet(after, says)}"
        return self._told(before, f"FROM {table} WHERE {held} IS NOT NULL AND ({wrong})")

    def _unmet(self, after: Field, says: str) -> str:
        """What a relation would point at must be there."""
        if not isinstance(after, RelationField):
            return ""
        return f" OR NOT EXISTS (SELECT 1 FROM {self._quoted(after.collection)} _t WHERE _t.id = {says})"

    def _told(self, before: Field, wrong: str) -> Misfits:
        count = int(self._session.command(f"SELECT count(*) {wrong}")[0][0])
        if not count:
            return Misfits()
        found = self._session.command(f"SELECT id, {self._quoted(before.name)} {wrong} ORDER BY id LIMIT {MOST_SHOWN}")
        decode = self._decode(before)
        return Misfits(count, tuple((id, shown(decode(value))) for id, value in found))

    def _judged(self, before: Field, judge: Judge) -> Misfits:
        wrong: list[tuple[str, str]] = []
        count = 0
        for id, value in self._values(before):
            try:
                judge(value)
            except _UNFIT:
                count += 1
                if len(wrong) < MOST_SHOWN:
                    wrong.append((id, shown(value)))
        return Misfits(count, tuple(wrong))

    def _values(self, field: Field) -> Iterator[tuple[str, Any]]:
        """Every record that holds something, in the order of ids, a chunk at a time."""
        column, decode, last = self._quoted(field.name), self._decode(field), ""
        text = (
            f"SELECT id, {column} FROM {self._quoted(self._table)} "
            f"WHERE {self._held(field)} IS NOT NULL AND id > %(last)s ORDER BY id LIMIT {_CHUNK}"
        )
        while rows := self._session.execute(Prepared(text, None, {}), {"last": last}):
            yield from ((id, decode(value)) for id, value in rows)
            last = rows[-1][0]

    def unmade(self, before: Field, after: Field, column: str) -> Misfits:
        """The same, once a column beside holds what the values became."""
        return Misfits() if is_lossless(before, after) else self._found(before, after, self._quoted(column))

    # --- carrying out

    def carry_out(self, before: Field, after: Field) -> Misfits:
        """Values that have no counterpart, where there are some: the caller undoes the rest then."""
        if keeps_form(before, after):
            return self.misfits(before, after)
        return self._rebuilt(before, after) if self._is_sqlite else self._altered(before, after)

    def _rebuilt(self, before: Field, after: Field) -> Misfits:
        """A column beside, filled by one statement, takes the place of the old one."""
        column, table = self._quoted(before.name), self._quoted(self._table)
        says = self._says(before, after)
        staged = ddl.columns_of(self._table, replace(after, name=_STAGED))[0]
        self._session.command(f"ALTER TABLE {table} ADD COLUMN {ddl.column_text(staged, self._session.dialect, after.name)}")
        self._session.command(f"UPDATE {table} SET {_STAGED} = {says} WHERE {column} IS NOT NULL")
        found = self.unmade(before, after, _STAGED)
        if found.count:
            return found
        for text in ddl.drop_columns(self._table, before, self._session.dialect):
            self._session.command(text)
        self._session.command(f"ALTER TABLE {table} RENAME COLUMN {_STAGED} TO {column}")
        self._add_derived(after)
        return found

    def _altered(self, before: Field, after: Field) -> Misfits:
        found = self.misfits(before, after)
        if found.count:
            return found
        table = self._quoted(self._table)
        if isinstance(before, RelationField):
            self._session.command(f"ALTER TABLE {table} DROP CONSTRAINT {self._quoted(foreign_key_name(before.name))}")
        for name in derived(before):
            self._session.command(f"ALTER TABLE {table} DROP COLUMN {self._quoted(name)}")
        self._alter_type(before, after)
        if isinstance(after, RelationField):
            self._session.command(ddl.add_foreign_key(self._table, after.name, after.name, after.collection, self._session.dialect))
        self._add_derived(after)
        return found

    def _alter_type(self, before: Field, after: Field) -> None:
        """All values in one statement, or, where no expression says them, as text first and then those that are written another way."""
        table, column = self._quoted(self._table), self._quoted(before.name)
        if keeps_values(before, after):
            return
        says = self._says(before, after)
        if says is None:
            self._write_corrections(before, after)
            says = f"nullif({column} #>> '{{}}', '')" if before.kind is Kind.JSON and not _is_document(after) else None
        if says is not None:
            kept = ddl.type_text(ddl.columns_of(self._table, after)[0], self._session.dialect)
            self._session.command(f"ALTER TABLE {table} ALTER COLUMN {column} TYPE {kept} USING {says}")

    def _write_corrections(self, before: Field, after: Field) -> None:
        change, corrected = convert(before, after), []
        for id, value in self._values(before):
            new = change(value)
            if new != value:
                corrected.append((id, new))
        encode = encoder(before, self._session.dialect)
        rows = [(id, encode(new) if encode else new) for id, new in corrected]
        self._write(before.name, rows, "jsonb" if before.kind is Kind.JSON else "text")

    def _write(self, column: str, rows: list[tuple[str, Any]], kind: str) -> None:
        table, name = self._quoted(self._table), self._quoted(column)
        text = (
            f"UPDATE {table} SET {name} = _v.value::{kind} FROM unnest(%(ids)s::text[], %(values)s::text[]) _v (id, value) "
            f"WHERE {table}.id = _v.id"
        )
        for at in range(0, len(rows), _CHUNK):
            chunk = rows[at : at + _CHUNK]
            self._session.execute(Prepared(text, None, {}), {"ids": [id for id, _ in chunk], "values": [value for _, value in chunk]})

    def _add_derived(self, after: Field) -> None:
        for column in ddl.columns_of(self._table, after)[1:]:
            kept = ddl.column_text(column, self._session.dialect)
            self._session.command(f"ALTER TABLE {self._quoted(self._table)} ADD COLUMN {kept}")
        self.fill_derived(after)

    def fill_derived(self, field: Field) -> None:
        """What stands beside the values of a field, such as the key of an e-mail."""
        for column, derive in derived(field).items():
            if self._is_sqlite:
                self._lend(field, derive)
                self._session.command(f"UPDATE {self._quoted(self._table)} SET {self._quoted(column)} = {self._called(field)}")
            else:
                self._write(column, [(id, derive(value)) for id, value in self._values(field)], "text")

    # --- SQLite

    def _lend(self, before: Field, judge: Judge, encode: Judge | None = None) -> None:
        """Makes the judge a function of this connection: from what is stored to what would be, null where it refuses."""
        decode = self._decode(before)

        def converted(stored: Any) -> Any:
            if stored is None:
                return None
            try:
                value = judge(decode(stored))
            except _UNFIT:
                return None
            return encode(value) if encode else value

        self._session.lend(_FUNCTION, converted)

    def _called(self, before: Field) -> str:
        return f"{_FUNCTION}({self._held(before)})"

    # --- names

    def _held(self, field: Field) -> str:
        column = self._quoted(field.name)
        return f"nullif({column}, '')" if field.absent_text and not field.many else column

    def _decode(self, field: Field) -> Callable[[Any], Any]:
        return decoder(field, self._session.dialect) or (lambda value: value)

    def _quoted(self, name: str) -> str:
        return ddl.quoted(name, self._session.dialect)


def _is_document(field: Field) -> bool:
    return field.many or field.kind is Kind.JSON
