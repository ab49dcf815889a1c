"""Takes a person out of the backend: the account, what goes with it as its relations say, and whatever was kept of either besides.

It is one transaction: all of it is gone, or nothing. What is a fact of others (that somebody did something) stays, under a tombstone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.usecases.audit import note
from app.usecases.deletion import Doomed, delete_with_relations, forget_sign_in
from app.usecases.factor_proofs import need_fresh_admin
from app.usecases.happenings import happens
from app.usecases.kept_answers import erase_answers
from app.usecases.pending_letters import Addressee, PendingLetters
from app.usecases.pieces import end_uploads
from app.usecases.record_reads import RecordReads
from app.usecases.requests import Request
from app.usecases.rulebook import Rulebook
from app.usecases.sessions import accounts_of
from domain.accounts.personal_data import whose
from domain.accounts.roles import check_write
from domain.actor import Actor, account
from domain.errors import NotFound, Unavailable
from domain.events import Origin
from domain.files.pending import owner_of
from domain.hooks.changes import AccountChange
from domain.records.reading import guard_of
from domain.records.trash import references
from domain.rules.shape import ANYTHING, Bound, shape
from domain.rules.values import RequestFacts
from domain.schema.collection import Collection
from domain.schema.fields.text import email_key
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.observer import Observer
from ports.unit_of_work import Stores, UnitOfWork

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Erased:
    """`tombstone` is what stands in the place of the account; `records` how many went, by collection; `trash` how many copies of
    records that were deleted before; `answers` and `letters` how many of those."""

    tombstone: str
    records: Mapping[str, int]
    trash: int
    answers: int
    letters: int

    def as_object(self) -> dict[str, Any]:
        return {"tombstone": self.tombstone, "records": self.records, "trash": self.trash, "answers": self.answers, "letters": self.letters}


@dataclass(frozen=True, slots=True)
class _Wanted:
    collection: Collection
    id: str
    actor: Actor
    facts: RequestFacts
    tombstone: str

    @property
    def is_own(self) -> bool:
        return (self.actor.collection, self.actor.id) == (self.collection.name, self.id)

    @property
    def doer(self) -> Actor:
        """As it is noted: of whom is erased by its own wish nothing is."""
        return replace(self.actor, id=self.tombstone) if self.is_own else self.actor


class ErasureUseCases:
    def __init__(
        self, work: UnitOfWork, rulebook: Rulebook, letters: PendingLetters, clock: Clock, ids: Ids, observer: Observer
    ) -> None:
        self._work, self._rulebook, self._letters, self._clock, self._ids = work, rulebook, letters, clock, ids
        self._reads = RecordReads(rulebook, clock, observer)

    def erase(self, name: str, account: str | None, *, actor: Actor, facts: RequestFacts) -> Erased:
        """What was erased. Forbidden (`step_up_required`) where the session that asks is not fresh, and where the collection's delete rule
        is for admins only; NotFound where there is no such account, where somebody asks for another's, and where that rule does not
        hold for it; Conflict (`restricted`) where records stand in the way that have to be dealt with first."""
        id, tombstone = whose(actor, name, account), self._ids.new()
        erased = self._run(lambda stores: self._erase(stores, name, id, tombstone, actor, facts))
        # Committed already. Where somebody is in the way now, housekeeping comes back to it.
        self._work.scrub(tuple(erased.records))
        return erased

    def _run(self, body: Any) -> Erased:
        """Where so much takes longer than a write may, for as long as it takes: it must go."""
        try:
            erased: Erased = self._work.run(body)
        except Unavailable as refused:
            if refused.code != "too_slow":
                raise
            erased = self._work.run(body, unhurried=True)
        return erased

    def _erase(self, stores: Stores, name: str, id: str, tombstone: str, actor: Actor, facts: RequestFacts) -> Erased:
        now = self._clock.now()
        stores.records.check_guard(guard_of(actor))
        need_fresh_admin(stores, actor, now)
        wanted = _Wanted(accounts_of(stores, name), id, actor, facts, tombstone)
        stores.outbox.attribute(Origin(wanted.doer, facts.request_id))
        email = self._email(stores, wanted)
        change = AccountChange(
            event="accounts.erase", actor=wanted.doer, request=facts.request_id, collection=name, account=id,
            by="self" if wanted.is_own else "admin",
        )  # fmt: skip
        happens(stores, change, write_instant(now), wanted.collection, record=tombstone)
        doomed = self._deleted(stores, wanted, write_instant(now))
        trashed, copies = _out_of_the_trash(stores, doomed)
        gone = _together(doomed, trashed)
        for collection, ids in gone.items():
            stores.outbox.erase(stores.schema.collection(collection).id, list(ids))
            stores.webhooks.erase(stores.schema.collection(collection).id, list(ids))
            stores.traces.forget_words(stores.schema.collection(collection))
        answers = erase_answers(stores, {id for ids in gone.values() for id in ids}, email)
        if email:
            stores.invitations.forget(wanted.collection, email_key(email))
        stores.files.disown(f"{wanted.collection.id}/{id}")
        end_uploads(stores, stores.uploads.of(owner_of(account(id, name))), now)
        letters = self._letters.forget(stores, Addressee(wanted.collection.id, id, email_key(email)))
        self._put_tombstones(stores, wanted, gone)
        known = None if wanted.is_own else facts
        note(stores, self._ids.new(), write_instant(now), "account.erased", tombstone, actor=wanted.doer, facts=known, detail=name)
        records = {collection: len(ids) for collection, ids in doomed.items() if ids}
        return Erased(tombstone, records, copies, answers, letters)

    # --- the account, and what goes with it

    def _email(self, stores: Stores, wanted: _Wanted) -> str:
        """Held against other writers. An account that is in the trash alone is there for owners: somebody deleted it, and asks for more."""
        record = stores.records.lock(wanted.collection, wanted.id, self._allowed(stores, wanted))
        if record is None and not wanted.is_own:
            record = _in_the_trash(stores, wanted)
        if record is None:
            raise NotFound("there is no such account, or its data is not yours")
        return str(record["email"] or "")

    def _allowed(self, stores: Stores, wanted: _Wanted) -> Bound:
        """Who may delete the account may erase it; and owners may."""
        check_write(wanted.actor, wanted.collection, wanted.id, {})
        if wanted.actor.passes_rules:
            return ANYTHING
        ruling = self._rulebook.rule(stores.schema, wanted.collection, "delete", wanted.actor)
        return shape(ruling.condition, self._reads.values(stores, ruling, Request(wanted.actor, wanted.facts)))

    def _deleted(self, stores: Stores, wanted: _Wanted, now: str) -> Doomed:
        collection, id = wanted.collection, wanted.id
        if stores.records.standing(collection, [id]):
            return delete_with_relations(stores, collection, [id], actor=wanted.actor, now=now, new_ids=self._ids, erased=True)
        doomed: Doomed = {collection.name: {id: None}}
        forget_sign_in(stores, doomed)
        return doomed

    def _put_tombstones(self, stores: Stores, wanted: _Wanted, gone: Doomed) -> None:
        """Accounts of other collections may have gone with it."""
        for name, ids in gone.items():
            collection = stores.schema.collection(name)
            for id in ids if collection.is_accounts else ():
                is_wanted = (name, id) == (wanted.collection.name, wanted.id)
                stores.traces.rename(collection, id, wanted.tombstone if is_wanted else self._ids.new())


def _in_the_trash(stores: Stores, wanted: _Wanted) -> Mapping[str, Any] | None:
    entry = stores.trash.find(wanted.collection.id, wanted.id)
    return entry.document if entry and entry.record == wanted.id else None


# --- what was deleted before


def _out_of_the_trash(stores: Stores, doomed: Doomed) -> tuple[Doomed, int]:
    """Copies of what goes, and of what would have gone with it had it not been deleted before: of which records, and how many copies."""
    found: Doomed = {}
    pending = [(name, frozenset(ids)) for name, ids in doomed.items() if ids]
    entries = [entry for name, ids in pending for entry, _ in _copies(stores, stores.schema.collection(name), ids)]
    while pending:
        name, ids = pending.pop()
        for other in {other.name: other for other, _ in stores.schema.referring(name)}.values():
            come = [(entry, record) for entry, record in _following(stores, other, name, ids) if record not in found.get(other.name, {})]
            if come:
                found.setdefault(other.name, {}).update((record, None) for _, record in come)
                entries += [entry for entry, _ in come]
                pending.append((other.name, frozenset(record for _, record in come)))
    removed = list(dict.fromkeys(entries))
    stores.trash.remove(removed)
    return found, len(removed)


def _copies(stores: Stores, collection: Collection, ids: frozenset[str]) -> Iterator[tuple[str, str]]:
    return ((entry, record) for entry, record, _ in _documents(stores, collection) if record in ids)


def _following(stores: Stores, other: Collection, name: str, ids: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Those whose relation would have been cleared stay: they are no part of what they point at."""
    for entry, record, document in _documents(stores, other):
        held: dict[str, list[str]] = {}
        for relation, id in references(other, document):
            if relation.collection == name and relation.on_delete != "clear":
                held.setdefault(relation.name, []).append(id)
        if any(ids.issuperset(targets) for targets in held.values()):
            yield entry, record


def _documents(stores: Stores, collection: Collection) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    after = ""
    while page := stores.trash.documents(collection.id, after, _AT_ONCE):
        yield from page
        after = page[-1][0]


def _together(*parts: Doomed) -> Doomed:
    whole: Doomed = {}
    for part in parts:
        for name, ids in part.items():
            whole.setdefault(name, {}).update(ids)
    return {name: ids for name, ids in whole.items() if ids}
