"""The trash of a collection: what is in it, bringing records back with what went with them, and emptying it; for admins."""

from collections.abc import Collection as Names
from collections.abc import Mapping, Sequence

from app.usecases.happenings import happens
from app.usecases.idempotency import Keep, unkept
from app.usecases.kept_answers import erase_answers
from app.usecases.restoring import Restoration
from app.usecases.rulebook import Rulebook
from domain.accounts.roles import EDIT, LOOK, require
from domain.actor import Actor
from domain.errors import NotFound, Problem, invalid
from domain.events import Origin
from domain.hooks.changes import TrashChange
from domain.records.reading import guard_of
from domain.records.trash import Entry, Key, Restored, TrashPage, followers
from domain.schema.collection import Collection, Schema
from domain.schema.fields import Tools
from domain.schema.fields.relations import RECORD_ID
from domain.schema.fields.times import write_instant
from ports.clock import Clock
from ports.unit_of_work import Stores, UnitOfWork


class TrashUseCases:
    def __init__(self, work: UnitOfWork, rulebook: Rulebook, tools: Tools, clock: Clock) -> None:
        self._work, self._rulebook, self._tools, self._clock = work, rulebook, tools, clock

    def list(self, name: str, *, limit: int, cursor: str | None = None, actor: Actor) -> TrashPage:
        """What is in the trash of a collection, the latest first."""
        require(actor, LOOK, "the trash is")
        if cursor is not None and not RECORD_ID.fullmatch(cursor):
            raise invalid("cursor", "invalid_cursor", "this is not a cursor that a list gave", hint="start the list again without a cursor")
        return self._work.read(lambda stores: self._list(stores, name, limit, cursor, actor))

    def _list(self, stores: Stores, name: str, limit: int, cursor: str | None, actor: Actor) -> TrashPage:
        collection = _known(stores, name, actor)
        found = stores.trash.list(collection.id, limit + 1, cursor, guard_of(actor))
        shown = found[:limit]
        return TrashPage(shown, _names(stores.schema), shown[-1].id if len(found) > limit else None)

    def restore(
        self, name: str, id: str, *, clear: Names[str] = (), actor: Actor, request: str = "", keep: Keep = unkept
    ) -> Restored:
        """The record is back, with everything that was deleted because of it, or nothing is: Conflict (`not_restorable`) lists what
        stands against it. `clear` names relations that may stay empty where what they point at is gone. `request` is the id that
        its events repeat."""
        require(actor, EDIT, "the trash is")
        restoration = Restoration(self._work, self._rulebook, self._tools, self._clock.now(), frozenset(clear))
        origin = Origin(actor, request)
        return self._work.run(lambda stores: keep(stores, self._restore(stores, name, id, restoration, origin)))

    def _restore(self, stores: Stores, name: str, id: str, restoration: Restoration, origin: Origin) -> Restored:
        stores.outbox.attribute(origin)
        root, others = self._found(stores, name, id, origin.actor)
        restored = restoration.carry_out(stores, root, others, origin.actor)
        self._tell(stores, "records.restore", name, origin.actor, root.record, origin.request)
        return restored

    def remove(self, name: str, id: str, *, actor: Actor, keep: Keep = unkept) -> None:
        """The record is gone for good, with everything that was deleted because of it."""
        require(actor, EDIT, "the trash is")

        def body(stores: Stores) -> None:
            self._remove(stores, name, id, actor)
            keep(stores, None)

        self._work.run(body)

    def _remove(self, stores: Stores, name: str, id: str, actor: Actor) -> None:
        root, others = self._found(stores, name, id, actor)
        stores.trash.remove([root.id, *(each.id for each in others)])
        _erase_told(stores, [each.key for each in (root, *others)])
        self._tell(stores, "trash.remove", name, actor, root.record)

    def empty(self, name: str, *, actor: Actor, keep: Keep = unkept) -> int:
        """Everything in the trash of this collection is gone for good; how much it was."""
        require(actor, EDIT, "the trash is")
        return self._work.run(lambda stores: keep(stores, self._empty(stores, name, actor)))

    def _empty(self, stores: Stores, name: str, actor: Actor) -> int:
        collection = _entered(stores, name, actor).id
        _erase_told(stores, [(collection, record) for record in stores.trash.records(collection)])
        count = stores.trash.empty(collection)
        self._tell(stores, "trash.empty", name, actor)
        return count

    def _tell(self, stores: Stores, event: str, name: str, actor: Actor, id: str = "", request: str = "") -> None:
        change = TrashChange(event=event, actor=actor, request=request, collection=name, id=id)
        happens(stores, change, write_instant(self._clock.now()), stores.schema.collection(name))

    def _found(self, stores: Stores, name: str, id: str, actor: Actor) -> tuple[Entry, Sequence[Entry]]:
        """The entry, and those that went because of it."""
        collection = _entered(stores, name, actor)
        root = stores.trash.find(collection.id, id)
        if root is None:
            raise NotFound("there is no such record in the trash", hint="it may have been restored, or its time is over")
        others = [each for each in stores.trash.of_deletion(root.deletion) if each.id != root.id]
        standing = _standing(stores, [key for each in others for key in each.went_with])
        return root, followers(root, others, standing.__contains__)


def _standing(stores: Stores, keys: Sequence[Key]) -> frozenset[Key]:
    """Those of these records that are there."""
    wanted: dict[str, list[str]] = {}
    for collection_id, id in dict.fromkeys(keys):
        wanted.setdefault(collection_id, []).append(id)
    known = {each.id: each for each in stores.schema.collections.values()}
    return frozenset(
        (collection_id, id)
        for collection_id, ids in wanted.items()
        if collection_id in known
        for id in stores.records.standing(known[collection_id], ids)
    )


def _erase_told(stores: Stores, keys: Sequence[Key]) -> None:
    """What is gone for good is gone from what was told of it, and from answers that are kept, too."""
    records: dict[str, list[str]] = {}
    for collection, record in keys:
        records.setdefault(collection, []).append(record)
    for collection, found in records.items():
        stores.outbox.erase(collection, found)
    if keys:
        erase_answers(stores, {record for _, record in keys})


def _known(stores: Stores, name: str, actor: Actor) -> Collection:
    """For a read: the statement that follows checks version and account. A name that this process does not know may be new."""
    try:
        return stores.schema.collection(name)
    except Problem:
        stores.records.check_guard(guard_of(actor))
        raise


def _entered(stores: Stores, name: str, actor: Actor) -> Collection:
    """For a write, once it is sure that the admin still stands."""
    stores.records.check_guard(guard_of(actor))
    return stores.schema.collection(name)


def _names(schema: Schema) -> Mapping[str, str]:
    return {each.id: each.name for each in schema.collections.values()}
