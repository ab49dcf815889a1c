"""The audit trail: use cases note in it what they do, in the same transaction, and owners read it."""

from collections.abc import Sequence

from domain.accounts.audit import Entry, Wanted, entry
from domain.accounts.factors import own
from domain.accounts.roles import RUN, require
from domain.actor import Actor
from domain.errors import invalid
from domain.records.reading import guard_of
from domain.rules.values import RequestFacts
from domain.schema.fields.relations import RECORD_ID
from ports.unit_of_work import Stores, UnitOfWork

EVERYTHING = Wanted()


class AuditUseCases:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    def list(self, *, limit: int, cursor: str | None = None, wanted: Wanted = EVERYTHING, actor: Actor) -> Sequence[Entry]:
        """The newest first."""
        require(actor, RUN, "the audit trail is")
        _check_cursor(cursor)

        def body(stores: Stores) -> Sequence[Entry]:
            stores.records.check_guard(guard_of(actor))
            return stores.audit.list(limit, cursor, wanted)

        return self._work.read(body)

    def own(self, name: str, *, limit: int, cursor: str | None = None, actor: Actor) -> Sequence[Entry]:
        """What the actor's account did and what was done to it; the newest first."""
        own(actor, name)
        _check_cursor(cursor)

        def body(stores: Stores) -> Sequence[Entry]:
            stores.records.check_guard(guard_of(actor))
            return stores.audit.about(actor.id, cursor, limit)

        return self._work.read(body)


def _check_cursor(cursor: str | None) -> None:
    if cursor is not None and not RECORD_ID.fullmatch(cursor):
        raise invalid("cursor", "invalid_cursor", "this is not a cursor that a list gave", hint="start the list again without a cursor")


def note(
    stores: Stores, id: str, now: str, action: str, target: str, *, actor: Actor, facts: RequestFacts | None = None, detail: str = ""
) -> None:
    address = facts.visit.address if facts and facts.visit else ""
    request = facts.request_id if facts else ""
    stores.audit.add(entry(id, now, action, target, actor=actor, address=address, request=request, detail=detail))
