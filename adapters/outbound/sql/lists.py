"""Fields with many values: how their lists are read beside a record, and how the links of a many-valued relation are written.

A record's links change only after its own row was written or locked, so that two writers of one list take turns. On PostgreSQL what
a statement returns may be older than the row that it waited for; so after that the links are read by a statement of their own.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    FromClause,
    Text,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.sql.elements import ColumnElement

from adapters.outbound.sql.columns import decoder, encoder, is_linked, targets_of
from adapters.outbound.sql.id_sets import given_ids, ids_value, one_of
from adapters.outbound.sql.names import link_name
from adapters.outbound.sql.session import Session
from adapters.outbound.sql.statements import Prepared
from domain.errors import Fault, Invalid
from domain.records.changes import Changes, Draft
from domain.schema.collection import Collection
from domain.schema.fields import Field, RelationField

Record = Mapping[str, Any]
Tables = Mapping[str, FromClause]


def linked_fields(collection: Collection) -> tuple[RelationField, ...]:
    return tuple(each for each in collection.relations if is_linked(each))


def stored_fields(collection: Collection) -> dict[str, Field]:
    """Those that are columns of the collection's table."""
    return {name: each for name, each in collection.every_field.items() if not is_linked(each)}


def shown_column(collection: Collection, field: Field, row: FromClause, tables: Tables, dialect: str) -> ColumnElement[Any]:
    """What an answer holds of the field: of one with many values a JSON array, empty where there are none."""
    if is_linked(field):
        return targets_of(tables[link_name(collection, field.name)], row, dialect)
    if field.many:
        return func.coalesce(row.c[field.name], literal_column("'[]'" if dialect == "sqlite" else "'[]'::jsonb"))
    return row.c[field.name]


class Links:
    """The link tables of one session's collections."""

    def __init__(self, session: Session) -> None:
        self._session = session

    # --- one record

    def read(self, collection: Collection, id: str) -> dict[str, tuple[str, ...]]:
        """The lists of the record's many-valued relations, by field, in one statement."""
        fields = linked_fields(collection)
        if not fields:
            return {}
        prepared = self._session.prepared(("links", collection.name), lambda: self._reading(collection))
        row = self._session.execute(prepared, {"id": id})[0]
        return {each.name: decoded(each, value, self._session.dialect) for each, value in zip(fields, row, strict=True)}

    def add_all(self, collection: Collection, draft: Draft) -> None:
        """The links of a record that was just inserted."""
        for relation in linked_fields(collection):
            targets = draft.values[relation.name]
            self._append(collection, relation, draft.values["id"], targets, lambda target: f"/{relation.name}/{targets.index(target)}")  # noqa: B023 - called at once

    def change(self, collection: Collection, after: Record, changes: Changes) -> tuple[Record, Record]:
        """The lists that it had, and the record that an UPDATE has just written (and so holds) with its lists as `changes` want them.
        Invalid where a list would become too long or too short, or where a target is not there."""
        if not changes.lists and not linked_fields(collection):
            return {}, after
        present = self.read(collection, after["id"])
        before = dict(present)
        lists: dict[str, tuple[Any, ...]] = {
            name: each.applied(present[name] if name in present else after[name]) for name, each in changes.lists.items()
        }
        for relation in linked_fields(collection):
            wanted = changes.values.get(relation.name, lists.get(relation.name))
            if wanted is not None:
                self._replace(collection, relation, after["id"], present[relation.name], wanted, changes)
                present[relation.name] = wanted
        kept = {name: value for name, value in lists.items() if name not in present}
        if kept:
            before |= {name: after[name] for name in kept}
            self._set_columns(collection, after["id"], kept)
        record = {**after, **present, **kept}
        return before, {name: record[name] for name in collection.every_field}

    def _replace(
        self,
        collection: Collection,
        relation: RelationField,
        id: str,
        present: tuple[str, ...],
        wanted: tuple[str, ...],
        changes: Changes,
    ) -> None:
        asked = frozenset(wanted)
        kept = tuple(each for each in present if each in asked)
        gone = tuple(each for each in present if each not in asked)
        if kept != wanted[: len(kept)]:
            kept, gone = (), present  # in another order: written anew
        if gone:
            self._remove(collection, relation, id, gone)
        self._append(collection, relation, id, wanted[len(kept) :], lambda target: changes.pointer(relation.name, target))

    def _append(
        self, collection: Collection, relation: RelationField, id: str, targets: Sequence[str], pointer: Callable[[str], str]
    ) -> None:
        """Joined with the target's table, the INSERT tells which targets are there; one that goes in this moment is for the foreign key."""
        if not targets:
            return
        prepared = self._session.prepared(("link", collection.name, relation.name), lambda: self._appending(collection, relation))
        values = {"source": id, "ids": ids_value(targets, self._session.dialect)}
        linked = {row[0] for row in self._session.execute(prepared, values)}
        missing = [each for each in targets if each not in linked]
        if missing:
            detail = f"`{relation.name}`: there is no such record in `{relation.collection}`"
            faults = tuple(Fault(pointer(each), "no_such_record", detail) for each in missing)
            raise Invalid(detail, code="no_such_record", faults=faults)

    def _remove(self, collection: Collection, relation: RelationField, id: str, targets: Sequence[str]) -> None:
        link = self._link(collection, relation)
        gone = lambda: delete(link).where(link.c.source == bindparam("source"), one_of(link.c.target, self._session.dialect))
        prepared = self._session.prepared(("unlink", collection.name, relation.name), gone)
        self._session.execute(prepared, {"source": id, "ids": ids_value(targets, self._session.dialect)})

    def _set_columns(self, collection: Collection, id: str, lists: Mapping[str, tuple[Any, ...]]) -> None:
        """The row is ours since the UPDATE that came before, so what was read of it still stands."""
        table, names = self._session.tables[collection.name], tuple(lists)
        sets = {name: bindparam(f"s_{name}", type_=table.c[name].type) for name in names}
        prepared = self._session.prepared(
            ("lists", collection.name, names), lambda: update(table).values(sets).where(table.c.id == bindparam("w_id"))
        )
        encoded = {f"s_{name}": encode(collection.every_field[name], value, self._session.dialect) for name, value in lists.items()}
        self._session.execute(prepared, {"w_id": id, **encoded})

    # --- many records

    def add_many(self, collection: Collection, drafts: Sequence[Draft]) -> None:
        names = ["id", *(each.name for each in linked_fields(collection))]
        self.add_columns(collection, {name: [draft.values[name] for draft in drafts] for name in names})

    def add_columns(self, collection: Collection, columns: Mapping[str, Sequence[Any]]) -> None:
        """The links of new records: their ids, and what each holds by the name of the relation."""
        for relation in linked_fields(collection):
            rows = [
                {"source": id, "target": target, "position": at}
                for id, targets in zip(columns["id"], columns[relation.name], strict=True)
                for at, target in enumerate(targets)
            ]
            if rows:
                self._session.execute_many(self._inserting(collection, relation), rows)

    def drop_of(self, collection: Collection, ids: Sequence[str]) -> None:
        """The links of records that go."""
        for relation in linked_fields(collection):
            link = self._link(collection, relation)
            prepared = self._session.prepared(
                ("drop links", collection.name, relation.name),
                lambda: delete(link).where(one_of(link.c.source, self._session.dialect)),  # noqa: B023 - called at once
            )
            self._session.execute(prepared, {"ids": ids_value(ids, self._session.dialect)})

    def unlink(self, collection: Collection, relation: RelationField, targets: Sequence[str]) -> Sequence[str]:
        """Takes these targets out of every list; whose lists they were."""
        link = self._link(collection, relation)
        prepared = self._session.prepared(
            ("unlink all", collection.name, relation.name),
            lambda: delete(link).where(one_of(link.c.target, self._session.dialect)).returning(link.c.source),
        )
        rows = self._session.execute(prepared, {"ids": ids_value(targets, self._session.dialect)})
        return list(dict.fromkeys(row[0] for row in rows))

    def counts(self, collection: Collection, relation: RelationField, targets: Sequence[str]) -> Mapping[str, tuple[int, int]]:
        """For each record whose list has any of these targets, how many of them it has, and how long the list is."""
        prepared = self._session.prepared(("counts", collection.name, relation.name), lambda: self._counting(collection, relation))
        rows = self._session.execute(prepared, {"ids": ids_value(targets, self._session.dialect)})
        return {source: (found, whole) for source, found, whole in rows}

    def holds(self, collection: Collection, relation: str, row: FromClause) -> ColumnElement[bool]:
        """Whether the row's list has any of the targets that the bind `ids` holds."""
        link = self._session.tables[link_name(collection, relation)]
        return row.c.id.in_(select(link.c.source).where(one_of(link.c.target, self._session.dialect)))

    # --- building statements

    def _reading(self, collection: Collection) -> Any:
        """The outer FROM is a row of one id, so that all lists come in one statement."""
        one = select(bindparam("id", type_=Text).label("id")).subquery("_one")
        columns = (targets_of(self._link(collection, each), one, self._session.dialect) for each in linked_fields(collection))
        return select(*columns).select_from(one)

    def _counting(self, collection: Collection, relation: RelationField) -> Any:
        link = self._link(collection, relation)
        every = link.alias("_every")
        found = (
            select(link.c.source, func.count().label("found"))
            .where(one_of(link.c.target, self._session.dialect))
            .group_by(link.c.source)
            .subquery("_found")
        )
        whole = select(func.count()).where(every.c.source == found.c.source).correlate(found).scalar_subquery()
        return select(found.c.source, found.c.found, whole)

    def _appending(self, collection: Collection, relation: RelationField) -> Any:
        """Behind those that are there, in the order in which they were given."""
        link, target = self._link(collection, relation), self._session.tables[relation.collection].alias("_target")
        own = link.alias("_own")
        source = bindparam("source", type_=Text)
        last = select(func.coalesce(func.max(own.c.position), -1)).where(own.c.source == source).scalar_subquery()
        given = given_ids(self._session.dialect)
        place = given.c.key + 1 if self._session.dialect == "sqlite" else given.c.place
        rows = select(source, target.c.id, last + place).select_from(given).join(target, target.c.id == given.c.value)
        return insert(link).from_select(["source", "target", "position"], rows).returning(link.c.target)

    def _inserting(self, collection: Collection, relation: RelationField) -> Prepared:
        link = self._link(collection, relation)
        names = ("source", "target", "position")
        return self._session.prepared(
            ("links many", collection.name, relation.name),
            lambda: insert(link).values({name: bindparam(name, type_=link.c[name].type) for name in names}),
        )

    def _link(self, collection: Collection, relation: RelationField) -> Any:
        return self._session.tables[link_name(collection, relation.name)]


def encode(field: Field, value: Any, dialect: str) -> Any:
    """The Python form as the driver takes it."""
    convert = encoder(field, dialect) if value is not None else None
    return convert(value) if convert else value


def decoded(field: Field, value: Any, dialect: str) -> Any:
    """What the driver gave in Python form; no list is an empty one."""
    convert = decoder(field, dialect) if value is not None or field.many else None
    return convert(value) if convert else value
