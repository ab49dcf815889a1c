"""Keeps collections: their definitions as rows, their tables by DDL, and the one
number that grows with every change."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, insert, update
from sqlalchemy import column as sql_column
from sqlalchemy import delete as sql_delete
from sqlalchemy import table as sql_table

from adapters.outbound.sql import asides as aside_columns
from adapters.outbound.sql import schema_applied
from adapters.outbound.sql.asides import Asides
from adapters.outbound.sql.columns import is_linked
from adapters.outbound.sql.conversions import Conversions
from adapters.outbound.sql.index_conditions import index_expression
from adapters.outbound.sql.link_conversions import LinkConversions
from adapters.outbound.sql.schema_checks import SchemaChecks
from adapters.outbound.sql.schema_history import keep, newest
from adapters.outbound.sql.schema_steps import SchemaSteps, locks
from adapters.outbound.sql.search_indexes import drop_search_before, make_search_after
from adapters.outbound.sql.session import Catalogue, Session
from adapters.outbound.sql.statements import prepare
from domain.accounts.roles import ROLE_FIELD
from domain.actor import ADMINS
from domain.schema.changes import Step
from domain.schema.collection import Collection, Rules, Schema, stored_collection
from domain.schema.fields import TRUSTING, Field
from domain.schema.history import Change
from domain.schema.indexes import Index
from domain.schema.misfits import Misfits
from domain.schema.preparing import Aside, Preparation
from domain.schema.sets import Applied
from domain.schema.view_fields import settled
from ports.schema import Unprepared

# Built in: its table is the migrations', no row describes it. Rules at their
# defaults: admins only, and each may sign in.
ADMIN_ACCOUNTS = Collection(id=ADMINS, name=ADMINS, type="accounts", fields=(ROLE_FIELD,), rules=Rules(), system=True)

_COLLECTIONS = sql_table(
    "_collections",
    *(sql_column(name) for name in ("id", "name", "type", "definition", "version", "created", "updated")),
)
# One statement, so that version and collections belong together also outside of a transaction.
_EVERYTHING = (
    "SELECT m.schema_version, c.id, c.name, c.type, c.definition, c.version, c.created, c.updated "
    "FROM _meta m LEFT JOIN _collections c ON 1 = 1 WHERE m.id = 1 ORDER BY c.name"
)
_GROW = "UPDATE _meta SET schema_version = schema_version + 1 WHERE id = 1 RETURNING schema_version"


def load_schema(run: Callable[[str], Iterable[tuple[Any, ...]]]) -> Schema:
    """The schema as it is kept; `run` executes a text. What was accepted once is not
    judged again, patterns least of all."""
    rows = list(run(_EVERYTHING))
    collections = {ADMINS: ADMIN_ACCOUNTS}
    for _, id, name, type, definition, version, created, updated in rows:
        if id is not None:
            row = {
                "id": id,
                "name": name,
                "type": type,
                "version": version,
                "created": created,
                "updated": updated,
            }
            collections[name] = stored_collection(
                {**row, "definition": json.loads(definition)}, TRUSTING
            )
    return Schema(rows[0][0], settled(collections))


def grow_version(session: Session, collections: Mapping[str, Collection]) -> None:
    """Inside `change_schema`: every process notices by the number, whatever it was that changed."""
    version = session.command(_GROW)[0][0]
    session.catalogue = Catalogue(Schema(version, collections))


class SqlSchemaStore(SchemaChecks):
    """For `change_schema` alone: it holds the lock under which all this is one transaction."""

    def misfits(
        self, collection: Collection, before: Field, after: Field, judge: Callable[[Any], Any] | None = None
    ) -> Misfits:
        if is_linked(before) or is_linked(after):
            links = LinkConversions(self._session, collection, collection)
            return links.judged(before, judge) if judge else links.misfits(before, after)
        return Conversions(self._session, collection.name).misfits(before, after, judge)

    def shared(self, collection: Collection, index: Index) -> Misfits:
        where = None
        if index.where:
            where = index_expression(self._session.schema, collection, index, self._dialect, self._session.tables)
        return self.duplicates(collection, index, where)

    def locks(self, step: Step) -> str:
        return locks(step, self._dialect)

    def keep_change(self, change: Change) -> None:
        keep(self._session, change)

    def changes(self, limit: int, before: int | None = None) -> list[Change]:
        return newest(self._session, limit, before)

    def applied(self) -> list[Applied]:
        return schema_applied.every(self._session)

    def keep_applied(self, noted: Sequence[Applied], gone: Sequence[str]) -> None:
        schema_applied.forget(self._session, gone)
        schema_applied.note(self._session, noted)

    def apply(
        self,
        old: Collection | None,
        new: Collection | None,
        steps: tuple[Step, ...],
        followers: tuple[Collection, ...] = (),
        prepared: Preparation | None = None,
    ) -> None:
        collection = new or old
        if collection is None:
            return
        if not self._session.changing:
            raise RuntimeError("collections change inside change_schema() alone: others may be writing")
        after = self._after(old, new, followers)
        drop_search_before(self._session, collection.id, new, steps)
        SchemaSteps(self._session, old or collection, collection, after, prepared).carry_out(steps)
        make_search_after(self._session, new)
        self._save(old, new)
        for each in followers:
            self._save(each, each)
        grow_version(self._session, after.collections)

    # --- beforehand

    def preparable(self, collection: Collection, asides: Sequence[Aside]) -> tuple[Aside, ...]:
        return aside_columns.preparable(self._session, collection, asides)

    def set_aside(self, preparation: Preparation) -> None:
        Asides(self._session, preparation).set_aside()

    def unprepared(self, preparation: Preparation, after: str) -> Unprepared | None:
        return Asides(self._session, preparation).unprepared(after)

    def prepare(self, preparation: Preparation, batch: Unprepared) -> None:
        Asides(self._session, preparation).prepare(batch)

    def put_away(self, preparation: Preparation) -> None:
        """Whatever the collection is called by now."""
        for each in self._session.schema.collections.values():
            if each.id == preparation.collection.id and not each.is_view:
                aside_columns.sweep(self._session, each.name)

    # --- doing it

    def _after(self, old: Collection | None, new: Collection | None, followers: tuple[Collection, ...]) -> Schema:
        schema = self._session.schema
        for name in [name for name, each in schema.collections.items() if old and each.id == old.id and (not new or name != new.name)]:
            schema = schema.without(name)
        for each in (*([new] if new else []), *followers):
            schema = schema.with_collection(each)
        return schema

    def _save(self, old: Collection | None, new: Collection | None) -> None:
        if new is None:
            assert old is not None
            gone = sql_delete(_COLLECTIONS).where(_COLLECTIONS.c.id == bindparam("which"))
            self._session.execute(prepare(gone, self._dialect), {"which": old.id})
            return
        row = _row(new)
        binds: dict[str, Any] = {name: bindparam(f"new_{name}") for name in row}
        write: Any = insert(_COLLECTIONS).values(binds)
        if old is not None:
            write = update(_COLLECTIONS).values(binds).where(_COLLECTIONS.c.id == bindparam("which"))
        values = {f"new_{name}": value for name, value in row.items()}
        self._session.execute(prepare(write, self._dialect), {"which": new.id, **values})

    @property
    def _dialect(self) -> str:
        return self._session.dialect


def _row(collection: Collection) -> dict[str, Any]:
    return {
        "id": collection.id,
        "name": collection.name,
        "type": collection.type,
        "definition": json.dumps(collection.stored(), ensure_ascii=False),
        "version": collection.version,
        "created": collection.created,
        "updated": collection.updated,
    }
