"""Carries out the steps of a schema change, one after another, on the tables of one collection.

Readers of PostgreSQL wait from the first step that alters the table until the change is over; writers wait all the time.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from sqlalchemy import Table, bindparam, insert, select, update

from adapters.outbound.sql import ddl
from adapters.outbound.sql.asides import Asides, sweep
from adapters.outbound.sql.columns import derived, encoder, is_linked
from adapters.outbound.sql.conversions import Conversions
from adapters.outbound.sql.index_conditions import index_condition, index_expression
from adapters.outbound.sql.link_conversions import LinkConversions
from adapters.outbound.sql.literals import literal
from adapters.outbound.sql.names import link_name
from adapters.outbound.sql.schema_checks import SchemaChecks, not_unique
from adapters.outbound.sql.session import Catalogue, Session
from adapters.outbound.sql.statements import prepare
from domain.schema.changes import (
    AddField,
    AddIndex,
    ConvertField,
    CreateTable,
    Derive,
    DropField,
    DropIndex,
    DropTable,
    Narrow,
    RenameField,
    RenameTable,
    Require,
    Step,
)
from domain.schema.collection import Collection, Schema
from domain.schema.conversions import form
from domain.schema.fields import Field, RelationField
from domain.schema.misfits import Misfits, not_convertible
from domain.schema.preparing import Preparation

# The lock that snapshots share (see `snapshots`): a table that is written anew would be empty for those taken before, so a change
# waits for the running ones and lets none begin.
_NO_SNAPSHOTS = "LOCK TABLE _collections IN ACCESS EXCLUSIVE MODE"
_ALTERING = (RenameTable, RenameField, AddField, DropField, ConvertField, Derive, DropTable, DropIndex)


def locks(step: Step, dialect: str) -> str:
    """Who waits for this step: readers of SQLite never do."""
    if isinstance(step, Require | Narrow):
        return "none"
    return "readers and writers" if dialect == "postgresql" and isinstance(step, _ALTERING) else "writers"


class SchemaSteps:
    """`old` is the collection as it is once the renames are done, `after` the schema of the end."""

    def __init__(
        self, session: Session, old: Collection, new: Collection, after: Schema, prepared: Preparation | None = None
    ) -> None:
        self._session, self._old, self._new, self._after = session, old, new, after
        self._asides = Asides(session, prepared) if prepared else None

    def carry_out(self, steps: tuple[Step, ...]) -> None:
        self._lock(steps)
        self._take_up(steps)
        for step in steps:
            _CARRY_OUT[type(step)](self, step)
        if self._asides:
            sweep(self._session, self._new.name)

    def _take_up(self, steps: tuple[Step, ...]) -> None:
        """What was prepared, where it is still there, or nothing: columns that others left behind would be in the way."""
        if self._asides and self._asides.stand():
            self._asides.catch_up()
            return
        self._asides = None
        if not any(isinstance(step, CreateTable | DropTable) for step in steps) and steps:
            sweep(self._session, self._name_now(steps))

    def _name_now(self, steps: tuple[Step, ...]) -> str:
        return next((step.old for step in steps if isinstance(step, RenameTable)), self._old.name)

    def _lock(self, steps: tuple[Step, ...]) -> None:
        """All at once and before anything is done: what has to wait, and so may have to begin again, has lost nothing then."""
        if self._dialect == "postgresql" and any(isinstance(step, _ALTERING) for step in steps):
            self._session.command(_NO_SNAPSHOTS)
            self._session.command(f"LOCK TABLE {ddl.quoted(self._name_now(steps), self._dialect)} IN ACCESS EXCLUSIVE MODE")

    def _create_table(self, step: CreateTable) -> None:
        self._run(ddl.create_collection(self._after, step.collection, self._dialect))

    def _drop_table(self, step: DropTable) -> None:
        self._run(ddl.drop_collection(step.collection, self._dialect))

    def _rename_table(self, step: RenameTable) -> None:
        self._run(ddl.rename_table(step.old, step.new, self._dialect))

    def _rename_field(self, step: RenameField) -> None:
        self._run(ddl.rename_field(self._old, step.old, step.field, self._dialect))

    # --- fields

    def _add_field(self, step: AddField) -> None:
        if step.fill is not None and self._dialect == "postgresql" and not is_linked(step.field):
            self._add_filled(step)
            return
        self._run(ddl.add_field(self._new, step.field, self._dialect))
        if step.fill is not None and is_linked(step.field):
            self._fill_links(step)
        elif step.fill is not None:
            self._fill(step)

    def _add_filled(self, step: AddField) -> None:
        """PostgreSQL notes a default once for all rows that are there. It does not stay, or it would hide a value that was forgotten."""
        values, table = self._values(step), ddl.quoted(self._new.name, self._dialect)
        for column in ddl.columns_of(self._new.name, step.field):
            told = literal(values[column.name], self._dialect)
            text = ddl.column_text(column, self._dialect)
            self._session.command(f"ALTER TABLE {table} ADD COLUMN {text} DEFAULT {told}")
            self._session.command(f"ALTER TABLE {table} ALTER COLUMN {ddl.quoted(column.name, self._dialect)} DROP DEFAULT")
        self._run(ddl.add_list(self._new, step.field, self._dialect))

    def _values(self, step: AddField) -> dict[str, Any]:
        encode = encoder(step.field, self._dialect)
        values = {step.field.name: encode(step.fill) if encode else step.fill}
        return {**values, **{column: derive(step.fill) for column, derive in derived(step.field).items()}}

    def _fill_links(self, step: AddField) -> None:
        """Every record gets a link to each of the targets."""
        link, table = self._tables[link_name(self._new, step.field.name)], self._tables[self._new.name]
        rows = select(table.c.id, bindparam("target", type_=link.c.target.type), bindparam("place", type_=link.c.position.type))
        prepared = prepare(insert(link).from_select(["source", "target", "position"], rows), self._dialect)
        for place, target in enumerate(step.fill if isinstance(step.fill, tuple) else ()):
            self._session.execute(prepared, {"target": target, "place": place})

    def _fill(self, step: AddField) -> None:
        """Every record gets the value: a column's DEFAULT would stay on SQLite."""
        values, table = self._values(step), self._tables[self._new.name]
        binds: dict[str, Any] = {name: bindparam(f"fill_{at}", type_=table.c[name].type) for at, name in enumerate(values)}
        prepared = prepare(update(table).values(binds), self._dialect)
        self._session.execute(prepared, {binds[name].key: value for name, value in values.items()})

    def _drop_field(self, step: DropField) -> None:
        self._run(ddl.drop_field(self._old, step.field, self._dialect))

    def _convert(self, step: ConvertField) -> None:
        before, after = step.before, step.after
        if self._asides and self._asides.of(before, after):
            found = self._put_in_place(before, after, self._asides)
        elif is_linked(before) or is_linked(after):
            found = LinkConversions(self._session, self._old, self._new).carry_out(before, after)
        else:
            self._drop_list_index(step)
            found = Conversions(self._session, self._new.name).carry_out(before, after)
            if not found.count:
                self._run(ddl.add_list(self._new, after, self._dialect))
        if found.count:
            at = [each.name for each in self._new.fields].index(after.name)
            raise not_convertible(after.name, at, form(after), found)

    def _put_in_place(self, before: Field, after: Field, asides: Asides) -> Misfits:
        if is_linked(before):
            found = LinkConversions(self._session, self._old, self._new).misfits(before, after)
        else:
            found = Conversions(self._session, self._new.name).unmade(before, after, asides.column(after))
        if not found.count:
            self._run(ddl.drop_field(self._old, before, self._dialect))
            asides.put_in_place(before, after)
            self._run(ddl.add_list(self._new, after, self._dialect))
            if isinstance(after, RelationField):
                self._session.command(ddl.add_foreign_key(self._new.name, after.name, after.name, after.collection, self._dialect))
        return found

    def _derive(self, step: Derive) -> None:
        self._run(ddl.drop_derived(self._new, step.old, step.new, self._dialect))
        if self._asides and self._asides.of(step.old, step.new):
            self._asides.put_in_place(step.old, step.new)
            return
        self._run(ddl.add_derived(self._new, step.old, step.new, self._dialect))
        Conversions(self._session, self._new.name).fill_derived(step.new)

    def _drop_list_index(self, step: ConvertField) -> None:
        if step.before.many and self._dialect == "postgresql":
            self._session.command(ddl.drop_list_index(self._old, step.before, self._dialect))

    # --- indexes

    def _add_index(self, step: AddIndex) -> None:
        if step.index.unique and self._old is not self._new:
            self._refuse_duplicates(step)
        where = index_condition(self._after, self._new, step.index, self._dialect) if step.index.where else ""
        self._session.command(ddl.add_index(self._new, step.index, self._dialect, where))

    def _refuse_duplicates(self, step: AddIndex) -> None:
        where = index_expression(self._after, self._new, step.index, self._dialect, self._tables) if step.index.where else None
        found = SchemaChecks(self._session, self._tables).duplicates(self._new, step.index, where)
        if found.count:
            raise not_unique(step.index, found)

    def _drop_index(self, step: DropIndex) -> None:
        self._session.command(ddl.drop_index(self._old, step.index, self._dialect))

    def _nothing(self, step: Require | Narrow) -> None:
        """No column is NOT NULL, and none has a limit: what is required or let in is judged by the domain."""

    def _run(self, texts: Any) -> None:
        for text in texts:
            self._session.command(text)

    @cached_property
    def _tables(self) -> Mapping[str, Table]:
        return Catalogue(self._after).tables

    @property
    def _dialect(self) -> str:
        return self._session.dialect


_CARRY_OUT: Mapping[type, Callable[..., None]] = {
    CreateTable: SchemaSteps._create_table,
    DropTable: SchemaSteps._drop_table,
    RenameTable: SchemaSteps._rename_table,
    RenameField: SchemaSteps._rename_field,
    AddField: SchemaSteps._add_field,
    DropField: SchemaSteps._drop_field,
    ConvertField: SchemaSteps._convert,
    Derive: SchemaSteps._derive,
    Narrow: SchemaSteps._nothing,
    AddIndex: SchemaSteps._add_index,
    DropIndex: SchemaSteps._drop_index,
    Require: SchemaSteps._nothing,
}
