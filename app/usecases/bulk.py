"""Changes and deletions of all records that a filter chooses, in one transaction: all of them, or none.

They are those that the actor may list, so that their number tells nothing more than the list does. Where one of them may not be
changed or deleted, nothing is: leaving it out would be less than was asked for, without a word.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.usecases.deletion import delete_with_relations
from app.usecases.dry_runs import settled
from app.usecases.idempotency import Keep
from app.usecases.limits import LimitUseCases
from app.usecases.passwords import NOTHING, owed_for_change
from app.usecases.record_reads import RecordReads
from app.usecases.record_writes import RecordWrites
from app.usecases.requests import Request
from app.usecases.rulebook import Rulebook
from domain.accounts.roles import check_write
from domain.errors import Forbidden, Invalid, NotFound, Unavailable, invalid
from domain.records.bulk import MAX_BULK, check_expected
from domain.records.page import ListQuery
from domain.records.reading import Reading
from domain.rules.shape import shape
from domain.schema.aliases import Deprecated
from domain.schema.collection import Collection
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.unit_of_work import Stores, UnitOfWork

Write = Callable[[Stores], "Done"]

_TURNS = 5


@dataclass(frozen=True, slots=True)
class Chosen:
    """`filter` as in a list; `expect` is how many records the client means."""

    filter: str
    expect: int


@dataclass(frozen=True, slots=True)
class Done:
    count: int
    deprecated: Deprecated | None = None


class BulkWrites:
    def __init__(
        self, work: UnitOfWork, rulebook: Rulebook, limits: LimitUseCases, reads: RecordReads, writes: RecordWrites, clock: Clock, ids: Ids
    ) -> None:
        self._work, self._rulebook, self._limits = work, rulebook, limits
        self._reads, self._writes = reads, writes
        self._clock, self._ids = clock, ids

    def update(self, name: str, chosen: Chosen, request: Request, keep: Keep) -> Done:
        """Each of them as a change of its own would change it; an event for each."""
        if not request.body:
            raise invalid("", "invalid_record", "the body names no field to change")
        self._admit(name, "update", chosen, request)
        now = write_instant(self._clock.now())

        def write(stores: Stores) -> Done:
            collection = self._writes.entered(stores, name, request)
            if owed_for_change(collection, request.body or {}) is not None:
                hint = "change each account by itself"
                raise Invalid("sign-in data is not changed for many accounts at once", code="not_supported", hint=hint)
            ids, told = self._held(stores, collection, name, chosen, request, "update")
            for id in ids:
                self._changed(stores, collection, name, id, request, now)
            return Done(len(ids), told)

        return self._settled(write, request, keep)

    def delete(self, name: str, chosen: Chosen, request: Request, keep: Keep) -> Done:
        """With what their relations ask for; an event for each."""
        self._admit(name, "delete", chosen, request)
        now = write_instant(self._clock.now())

        def write(stores: Stores) -> Done:
            collection = self._writes.entered(stores, name, request)
            ids, told = self._held(stores, collection, name, chosen, request, "delete")
            delete_with_relations(stores, collection, ids, actor=request.actor, now=now, new_ids=self._ids)
            return Done(len(ids), told)

        return self._settled(write, request, keep)

    def _settled(self, write: Write, request: Request, keep: Keep) -> Done:
        return settled(
            lambda keep: self._work.run(lambda stores: keep(stores, write(stores))), keep, dry_run=request.dry_run
        )

    def _admit(self, name: str, action: str, chosen: Chosen, request: Request) -> None:
        """A limit of the collection counts each record: one request is no way around it."""
        if request.facts.visit is not None:
            self._limits.admit_each(request.facts.visit, request.actor, [(name, action)] * chosen.expect)

    def _held(
        self, stores: Stores, collection: Collection, name: str, chosen: Chosen, request: Request, action: str
    ) -> tuple[Sequence[str], Deprecated | None]:
        """The ids of the records that are meant, held against other writers in the order of their ids. Whether they are the same is
        asked again once they are held, since others may have changed them before."""
        ruling = self._rulebook.rule(stores.schema, collection, action, request.actor)
        check_write(request.actor, collection, None, request.body or {})
        found, told = self._found(stores, name, chosen, request)
        for _ in range(_TURNS):
            check_expected(len(found), chosen.expect)
            stores.records.hold(collection, found)
            before, (found, told) = found, self._found(stores, name, chosen, request)
            if found == before:
                break
        else:
            raise Unavailable("other changes came in between again and again", code="contended")
        where = shape(ruling.condition, self._reads.values(stores, ruling, request))
        if len(stores.records.among(Reading(collection, ("id",), where), found)) != len(found):
            raise _not_all(action)
        return found, told

    def _found(self, stores: Stores, name: str, chosen: Chosen, request: Request) -> tuple[Sequence[str], Deprecated | None]:
        """Without the body: a list rule must not be answered by what is about to be written."""
        plain = Request(request.actor, request.facts)
        asked = self._reads.asked(stores, name, ListQuery(chosen.filter, limit=MAX_BULK + 1, fields="id"), plain)
        rows = stores.records.list(asked.reading, asked.window, plain.guard).rows
        return sorted(row[0] for row in rows), asked.deprecated

    def _changed(self, stores: Stores, collection: Collection, name: str, id: str, request: Request, now: str) -> None:
        try:
            self._writes.update_in(stores, collection, name, id, request, now, NOTHING, None)
        except NotFound as hidden:  # by a rule that asks for what the changes before this one have changed
            raise _not_all("update") from hidden


def _not_all(action: str) -> Forbidden:
    hint = "narrow the filter to those for which you may"
    return Forbidden(f"the filter chooses records for which you may not {action}; nothing was done", hint=hint)
