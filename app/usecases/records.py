"""List, show, create, change and delete records, under the collection's rules.

What happens in a transaction that writes is in `record_writes`; this opens it, once what takes long is prepared.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.usecases.aggregates import Aggregates
from app.usecases.batch import Batches, Result
from app.usecases.bulk import BulkWrites, Chosen, Done
from app.usecases.dry_runs import settled
from app.usecases.idempotency import Keep, unkept
from app.usecases.limits import LimitUseCases
from app.usecases.passwords import PasswordDesk
from app.usecases.placing import Placing
from app.usecases.preparations import Preparations
from app.usecases.record_reads import RecordReads
from app.usecases.record_writes import IfMatches, RecordWrites
from app.usecases.requests import Request
from app.usecases.rulebook import Rulebook
from domain.actor import Actor
from domain.errors import Problem, Unavailable
from domain.records.aggregates import AggregateQuery, Groups
from domain.records.batches import Operation
from domain.records.draft import Moment
from domain.records.page import ListQuery, Page, Shown
from domain.rules.values import RequestFacts
from domain.schema.aliases import Deprecated
from domain.schema.fields import Tools
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.observer import Observer
from ports.unit_of_work import Stores, UnitOfWork


class RecordUseCases:
    def __init__(
        self,
        work: UnitOfWork,
        rulebook: Rulebook,
        passwords: PasswordDesk,
        limits: LimitUseCases,
        placing: Placing,
        tools: Tools,
        clock: Clock,
        ids: Ids,
        observer: Observer,
    ) -> None:
        self._work, self._rulebook = work, rulebook
        self._placing, self._clock = placing, clock
        self._reads = RecordReads(rulebook, clock, observer)
        self._aggregates = Aggregates(rulebook, self._reads)
        self._writes = RecordWrites(rulebook, self._reads, tools, ids, observer)
        self._preparations = Preparations(work, passwords, self._reads.moment)
        self._bulk = BulkWrites(work, rulebook, limits, self._reads, self._writes, clock, ids)
        self._batches = Batches(work, rulebook, self._preparations, limits, placing, self._reads, self._writes, tools, clock, ids)

    # --- reading

    def list(self, name: str, query: ListQuery, *, actor: Actor, facts: RequestFacts) -> Page:
        """The records that the actor may list and the filter chooses: one statement, and one for each relation expanded."""
        request = Request(actor, facts)
        return self._work.read(
            lambda stores: self._checked(stores, request, lambda: self._reads.list(stores, name, query, request)),
            snapshot=bool(query.expand),
        )

    def get(
        self, name: str, id: str, *, actor: Actor, facts: RequestFacts, fields: str = "", expand: str = ""
    ) -> Shown:
        """The record, in one statement; NotFound where it is missing or its view rule hides it."""
        request = Request(actor, facts)
        return self._work.read(
            lambda stores: self._checked(stores, request, lambda: self._reads.get(stores, name, id, request, fields, expand)),
            snapshot=bool(expand),
        )

    def aggregate(self, name: str, query: AggregateQuery, *, actor: Actor, facts: RequestFacts) -> Groups:
        """The records that the actor may list and the filter chooses, counted and measured by groups: one statement."""
        request = Request(actor, facts)
        return self._work.read(
            lambda stores: self._checked(stores, request, lambda: self._aggregates.groups(stores, name, query, request))
        )

    def query_names(self, name: str) -> frozenset[str]:
        """Query parameters that rules of this collection read, so that a door lets them through."""
        return self._work.read(lambda stores: self._query_names(stores, name))

    def _query_names(self, stores: Stores, name: str) -> frozenset[str]:
        stores.records.check_guard(None)
        schema = stores.schema
        collection = schema.collections.get(name) or schema.called_before(name, self._reads.moment(schema))
        return self._rulebook.query_names(stores.schema, collection) if collection else frozenset()

    def _checked(self, stores: Stores, request: Request, body: Callable[[], Any]) -> Any:
        """A refusal that came before any statement may rest on an old schema or a dead account: the database is asked first."""
        try:
            request.facts.recheck(stores.schema)
            return body()
        except Unavailable:
            raise  # no refusal; and a transaction in which PostgreSQL gave up waiting answers nothing more
        except Problem:
            stores.records.check_guard(request.guard)
            raise

    # --- writing

    def create(
        self, name: str, body: Mapping[str, Any], *, actor: Actor, facts: RequestFacts, keep: Keep = unkept, dry_run: bool = False,
        new_id: str = "",
    ) -> Shown:  # fmt: skip
        """A new record under the create rule; Forbidden where the rule says no, before a unique index could tell anything. A dry run
        is judged and answered, and keeps nothing; the same goes for changes and deletions. `new_id` is one of ours that was given
        before, where its files have come already."""

        def create(keep: Keep) -> Shown:
            with self._placing.placed(name, None, body, actor=actor, facts=facts, new_id=new_id, dry_run=dry_run) as placed:
                request = Request(actor, facts, placed.body, name, dry_run)
                moment = Moment(write_instant(self._clock.now()), placed.id)
                return self._preparations.for_new(
                    name, request,
                    lambda stores, prepared: keep(
                        stores, placed.spent(stores, self._writes.create(stores, name, request, moment, prepared))
                    ),
                )  # fmt: skip

        return settled(create, keep, dry_run=dry_run)

    def update(
        self,
        name: str,
        id: str,
        body: Mapping[str, Any],
        *,
        actor: Actor,
        facts: RequestFacts,
        if_match: IfMatches = None,
        only_if: str = "",
        keep: Keep = unkept,
        dry_run: bool = False,
    ) -> Shown:
        """The record with the named fields changed, in one UPDATE that carries the rule, the version and the limits of
        increments; PreconditionFailed where `if_match` names other versions, or the condition `only_if` does not hold."""

        def update(keep: Keep) -> Shown:
            with self._placing.placed(name, id, body, actor=actor, facts=facts, dry_run=dry_run) as placed:
                request = Request(actor, facts, placed.body, name, dry_run)
                now = write_instant(self._clock.now())
                return self._preparations.for_change(
                    name, id, request,
                    lambda stores, prepared: keep(
                        stores, placed.spent(stores, self._writes.update(stores, name, id, request, now, prepared, if_match, only_if))
                    ),
                )  # fmt: skip

        return settled(update, keep, dry_run=dry_run)

    def delete(
        self, name: str, id: str, *, actor: Actor, facts: RequestFacts, if_match: IfMatches = None, only_if: str = "", keep: Keep = unkept,
        dry_run: bool = False,
    ) -> Deprecated | None:  # fmt: skip
        """The record goes, and what points at it is deleted, cleared or stands in the way, as each relation says. What is to be told of
        an old name of the collection, if that was used."""
        request = Request(actor, facts)
        now = write_instant(self._clock.now())

        def delete(keep: Keep) -> Deprecated | None:
            return self._work.run(lambda stores: keep(stores, self._writes.delete(stores, name, id, request, now, if_match, only_if)))

        return settled(delete, keep, dry_run=dry_run)

    def batch(
        self, operations: Sequence[Operation], *, actor: Actor, facts: RequestFacts, dry_run: bool = False, keep: Keep = unkept
    ) -> Sequence[Result]:
        """All of these operations in one transaction, or none: what each did. A refusal names the operation that it is about. In a dry
        run everything is judged, and nothing kept."""

        def carry_out(keep: Keep) -> Sequence[Result]:
            return self._batches.run(operations, actor=actor, facts=facts, dry_run=dry_run, keep=keep)

        return settled(carry_out, keep, dry_run=dry_run)

    def update_all(
        self, name: str, chosen: Chosen, body: Mapping[str, Any], *, actor: Actor, facts: RequestFacts, keep: Keep = unkept,
        dry_run: bool = False,
    ) -> Done:  # fmt: skip
        """Each record that the filter chooses is changed, or none; PreconditionFailed where they are not as many as expected."""
        return self._bulk.update(name, chosen, Request(actor, facts, body, name, dry_run), keep)

    def delete_all(
        self, name: str, chosen: Chosen, *, actor: Actor, facts: RequestFacts, keep: Keep = unkept, dry_run: bool = False
    ) -> Done:
        """Each record that the filter chooses goes, or none, as in `update_all`."""
        return self._bulk.delete(name, chosen, Request(actor, facts, None, name, dry_run), keep)
