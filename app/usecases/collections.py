"""Create, read, change and delete collections: admins only; the definition, its tables and its indexes in one transaction."""

from collections.abc import Sequence
from typing import Any

from app.usecases.rulebook import Rulebook
from domain.actor import Actor
from domain.errors import Conflict, Fault, Forbidden, Invalid, PreconditionFailed, Unauthenticated
from domain.records.changes import IfMatch
from domain.records.reading import guard_of
from domain.schema.changes import Require, check_relations, check_unreferred, steps
from domain.schema.collection import (
    Collection,
    Schema,
    change_collection,
    check_told_fields,
    define_collection,
)
from domain.schema.fields import Tools
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.unit_of_work import Stores, UnitOfWork

IfMatches = tuple[IfMatch, ...] | None


class CollectionUseCases:
    def __init__(self, work: UnitOfWork, rulebook: Rulebook, tools: Tools, clock: Clock, ids: Ids) -> None:
        self._work, self._rulebook, self._tools, self._clock, self._ids = work, rulebook, tools, clock, ids

    def list(self, *, actor: Actor) -> list[Collection]:
        """Every collection that the owner made, by name."""
        _admins_only(actor)
        return self._work.read(
            lambda stores: [
                each for _, each in sorted(_schema_for(stores, actor).collections.items()) if not each.system
            ]
        )

    def get(self, name: str, *, actor: Actor) -> Collection:
        _admins_only(actor)
        return self._work.read(lambda stores: _owned(_schema_for(stores, actor), name))

    def create(self, definition: Any, *, actor: Actor) -> Collection:
        """Invalid where the definition is wrong or a rule names what is not there, Conflict where the name is taken."""
        _admins_only(actor)
        new = define_collection(definition, id=self._ids.new(), now=self._now(), tools=self._tools)
        return self._work.change_schema(lambda stores: self._create(stores, new, definition, actor))

    def _create(self, stores: Stores, new: Collection, definition: Any, actor: Actor) -> Collection:
        _schema_for(stores, actor)
        if new.name in stores.schema.collections:
            raise Conflict(
                f"there is a collection `{new.name}` already",
                code="not_unique",
                faults=(Fault("/name", "not_unique", "this name is taken"),),
            )
        check_relations(stores.schema, new)
        after = stores.schema.with_collection(new)
        new = after.collection(new.name)  # with the fields that follow, where it is a view
        self._rulebook.check_collection(after, new)
        check_told_fields(definition, new)
        stores.collections.apply(None, new, steps(None, new))
        return new

    def change(self, name: str, definition: Any, *, actor: Actor, if_match: IfMatches = None) -> Collection:
        """Parts that the definition names replace the old ones; records stay. Refused where data would be lost or a rule anywhere
        names what goes."""
        _admins_only(actor)
        return self._work.change_schema(lambda stores: self._change(stores, name, definition, actor, if_match))

    def _change(self, stores: Stores, name: str, definition: Any, actor: Actor, if_match: IfMatches) -> Collection:
        old = _owned(_schema_for(stores, actor), name)
        _check_version(old, if_match)
        new = change_collection(old, definition, now=self._now(), tools=self._tools)
        check_relations(stores.schema, new)
        after = stores.schema.with_collection(new)
        new = after.collection(name)
        self._rulebook.check_collection(after, new)
        check_told_fields(definition, new, old)
        self._check_others(after, new.name)
        planned = steps(old, new)
        stores.collections.apply(old, new, planned)
        for step in planned:
            if isinstance(step, Require):
                _check_filled(stores, new, step)
        return new

    def delete(self, name: str, *, actor: Actor, if_match: IfMatches = None) -> None:
        """The collection with all its records; refused while relations or rules of others name it."""
        _admins_only(actor)
        self._work.change_schema(lambda stores: self._delete(stores, name, actor, if_match))

    def _delete(self, stores: Stores, name: str, actor: Actor, if_match: IfMatches) -> None:
        old = _owned(_schema_for(stores, actor), name)
        _check_version(old, if_match)
        check_unreferred(stores.schema, name)
        self._check_others(stores.schema.without(name), name)
        stores.trash.empty(old.id)
        stores.collections.apply(old, None, steps(old, None))

    def _check_others(self, after: Schema, changed: str) -> None:
        """Rules of other collections that no longer hold together are listed, all of them."""
        faults: list[Fault] = []
        for collection in after.collections.values():
            if collection.name != changed:
                faults += self._faults_of(after, collection)
        if faults:
            hint = "change these rules first"
            raise Conflict(
                "rules of other collections name what would go",
                code="collection_in_use",
                hint=hint,
                faults=tuple(faults),
            )

    def _faults_of(self, after: Schema, collection: Collection) -> Sequence[Fault]:
        try:
            self._rulebook.check_collection(after, collection)
        except Invalid as broken:
            return [
                Fault("", "rule_in_use", f"`{collection.name}`: {fault.pointer}: {fault.detail}")
                for fault in broken.faults
            ]
        return []

    def _now(self) -> str:
        return write_instant(self._clock.now())


def _check_filled(stores: Stores, collection: Collection, step: Require) -> None:
    empty = stores.collections.count_null(collection, step.field.name)
    if empty:
        detail = f"`{step.field.name}` is required, but {empty} records hold nothing in it"
        raise Conflict(
            detail, code="required_is_empty", hint="give the field a literal default, or fill these records first"
        )


def _check_version(collection: Collection, if_match: IfMatches) -> None:
    if if_match is not None and not any(each.means(collection.version, collection.created) for each in if_match):
        raise PreconditionFailed(
            f"the collection is at version {collection.version} now", hint="read it again and repeat your change"
        )


def _owned(schema: Schema, name: str) -> Collection:
    collection = schema.collection(name)
    if collection.system:
        raise Forbidden(f"`{name}` belongs to the backend and is not changed")
    return collection


def _schema_for(stores: Stores, actor: Actor) -> Schema:
    """The present schema, once the database has said that it is the present one and that the admin still stands."""
    stores.records.check_guard(guard_of(actor))
    return stores.schema


def _admins_only(actor: Actor) -> None:
    if actor.is_guest:
        raise Unauthenticated("collections are for admins: sign in as one")
    if not actor.passes_rules:
        raise Forbidden("collections are for admins")
