"""Create, read, change and delete collections: admins only; the definition, its tables and its indexes in one transaction.

What a change means and whether it may be done is told by `schema_changes`, what it would do by `schema_plans`.
"""

from collections.abc import Sequence
from typing import Any

from app.usecases.idempotency import Keep, unkept
from app.usecases.rulebook import Rulebook
from app.usecases.schema_changes import Intended, SchemaChanges
from app.usecases.schema_plans import plan
from app.usecases.schema_preparations import SchemaPreparations
from domain.accounts.roles import EDIT, LOOK, require
from domain.actor import Actor
from domain.errors import Conflict, Forbidden, PreconditionFailed
from domain.records.changes import IfMatch
from domain.records.reading import guard_of
from domain.rules.values import RequestFacts
from domain.schema.collection import Collection, Schema, as_object, define_collection
from domain.schema.fields import Tools
from domain.schema.fields.times import write_instant
from domain.schema.history import Change, brought_back, not_undoable, undoing
from domain.schema.plan import Plan
from ports.clock import Clock, Ids
from ports.unit_of_work import Stores, UnitOfWork

IfMatches = tuple[IfMatch, ...] | None


class CollectionUseCases:
    def __init__(self, work: UnitOfWork, rulebook: Rulebook, tools: Tools, clock: Clock, ids: Ids) -> None:
        self._work, self._tools, self._clock, self._ids = work, tools, clock, ids
        self._changes = SchemaChanges(rulebook, tools)
        self._preparations = SchemaPreparations(work, ids)

    def list(self, *, actor: Actor) -> list[Collection]:
        """Every collection that the owner made, by name."""
        require(actor, LOOK, "collections are")
        return self._work.read(
            lambda stores: [
                each for _, each in sorted(schema_for(stores, actor).collections.items()) if not each.system
            ]
        )

    def get(self, name: str, *, actor: Actor) -> Collection:
        require(actor, LOOK, "collections are")
        return self._work.read(lambda stores: _owned(schema_for(stores, actor), name))

    def create(self, definition: Any, *, actor: Actor, facts: RequestFacts | None = None, keep: Keep = unkept) -> Collection:
        """Invalid where the definition is wrong or a rule names what is not there, Conflict where the name is taken."""
        require(actor, EDIT, "collections are")
        new = self._defined(definition)

        def body(stores: Stores) -> Collection:
            intended = self._changes.creation(schema_for(stores, actor), new, as_object(definition))
            self._changes.carry_out(stores, intended, actor, now=new.created, action="create", facts=facts)
            return keep(stores, intended.new or new)

        return self._work.change_schema(body)

    def change(
        self, name: str, definition: Any, *, actor: Actor, if_match: IfMatches = None, facts: RequestFacts | None = None,
        keep: Keep = unkept,
    ) -> Collection:  # fmt: skip
        """Parts that the definition names replace the old ones; records stay. Refused where data would be lost without a word, where
        stored values stand against it, or where a rule anywhere names what goes."""
        require(actor, EDIT, "collections are")

        def intend(stores: Stores) -> Intended:
            return self._intended(stores, name, definition, actor, if_match)

        def body(stores: Stores) -> Collection:
            intended = intend(stores)
            self._changes.carry_out(stores, intended, actor, now=self._now(), action="change", prepared=prepared, facts=facts)
            assert intended.new is not None
            return keep(stores, intended.new)

        with self._preparations.prepared(intend) as prepared:
            return self._work.change_schema(body)

    def _intended(self, stores: Stores, name: str, definition: Any, actor: Actor, if_match: IfMatches) -> Intended:
        schema = schema_for(stores, actor)
        old = _owned(schema, name)
        _check_version(old, if_match)
        return self._changes.change(schema, old, as_object(definition), now=self._now())

    def delete(
        self, name: str, *, actor: Actor, if_match: IfMatches = None, facts: RequestFacts | None = None, keep: Keep = unkept
    ) -> None:
        """The collection with all its records; refused while relations or rules of others name it."""
        require(actor, EDIT, "collections are")

        def body(stores: Stores) -> None:
            schema = schema_for(stores, actor)
            old = _owned(schema, name)
            _check_version(old, if_match)
            intended = self._changes.deletion(schema, old)
            self._changes.carry_out(stores, intended, actor, now=self._now(), action="delete", facts=facts)
            keep(stores, None)

        self._work.change_schema(body)

    def plan_creation(self, definition: Any, *, actor: Actor) -> Plan:
        """What `create` would do; it is refused where that would be refused, and nothing is done."""
        require(actor, LOOK, "collections are")
        new = self._defined(definition)

        def body(stores: Stores) -> Plan:
            intended = self._changes.creation(schema_for(stores, actor), new, as_object(definition))
            return plan(stores, self._changes, intended, self._tools)

        return self._work.read(body)

    def plan_change(self, name: str, definition: Any, *, actor: Actor, if_match: IfMatches = None) -> Plan:
        """What `change` would do. Records that stand against it are told, not refused."""
        require(actor, LOOK, "collections are")
        return self._work.read(
            lambda stores: plan(
                stores, self._changes, self._intended(stores, name, definition, actor, if_match), self._tools
            ),
            snapshot=True,
        )

    def history(self, *, actor: Actor, limit: int, before: int | None = None) -> Sequence[Change]:
        """Every change of a collection, newest first."""
        require(actor, LOOK, "collections are")

        def body(stores: Stores) -> Sequence[Change]:
            schema_for(stores, actor)
            return stores.collections.changes(limit, before)

        return self._work.read(body)

    def undo(self, *, actor: Actor, facts: RequestFacts | None = None, keep: Keep = unkept) -> Collection | None:
        """Brings back what was before the last change: the collection, or None where there was none. Conflict (`not_undoable`) with the
        reason where something was lost since."""
        require(actor, EDIT, "collections are")

        def intend(stores: Stores) -> Intended:
            return self._undoing(stores, schema_for(stores, actor))

        def body(stores: Stores) -> Collection | None:
            intended = intend(stores)
            self._changes.carry_out(stores, intended, actor, now=self._now(), action="undo", prepared=prepared, facts=facts)
            return keep(stores, intended.new)

        try:
            with self._preparations.prepared(intend) as prepared:
                return self._work.change_schema(body)
        except Conflict as refused:
            raise refused if refused.code == "not_undoable" else not_undoable(refused.detail) from refused

    def _undoing(self, stores: Stores, schema: Schema) -> Intended:
        last = next(iter(stores.collections.changes(1)), None)
        if last is None:
            raise not_undoable("there was none")
        if last.loss:
            raise not_undoable(last.loss)
        if last.before is None:
            return self._changes.deletion(schema, _empty(stores, schema.collection(last.collection)))
        if last.after is None:
            return self._changes.creation(schema, brought_back(last.before, now=self._now()))
        body, renames = undoing(last)
        old = schema.collection(last.collection)
        return self._changes.untouched(stores, self._changes.change_back(schema, old, body, renames, now=self._now()))

    def _defined(self, definition: Any) -> Collection:
        return define_collection(definition, id=self._ids.new(), now=self._now(), tools=self._tools)

    def _now(self) -> str:
        return write_instant(self._clock.now())


def _empty(stores: Stores, collection: Collection) -> Collection:
    count = 0 if collection.is_view else stores.collections.count(collection)
    if count:
        raise not_undoable(f"`{collection.name}` has {count} records since it was made")
    return collection


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


def schema_for(stores: Stores, actor: Actor) -> Schema:
    """The present schema, once the database has said that it is the present one and that the admin still stands."""
    stores.records.check_guard(guard_of(actor))
    return stores.schema
