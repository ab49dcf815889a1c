"""What happens inside a transaction that changes records: `RecordUseCases` opens it, and batches run many of these in one."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from app.usecases.admission import asks_anew, keep_an_owner, keep_sessions, shut_out
from app.usecases.audit import note
from app.usecases.conditions import WriteCondition, write_condition
from app.usecases.deletion import delete_with_relations
from app.usecases.factor_proofs import factors_of
from app.usecases.hooked_records import CREATE, UPDATE, asked_of_change, asked_of_new, password_changes
from app.usecases.passing import draft_passes, kept_passes
from app.usecases.passwords import Prepared, owed_for_change, owed_for_new
from app.usecases.preparations import check_prepared
from app.usecases.puzzles import use_up
from app.usecases.reasons import Subject
from app.usecases.record_reads import RecordReads, deprecated, entered
from app.usecases.requests import Request
from app.usecases.rulebook import OPEN, Rulebook, Ruling
from app.usecases.sights import Pen
from domain.accounts.audit import named
from domain.accounts.roles import check_write
from domain.actor import ADMINS, GUEST, Actor
from domain.errors import Conflict, Fault, Forbidden, Invalid, PreconditionFailed, Problem
from domain.records.changes import Changes, IfMatch
from domain.records.draft import Author, Moment, changes, draft, not_writable
from domain.records.dry_runs import check_dry_run
from domain.records.page import Shown
from domain.records.visibility import in_present_names, told_without
from domain.rules.shape import Bound, shape
from domain.schema.account_fields import DISABLED
from domain.schema.aliases import Deprecated
from domain.schema.collection import PASSWORD, Collection
from domain.schema.fields import Tools
from ports.clock import Ids
from ports.observer import Observer, RequestRefusedByRule
from ports.unit_of_work import Stores

IfMatches = tuple[IfMatch, ...] | None


class RecordWrites:
    def __init__(self, rulebook: Rulebook, reads: RecordReads, tools: Tools, ids: Ids, observer: Observer) -> None:
        self._rulebook, self._reads, self._tools = rulebook, reads, tools
        self._ids, self._observer = ids, observer

    def create(self, stores: Stores, name: str, request: Request, moment: Moment, prepared: Prepared) -> Shown:
        return self.create_in(stores, self.entered(stores, name, request), name, request, moment, prepared)

    def create_in(
        self, stores: Stores, collection: Collection, name: str, request: Request, moment: Moment, prepared: Prepared
    ) -> Shown:
        """The same in a transaction that was entered before; `name` is what the request calls the collection."""
        return self._as_named(
            stores, collection, name, request, lambda present: self._created(stores, collection, present, moment, prepared), creating=True
        )

    def _created(self, stores: Stores, collection: Collection, request: Request, moment: Moment, prepared: Prepared) -> Shown:
        ruling = self._rulebook.rule(stores.schema, collection, "create", request.actor)
        check_write(request.actor, collection, None, request.body or {})
        check_prepared(prepared, owed_for_new(collection))
        where = self._bound(stores, ruling, request, creating=True)
        if where.constant is False:
            # Whoever may create nothing here is not told what a record would need.
            raise self._forbidden(stores, collection, request, None)
        if request.dry_run:
            check_dry_run(collection, request.body or {}, request.actor)
        pen, hooked = self._reads.pen(stores, collection, request, creating=True), stores.hooks.any_of(CREATE, collection.name)
        author = author_of(request.actor, pen)
        with telling_without(pen.unknown):
            made = draft(collection, request.body or {}, author=author, moment=moment, tools=self._tools, complete=not hooked)
        made = replace(made, values={**made.values, **prepared.values}, secrets=prepared.secrets)
        if not draft_passes(stores, collection, made.values, ruling, where):
            raise self._forbidden(stores, collection, request, made.values)
        self._check_writes(stores, collection, made.values, request, pen)
        if hooked:
            with telling_without(pen.unknown):
                made = asked_of_new(stores, collection, made, request.actor, request.facts.request_id, self._tools)
        self._satisfy_checks(stores, collection, made.values, request, kept=False)
        with telling_without(pen.unknown):
            stores.records.insert(collection, made)
        use_up(stores, prepared.puzzle, moment.now)
        self._note(stores, collection, made.values["id"], "admin.created", request, made.values["created"])
        return self._written(stores, collection, made.values, request)

    def update(
        self,
        stores: Stores,
        name: str,
        id: str,
        request: Request,
        now: str,
        prepared: Prepared,
        if_match: IfMatches,
        only_if: str = "",
    ) -> Shown:
        return self.update_in(stores, self.entered(stores, name, request), name, id, request, now, prepared, if_match, only_if)

    def update_in(
        self, stores: Stores, collection: Collection, name: str, id: str, request: Request, now: str, prepared: Prepared,
        if_match: IfMatches, only_if: str = "",
    ) -> Shown:  # fmt: skip
        return self._as_named(
            stores, collection, name, request,
            lambda present: self._updated(stores, collection, id, present, now, prepared, if_match, only_if),
        )  # fmt: skip

    def _updated(
        self, stores: Stores, collection: Collection, id: str, request: Request, now: str, prepared: Prepared, if_match: IfMatches,
        only_if: str = "",
    ) -> Shown:  # fmt: skip
        ruling = self._rulebook.rule(stores.schema, collection, "update", request.actor)
        check_write(request.actor, collection, id, request.body or {})
        if request.dry_run:
            check_dry_run(collection, request.body or {}, request.actor)
        check_prepared(prepared, owed_for_change(collection, request.body or {}))
        pen = self._reads.pen(stores, collection, request)
        asked = changes(
            collection,
            request.body or {},
            author=author_of(request.actor, pen),
            now=now,
            tools=self._tools,
            if_match=if_match,
        )
        where = self._bound(stores, ruling, request)
        condition = write_condition(self._rulebook, self._reads, stores, collection, only_if, request)
        if not request.body:
            return self._unchanged(stores, collection, id, request, where, if_match, condition)
        if condition is not None and not condition.alone:
            self._held(stores, collection, id, request, where, condition, "update")
        writes = {name: ruling for name, (_, ruling) in pen.asked_of(request.body).items()}
        joined = self._rulebook.joined(stores.schema, collection, ruling, writes)
        needed = self._bound(stores, joined, request) if writes else where
        if condition is not None and condition.alone:
            needed = condition.with_rule(stores, needed)
        if stores.hooks.any_of(UPDATE, collection.name):
            record = self._held(stores, collection, id, request, where, condition, "update")
            if not stores.records.matches(collection, id, needed):
                raise self._why_unchanged(stores, collection, id, request, asked, where, pen, condition)
            _check_version(record, if_match)
            with telling_without(pen.unknown):
                asked = asked_of_change(stores, collection, record, asked, request, author_of(request.actor, pen), now, self._tools)
        keep_an_owner(stores, collection, [id], asked.values)
        ends, anew = prepared.collection_id is not None, asks_anew(self._rulebook, stores.schema, collection, asked)
        asked = replace(asked, secrets=prepared.secrets, end_sessions=ends or anew)
        with telling_without(pen.unknown):
            after = stores.records.update(collection, id, asked, needed)
        if after is None:
            raise self._why_unchanged(stores, collection, id, request, asked, where, pen, condition)
        if PASSWORD in (request.body or {}) and collection.is_accounts:
            password_changes(stores, collection, id, request, now)
        if asked.values.get(DISABLED):
            self._shut_out(stores, collection, id, request, now)
        elif asked.end_sessions:
            admitted = partial(self._admitted, stores, collection, id, request)
            keep_sessions(stores, collection, id, request.actor, all_of_them=not ends, admitted=admitted)
        self._satisfy_checks(stores, collection, after, request, kept=True)
        self._note(stores, collection, id, "admin.changed", request, now)
        return self._written(stores, collection, after, request)

    def delete(
        self, stores: Stores, name: str, id: str, request: Request, now: str, if_match: IfMatches, only_if: str = ""
    ) -> Deprecated | None:
        collection = self.entered(stores, name, request)
        self.delete_in(stores, collection, id, request, now, if_match, only_if)
        return deprecated(collection, name, (), now)

    def delete_in(
        self, stores: Stores, collection: Collection, id: str, request: Request, now: str, if_match: IfMatches, only_if: str = ""
    ) -> None:
        ruling = self._rulebook.rule(stores.schema, collection, "delete", request.actor)
        check_write(request.actor, collection, id, {})
        where = self._bound(stores, ruling, request)
        condition = write_condition(self._rulebook, self._reads, stores, collection, only_if, request)
        record = self._held(stores, collection, id, request, where, condition, "delete")
        _check_version(record, if_match)
        delete_with_relations(stores, collection, [id], actor=request.actor, now=now, new_ids=self._ids)

    def _admitted(self, stores: Stores, collection: Collection, id: str, request: Request) -> bool:
        """Whether the account may sign in, as it is now, and has the second factor that it may have to have."""
        auth, factor, plain = collection.rules.auth, collection.rules.second_factor, Request(GUEST, request.facts)
        if auth is None:
            return False
        admitting = self._rulebook.admission(stores.schema, collection, auth)
        if not stores.records.matches(collection, id, self._bound(stores, admitting, plain)):
            return False
        if factor is None or factors_of(stores, collection, id):
            return True
        binding = self._rulebook.condition(stores.schema, collection, factor) if factor else OPEN
        return not stores.records.matches(collection, id, self._bound(stores, binding, plain))

    def _shut_out(self, stores: Stores, collection: Collection, id: str, request: Request, now: str) -> None:
        for key in shut_out(stores, collection, id):
            note(stores, self._ids.new(), now, "key.revoked", key, actor=request.actor, facts=request.facts)

    def _note(self, stores: Stores, collection: Collection, id: str, action: str, request: Request, now: str) -> None:
        """Who gets or loses power over the backend; which fields were written, never with what."""
        if collection.name == ADMINS:
            detail = named(request.body or {})
            note(stores, self._ids.new(), now, action, id, actor=request.actor, facts=request.facts, detail=detail)

    def entered(self, stores: Stores, name: str, request: Request) -> Collection:
        """The collection that a write goes to, once it is sure that the actor still stands; what follows is done in its name."""
        stores.outbox.attribute(request.origin)
        if request.guard is not None:
            stores.records.check_guard(request.guard)
        request.facts.recheck(stores.schema)
        return entered(stores.schema, name, self._reads.moment(stores.schema))

    def _as_named(
        self, stores: Stores, collection: Collection, name: str, request: Request, write: Callable[[Request], Shown],
        *, creating: bool = False,
    ) -> Shown:  # fmt: skip
        """A write whose body and address may have old names: it goes on under the present ones, and is told as it was asked."""
        if not collection.aliases:
            return write(request)
        now, body = self._reads.moment(stores.schema), request.body or {}
        before = self._known_before(stores, collection, request, collection.called_before(now), creating=creating)
        with _told_as_sent({present: old for old, present in before.items() if old in {key.rstrip("+-") for key in body}}):
            shown = write(replace(request, body=in_present_names(body, before), into=collection.name))
        used = {*shown.names, *(key.rstrip("+-") for key in body)}
        return replace(shown, deprecated=deprecated(collection, name, used, now))

    def _known_before(
        self, stores: Stores, collection: Collection, request: Request, before: Mapping[str, str], *, creating: bool
    ) -> Mapping[str, str]:
        """Old names of fields that this actor may know of. A refusal says what a field is called now, so that the old name of one that
        is hidden from it has to be as unknown as any."""
        self._rulebook.rule(stores.schema, collection, "create" if creating else "update", request.actor)
        body = {before.get(key, key): value for key, value in (request.body or {}).items()}
        unknown = self._reads.pen(stores, collection, replace(request, body=body), creating=creating).unknown
        return {old: present for old, present in before.items() if present not in unknown}

    def _bound(self, stores: Stores, ruling: Ruling, request: Request, *, creating: bool = False) -> Bound:
        return shape(ruling.condition, self._reads.values(stores, ruling, request, creating=creating))

    def _forbidden(
        self, stores: Stores, collection: Collection, request: Request, record: Mapping[str, Any] | None
    ) -> Forbidden:
        because: tuple[str, ...] = ()
        if self._observer.wants(RequestRefusedByRule):
            subject = Subject(record, partial(draft_passes, stores, collection, record or {}), creating=True)
            because = self._reads.reasons(stores, collection, request, subject).of("create rule", collection.rules.create).because
        self._observer.observe(RequestRefusedByRule(collection.name, "create", collection.rules.create, because))
        return Forbidden(f"the create rule of `{collection.name}` does not allow this record")

    def _unchanged(
        self, stores: Stores, collection: Collection, id: str, request: Request, where: Bound, if_match: IfMatches,
        condition: WriteCondition | None,
    ) -> Shown:  # fmt: skip
        """A change that names nothing is no change; whether it would have been allowed is answered all the same."""
        record = self._held(stores, collection, id, request, where, condition, "update")
        _check_version(record, if_match)
        return self._written(stores, collection, record, request)

    def _held(
        self, stores: Stores, collection: Collection, id: str, request: Request, where: Bound, condition: WriteCondition | None, action: str
    ) -> Mapping[str, Any]:
        """The record, held against other writers. The condition is asked by a statement of its own: on PostgreSQL one that waited for the
        record sees other rows, its lists among them, as they were before."""
        record = stores.records.lock(collection, id, where)
        if record is None:
            raise self._reads.hidden(stores, collection, action, id, request)
        unmet = condition.refusal(stores, collection, id, action, request) if condition else None
        if unmet is not None:
            raise unmet
        return record

    def _check_writes(
        self, stores: Stores, collection: Collection, record: Mapping[str, Any], request: Request, pen: Pen
    ) -> None:
        """Invalid, with every field of the body that may not be written in this new record."""
        faults = self._write_faults(stores, request, pen, partial(draft_passes, stores, collection, record), creating=True)
        if faults:
            raise Invalid(faults[0].detail, code="invalid_record", faults=faults)

    def _write_faults(
        self, stores: Stores, request: Request, pen: Pen, passes: Callable[[Ruling, Bound], bool], *, creating: bool = False
    ) -> tuple[Fault, ...]:
        asked = pen.asked_of(request.body or {})
        bounds = {key: (ruling, self._bound(stores, ruling, request, creating=creating)) for key, ruling in asked.values()}
        return tuple(not_writable(key) for key, (ruling, where) in bounds.items() if not passes(ruling, where))

    def _satisfy_checks(
        self, stores: Stores, collection: Collection, record: Mapping[str, Any], request: Request, *, kept: bool
    ) -> None:
        """Invalid, with every check that does not hold; checks that speak of `@request` do not bind admins."""
        faults: list[Fault] = []
        for check in collection.checks:
            ruling = self._rulebook.condition(stores.schema, collection, check.rule)
            if ruling.paths and request.actor.passes_rules:
                continue
            where = self._bound(stores, ruling, request, creating=not kept)
            passes = kept_passes if kept else draft_passes
            if not passes(stores, collection, record, ruling, where):
                faults.append(Fault("", check.name, check.message))
        if faults:
            raise Invalid(faults[0].detail, code="check_failed", faults=tuple(faults))

    def _written(self, stores: Stores, collection: Collection, record: Mapping[str, Any], request: Request) -> Shown:
        """The record as the actor may now see it; only id and version where it may not."""
        plain = Request(request.actor, request.facts)
        only = "" if self._may_view(stores, collection, record, plain) else "id,version"
        return self._reads.shown(stores, collection, record, plain, only)

    def _may_view(self, stores: Stores, collection: Collection, record: Mapping[str, Any], request: Request) -> bool:
        """A view rule that cannot be asked hides the record; it does not undo the write."""
        try:
            ruling = self._rulebook.rule(stores.schema, collection, "view", request.actor)
            where = self._bound(stores, ruling, request)
        except Problem:
            return False
        return kept_passes(stores, collection, record, ruling, where)

    def _why_unchanged(
        self, stores: Stores, collection: Collection, id: str, request: Request, asked: Changes, where: Bound, pen: Pen,
        condition: WriteCondition | None,
    ) -> Problem:  # fmt: skip
        """The one UPDATE changed nothing: which of its conditions stood against it, in the order in which they may be told."""
        record = stores.records.load(collection, id)
        if record is None or not stores.records.matches(collection, id, where):
            return self._reads.hidden(stores, collection, "update", id, request)
        try:
            _check_version(record, asked.if_match)
        except PreconditionFailed as failed:
            return failed
        unmet = condition.refusal(stores, collection, id, "update", request) if condition else None
        if unmet is not None:
            return unmet
        unwritable = self._write_faults(stores, request, pen, partial(kept_passes, stores, collection, record))
        if unwritable:
            return Invalid(unwritable[0].detail, code="invalid_record", faults=unwritable)
        failing = {name: each for name, each in asked.increments.items() if not each.fits(record[name])}
        faults = tuple(
            Fault(_pointer(name, request.body), "out_of_range", f"`{name}` stays from {each.low} to {each.high}")
            for name, each in failing.items()
        )
        if not faults:
            return Conflict("another change came in between", hint="try again")
        return Invalid("the result of an increment is outside its limits", code="out_of_range", faults=faults)


def _pointer(name: str, body: Mapping[str, Any] | None) -> str:
    """To the increment as the body wrote it: a step may be negative either way."""
    return f"/{name}+" if f"{name}+" in (body or {}) else f"/{name}-"


@contextmanager
def telling_without(unknown: frozenset[str]) -> Iterator[None]:
    """Refusals say nothing of fields that the actor may not even know of."""
    try:
        yield
    except (Invalid, Conflict) as refused:
        told = told_without(unknown, refused)
        if told is refused:
            raise
        raise told from refused


@contextmanager
def _told_as_sent(sent: Mapping[str, str]) -> Iterator[None]:
    """Faults point at the names that the body has: `sent`, by present name."""
    try:
        yield
    except (Invalid, Conflict) as refused:
        faults = tuple(replace(each, pointer=_sent_pointer(each.pointer, sent)) for each in refused.faults)
        if faults == refused.faults:
            raise
        raise type(refused)(refused.detail, code=refused.code, hint=refused.hint, faults=faults) from refused


def _sent_pointer(pointer: str, sent: Mapping[str, str]) -> str:
    head, slash, rest = pointer.removeprefix("/").partition("/")
    name = head.rstrip("+-")
    return f"/{sent[name]}{head[len(name) :]}{slash}{rest}" if name in sent else pointer


def author_of(actor: Actor, pen: Pen) -> Author:
    return Author(actor.account_id or None, actor.passes_rules, actor.collection, closed=pen.closed, unknown=pen.unknown)


def _check_version(record: Mapping[str, Any], if_match: IfMatches) -> None:
    if if_match is None or any(each.means(record["version"], record["created"]) for each in if_match):
        return
    raise PreconditionFailed(
        f"the record is at version {record['version']} now", hint="read it again and repeat your change"
    )
