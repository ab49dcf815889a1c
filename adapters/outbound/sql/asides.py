"""Values that a change will put in the place of others, made beforehand in columns beside them, a batch at a time.

Beside its prepared values a record notes the version that they were made of. Whatever changes a record makes its version grow, and a
record that is new has noted none: so what is noted at its present version is right, and everything else is made again under the lock
of the change. Nobody else names these columns; no foreign key hangs on them before the change.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import Column

from adapters.outbound.sql import conversions_postgres, conversions_sqlite, ddl
from adapters.outbound.sql.columns import decoder, derived, encoder, is_linked
from adapters.outbound.sql.literals import literal
from adapters.outbound.sql.names import link_name
from adapters.outbound.sql.session import Session
from adapters.outbound.sql.statements import Prepared
from domain.schema.collection import Collection
from domain.schema.conversions import convert
from domain.schema.fields import Field, RelationField, Unfit
from domain.schema.preparing import Aside, Preparation
from ports.schema import Unprepared

# The longest column of a field has 57 characters, and PostgreSQL's names have 63.
_NEXT, _SEEN = "_next_", "_seen_"
# Rows of one transaction, which holds up others: by a statement alone, and where Python makes the values.
_STATED, _MADE = 2_000, 1_000
# PostgreSQL counts columns that were dropped among the 1600 that a table may ever have.
_MOST_COLUMNS_EVER = 1_200
# What a conversion may raise of a value that it was not made for; nothing is kept of it, and the change tells of it.
_UNFIT = (Unfit, ArithmeticError, ValueError)


def preparable(session: Session, collection: Collection, asides: Sequence[Aside]) -> tuple[Aside, ...]:
    """What Python makes is made of columns, so it does not go with what is made of links."""
    found = tuple(each for each in asides if _is_preparable(session.dialect, each))
    if not found or not _has_room(session, collection.name):
        return ()
    if Asides(session, Preparation("", collection, found)).is_stated:
        return found
    return tuple(each for each in found if not is_linked(each.before))


def _is_preparable(dialect: str, aside: Aside) -> bool:
    """SQLite cannot give a column its foreign key later; links are rows of another table."""
    if is_linked(aside.after):
        return False
    is_tied = aside.is_conversion and isinstance(aside.after, RelationField)
    return dialect == "postgresql" or not (is_tied or is_linked(aside.before))


def _has_room(session: Session, table: str) -> bool:
    if session.dialect == "sqlite":
        return True
    ever = f"SELECT coalesce(max(attnum), 0) FROM pg_attribute WHERE attrelid = {_regclass(table)}"
    return int(session.command(ever)[0][0]) < _MOST_COLUMNS_EVER


def leftovers(session: Session, table: str) -> list[str]:
    """Columns of preparations, whosever they are."""
    return [name for name in _columns(session, table) if name.startswith((_NEXT, _SEEN))]


def sweep(session: Session, table: str) -> None:
    for name in leftovers(session, table):
        session.command(f"ALTER TABLE {ddl.quoted(table, session.dialect)} DROP COLUMN {ddl.quoted(name, session.dialect)}")


class Asides:
    def __init__(self, session: Session, preparation: Preparation) -> None:
        self._session, self._preparation = session, preparation
        self._name = preparation.collection.name
        self._seen = f"{_SEEN}{preparation.id.replace('-', '')}"

    # --- before the change

    def set_aside(self) -> None:
        """Columns for what is to come, empty yet."""
        sweep(self._session, self._name)
        version = f"{self._quoted(self._seen)} {'INTEGER' if self._is_sqlite else 'BIGINT'}"
        texts = [ddl.bare_column_text(each, self._dialect) for each in self._beside()]
        for text in (*texts, version):
            self._session.command(f"ALTER TABLE {self._table} ADD COLUMN {text}")

    def stand(self) -> bool:
        """Another change of the collection takes them away."""
        return self._seen in _columns(self._session, self._name)

    def unprepared(self, after: str) -> Unprepared | None:
        """The next records that are not prepared as they are now, with their new values where Python makes them."""
        if not self.stand():
            return None
        rows = self._session.command(self._next_rows(after))
        if not rows:
            return None
        made = () if self.is_stated else tuple((*row[:3], *self._made(row[3:])) for row in rows)
        return Unprepared(rows[-1][0], len(rows), after, made)

    def prepare(self, batch: Unprepared) -> None:
        if not self.stand():
            return
        if self.is_stated:
            self._session.command(self._filling(batch))
        elif self._is_sqlite:
            self._session.execute_many(*self._written_one_by_one(batch))
        else:
            self._session.execute(*self._written_at_once(batch))

    # --- inside the change

    def catch_up(self) -> None:
        """What was changed since."""
        after = ""
        while batch := self.unprepared(after):
            self.prepare(batch)
            after = batch.last

    def of(self, before: Field, after: Field) -> bool:
        return Aside(before, after) in self._preparation.asides

    def column(self, after: Field) -> str:
        return _NEXT + after.name

    def put_in_place(self, before: Field, after: Field) -> None:
        """The columns of the old field are gone by now."""
        for column in _new_columns(self._name, Aside(before, after)):
            renamed = f"RENAME COLUMN {self._quoted(_NEXT + column.name)} TO {self._quoted(column.name)}"
            self._session.command(f"ALTER TABLE {self._table} {renamed}")

    # --- which

    def _next_rows(self, after: str) -> str:
        values = "" if self.is_stated else "".join(f", {self._quoted(each.before.name)}" for each in self._preparation.asides)
        return (
            f"SELECT id, version, created{values} FROM {self._table} WHERE {self._is_stale} AND id > {literal(after, self._dialect)} "
            f"ORDER BY id LIMIT {_STATED if self.is_stated else _MADE}"
        )

    @property
    def _is_stale(self) -> str:
        """Versions begin with 1."""
        return f"coalesce({self._quoted(self._seen)}, 0) <> version"

    # --- made by the statement

    @cached_property
    def is_stated(self) -> bool:
        """Whether statements alone make everything."""
        return all(self._says(each) for each in self._preparation.asides)

    def _says(self, aside: Aside) -> str | None:
        """The new value as an expression, where that is all there is to it."""
        if not aside.is_conversion or derived(aside.after):
            return None
        if is_linked(aside.before):
            return self._gathered(aside)
        column = self._quoted(aside.before.name)
        held = f"nullif({column}, '')" if aside.before.absent_text and not aside.before.many else column
        expression = conversions_sqlite.expression if self._is_sqlite else conversions_postgres.expression
        return expression(aside.before, aside.after, held)

    def _gathered(self, aside: Aside) -> str:
        """Of several targets, where one is wanted, the change tells."""
        link = self._quoted(link_name(self._preparation.collection, aside.before.name))
        told = "min(target)" if isinstance(aside.after, RelationField) else "jsonb_agg(target ORDER BY position, target)"
        return f"(SELECT {told} FROM {link} WHERE source = _now._id)"

    def _filling(self, batch: Unprepared) -> str:
        """The version comes from the moment that the statement sees, as links do: PostgreSQL looks at a record that changes meanwhile
        once more, but not at anything else. It is told twice which records, or it would read all of them."""
        within = self._within(batch)
        sets = "".join(f"{self._quoted(self.column(each.after))} = {self._says(each)}, " for each in self._preparation.asides)
        now = f"SELECT id AS _id, version AS _version FROM {self._table} WHERE {self._is_stale} AND {within}"
        seen = f"{self._quoted(self._seen)} = _now._version"
        return f"UPDATE {self._table} SET {sets}{seen} FROM ({now}) _now WHERE id = _now._id AND {within}"

    def _within(self, batch: Unprepared) -> str:
        return f"id > {literal(batch.after, self._dialect)} AND id <= {literal(batch.last, self._dialect)}"

    # --- made in Python

    def _made(self, stored: tuple[Any, ...]) -> Iterator[Any]:
        for value, (decode, makes) in zip(stored, self._makers, strict=True):
            yield from (make(None if value is None else decode(value)) for make in makes)

    @cached_property
    def _makers(self) -> list[tuple[Callable[[Any], Any], list[Callable[[Any], Any]]]]:
        same = lambda value: value
        return [(decoder(each.before, self._dialect) or same, list(self._making(each))) for each in self._preparation.asides]

    def _making(self, aside: Aside) -> Iterator[Callable[[Any], Any]]:
        """For each new column what makes it of a value of `before`."""
        change = convert(aside.before, aside.after) if aside.is_conversion else None
        forms = {**derived(aside.after), aside.after.name: encoder(aside.after, self._dialect)}
        for column in _new_columns(self._name, aside):
            yield _maker(change, forms[column.name], aside.before)

    def _written_one_by_one(self, batch: Unprepared) -> tuple[Prepared, list[dict[str, Any]]]:
        names = [column.name for column in self._beside()]
        sets = "".join(f"{self._quoted(name)} = ?, " for name in names)
        text = f"UPDATE {self._table} SET {sets}{self._quoted(self._seen)} = version WHERE id = ? AND version = ? AND created = ?"
        order = (*names, "id", "version", "created")
        rows = [dict(zip(("id", "version", "created", *names), row, strict=True)) for row in batch.made]
        return Prepared(text, order, {}), rows

    def _written_at_once(self, batch: Unprepared) -> tuple[Prepared, dict[str, Any]]:
        columns = self._beside()
        names = ("_id", "_version", "_created", *(f"_v{at}" for at in range(len(columns))))
        kinds = ("text", "bigint", "text", *("text" for _ in columns))
        given = ", ".join(f"%({name})s::{kind}[]" for name, kind in zip(names, kinds, strict=True))
        sets = "".join(
            f"{self._quoted(column.name)} = _v{at}::{ddl.type_text(column, self._dialect)}, " for at, column in enumerate(columns)
        )
        text = (
            f"UPDATE {self._table} SET {sets}{self._quoted(self._seen)} = _version FROM unnest({given}) _v ({', '.join(names)}) "
            f"WHERE id = _id AND version = _version AND created = _created AND {self._within(batch)}"
        )
        return Prepared(text, None, {}), {name: [row[at] for row in batch.made] for at, name in enumerate(names)}

    # --- names

    def _beside(self) -> list[Column[Any]]:
        found = [column for each in self._preparation.asides for column in _new_columns(self._name, each)]
        for column in found:
            column.name = _NEXT + column.name
        return found

    def _quoted(self, name: str) -> str:
        return ddl.quoted(name, self._dialect)

    @property
    def _table(self) -> str:
        return self._quoted(self._name)

    @property
    def _dialect(self) -> str:
        return self._session.dialect

    @property
    def _is_sqlite(self) -> bool:
        return self._dialect == "sqlite"


def _new_columns(table: str, aside: Aside) -> list[Column[Any]]:
    columns = ddl.columns_of(table, aside.after)
    if aside.is_conversion:
        return list(columns)
    new = derived(aside.after).keys() - derived(aside.before).keys()
    return [column for column in columns if column.name in new]


def _maker(change: Callable[[Any], Any] | None, form: Callable[[Any], Any] | None, before: Field) -> Callable[[Any], Any]:
    def make(value: Any) -> Any:
        if value is None or (value == "" and before.absent_text):
            return None
        try:
            new = change(value) if change else value
        except _UNFIT:
            return None
        return form(new) if form else new

    return make


def _columns(session: Session, table: str) -> list[str]:
    listed = (
        f"SELECT name FROM pragma_table_info({literal(table, 'sqlite')})"
        if session.dialect == "sqlite"
        else f"SELECT attname FROM pg_attribute WHERE attrelid = {_regclass(table)} AND attnum > 0 AND NOT attisdropped"
    )
    return [name for (name,) in session.command(listed)]


def _regclass(table: str) -> str:
    return f"to_regclass({literal(ddl.quoted(table, 'postgresql'), 'postgresql')})"
