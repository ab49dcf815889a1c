"""Sign-ups without a password, of people whom somebody else vouches for: they are creates under the collection's create rule."""

from collections.abc import Mapping
from typing import Any

from app.usecases.passwords import Prepared
from app.usecases.record_writes import RecordWrites
from app.usecases.requests import Request
from domain.accounts.identities import Identity
from domain.accounts.sign_ups import values_of
from domain.actor import GUEST
from domain.errors import Fault, Invalid
from domain.records.changes import Changes
from domain.records.draft import Moment, not_writable, stamps
from domain.rules.shape import ANYTHING
from domain.rules.values import RequestFacts
from domain.schema.collection import PASSWORD, Collection
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.unit_of_work import Stores


class SignUps:
    def __init__(self, writes: RecordWrites, clock: Clock, ids: Ids) -> None:
        self._writes, self._clock, self._ids = writes, clock, ids

    def by_provider(
        self, stores: Stores, collection: Collection, identity: Identity, values: Mapping[str, Any], facts: RequestFacts
    ) -> str:
        """The id of the new account. Its address is the one that the provider vouches for, and no other; where there is none it is the
        one in `values`, which nobody has proved."""
        closed = [PASSWORD, *(["email"] if identity.email else [])]
        faults = tuple(_under_values(not_writable(name)) for name in closed if name in values)
        if faults:
            raise Invalid(faults[0].detail, code="invalid_record", faults=faults)
        request = Request(GUEST, facts, values_of(identity, collection, values), collection.name)
        moment = Moment(write_instant(self._clock.now()), self._ids.new())
        prepared = Prepared(collection.id, {"password_hash": None, "epoch": 1})
        try:
            stores.outbox.attribute(request.origin)
            made = self._writes.create_in(stores, collection, collection.name, request, moment, prepared)
        except Invalid as refused:
            faults = tuple(map(_under_values, refused.faults))
            raise Invalid(refused.detail, code=refused.code, hint=refused.hint, faults=faults) from refused
        if identity.email:
            proved = {"verified": True, **stamps(collection, moment.now)}
            stores.records.update(collection, made.id, Changes(proved), ANYTHING)
        return made.id


def _under_values(fault: Fault) -> Fault:
    return Fault(f"/values{fault.pointer}", fault.code, fault.detail)
