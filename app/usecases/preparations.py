"""What a write of sign-in data takes before its transaction: hashing is slow, and nobody waits in line for it.

It is made under the schema that this process knows; a transaction that finds another one asks for it again.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from app.usecases.passwords import NOTHING, PasswordDesk, Prepared, owed_for_change, owed_for_new
from app.usecases.requests import Request
from domain.actor import Actor
from domain.errors import Problem, Unavailable
from domain.records.batches import Operation, of_operation
from domain.records.page import Shown
from domain.records.visibility import rule_for
from domain.rules.values import RequestFacts
from domain.schema.collection import Collection, Schema
from ports.unit_of_work import Stores, UnitOfWork

T = TypeVar("T")
P = TypeVar("P")
Write = Callable[[Stores, Prepared], Shown]
_PREPARATIONS = 3


class PreparedForAnother(Exception):
    """What was prepared belongs to another schema than the transaction's."""


def check_prepared(prepared: Prepared, owed: str | None) -> None:
    if prepared.collection_id != owed:
        raise PreparedForAnother


class Preparations:
    """`moment` tells now, where a schema has names that end."""

    def __init__(self, work: UnitOfWork, passwords: PasswordDesk, moment: Callable[[Schema], str]) -> None:
        self._work, self._passwords, self._moment = work, passwords, moment

    def for_new(self, name: str, request: Request, write: Write) -> Shown:
        return self._written(request, lambda: self._of_new(name, request), write)

    def for_change(self, name: str, id: str, request: Request, write: Write) -> Shown:
        return self._written(request, lambda: self._of_change(name, id, request), write)

    def for_each(
        self, operations: Sequence[Operation], actor: Actor, facts: RequestFacts, write: Callable[[Stores, Sequence[Prepared]], T]
    ) -> T:
        """For a batch: what each operation needs, in their order."""
        return self._written(Request(actor, facts), lambda: self._of_each(operations, actor, facts), write)

    def _of_each(self, operations: Sequence[Operation], actor: Actor, facts: RequestFacts) -> list[Prepared]:
        known = {name: self._known(name) for name in {each.collection for each in operations}}
        accounts = {name for name, collection in known.items() if collection is not None and collection.is_accounts}
        return [
            self._of(at, each, actor, facts) if each.collection in accounts else NOTHING for at, each in enumerate(operations)
        ]

    def _of(self, at: int, operation: Operation, actor: Actor, facts: RequestFacts) -> Prepared:
        request = Request(actor, facts, operation.values)
        try:
            if operation.method == "create":
                return self._of_new(operation.collection, request)
            if operation.method == "update" and isinstance(operation.id, str):
                return self._of_change(operation.collection, operation.id, request)
        except Problem as refused:
            told = of_operation(at, operation, refused, "/values")
            raise told from refused
        return NOTHING

    def _written(self, request: Request, prepare: Callable[[], P], write: Callable[[Stores, P], T]) -> T:
        """Prepares under the schema that this process knows, then writes; where the transaction finds another one (which brings
        this process up to date), once more."""
        for _ in range(_PREPARATIONS):
            prepared = self._prepared(request, prepare)
            try:
                return self._work.run(lambda stores: write(stores, prepared))  # noqa: B023 - run at once
            except PreparedForAnother:
                continue
        raise Unavailable("collections are being changed at the moment", code="schema_moving")

    def _prepared(self, request: Request, prepare: Callable[[], P]) -> P:
        """A refusal from here rests on what this process knows: it holds if that is the present schema."""
        try:
            return prepare()
        except Problem:
            known = self._work.read(lambda stores: stores.schema.version)
            if self._work.read(lambda stores: self._present_version(stores, request)) == known:
                raise
            return prepare()

    def _present_version(self, stores: Stores, request: Request) -> int:
        stores.records.check_guard(request.guard)
        return stores.schema.version

    def _of_new(self, name: str, request: Request) -> Prepared:
        collection = self._known(name)
        if collection is None or not owed_for_new(collection) or not self._is_open(collection, "create", request.actor):
            return NOTHING
        return self._passwords.for_new(collection, request.body or {}, request.actor, request.facts)

    def _of_change(self, name: str, id: str, request: Request) -> Prepared:
        collection, body = self._known(name), request.body or {}
        if collection is None or not owed_for_change(collection, body) or not self._is_open(collection, "update", request.actor):
            return NOTHING
        return self._passwords.for_change(collection, id, body, request.actor, request.facts.visit)

    def _known(self, name: str) -> Collection | None:
        schema = self._work.glimpse()
        return schema.collections.get(name) or schema.called_before(name, self._moment(schema))

    def _is_open(self, collection: Collection, action: str, actor: Actor) -> bool:
        """Nobody makes us hash for what only admins may do; the transaction then says why not."""
        try:
            rule_for(collection, action, actor)
        except Problem:
            return False
        return True
