"""Everything about one account as one archive: for the account itself, or for an owner on its behalf.

Its records are those that it could list itself and that point at it; whoever asks, they are shown as the account sees them, so that nothing
of others and nothing hidden is among it. All of it is of one moment, and read a page at a time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from app.usecases.audit import note
from app.usecases.factor_proofs import need_fresh_admin
from app.usecases.pending_letters import Addressee, PendingLetters
from app.usecases.places import Places
from app.usecases.record_reads import RecordReads
from app.usecases.requests import Request
from app.usecases.rulebook import Rulebook
from app.usecases.sessions import SessionUseCases, accounts_of
from domain.accounts.one_time import EMAIL_COMES, EMAIL_LEAVES
from domain.accounts.personal_data import LIMITS, Belonging, belonging, contents, pointing_at, whose
from domain.actor import Actor
from domain.actor import account as account_actor
from domain.errors import Forbidden, NotFound
from domain.files.names import key_of
from domain.records.page import ListQuery, Page
from domain.records.reading import guard_of
from domain.rules.values import RequestFacts
from domain.schema.collection import Collection
from domain.schema.fields.files import files_in
from domain.schema.fields.text import email_key
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.files import Files
from ports.observer import Observer
from ports.unit_of_work import Stores, UnitOfWork

_PAGE = 1000
# More than anybody has; what a list for people leaves out is in here.
_MOST_SESSIONS = 100_000


class Rows(Protocol):
    def put(self, rows: Sequence[Sequence[Any]]) -> None: ...


class Archive(Protocol):
    """Where an export is written. `begin` starts anew, whatever was written: reading may have to be done again."""

    @property
    def size(self) -> int: ...

    def begin(self, at: datetime) -> None: ...
    def document(self, name: str, content: Any) -> None: ...
    def table(self, name: str, columns: Sequence[str]) -> AbstractContextManager[Rows]: ...
    def file(self, name: str, chunks: Iterable[bytes]) -> None: ...


@dataclass(frozen=True, slots=True)
class _File:
    """`place` is where the archive has it, `key` where it lies in the store."""

    place: str
    key: str
    size: int


@dataclass(frozen=True, slots=True)
class _Person:
    """`asking` is the account as one that asks: by its rules everything is read."""

    collection: Collection
    id: str
    email: str
    asking: Request


class PersonalExportUseCases:
    def __init__(
        self, work: UnitOfWork, rulebook: Rulebook, sessions: SessionUseCases, letters: PendingLetters, files: Files, clock: Clock,
        ids: Ids, observer: Observer,
    ) -> None:  # fmt: skip
        self._files = files
        self._work, self._sessions, self._letters, self._clock, self._ids = work, sessions, letters, clock, ids
        self._reads = RecordReads(rulebook, clock, observer)
        self._places = Places(2, "other archives are being made")

    def write(self, name: str, account: str | None, archive: Archive, *, actor: Actor, facts: RequestFacts) -> str:
        """Whose archive it is. Forbidden (`step_up_required`) where the session that asks is not fresh; NotFound where there is no such
        account, and where somebody asks for another's; Invalid (`limit_exceeded`) beyond the limits, and then the archive is none."""
        id = whose(actor, name, account)
        with self._places.one():
            began = self._clock.now()
            told, files = self._work.read(lambda stores: self._write(stores, name, id, archive, actor, facts, began), snapshot=True)
            # The database waits for none of them. What was deleted since is gone here too.
            told["missing_files"] = [each.place for each in files if not self._copied(each, archive, began)]
            archive.document("contents.json", told)
        now, entry = write_instant(self._clock.now()), self._ids.new()
        # Before the archive is handed out: what cannot be noted is not.
        self._work.run(lambda stores: note(stores, entry, now, "account.exported", id, actor=actor, facts=facts, detail=name))
        return id

    def _copied(self, file: _File, archive: Archive, began: datetime) -> bool:
        LIMITS.check_size(archive.size + file.size)
        opened = self._files.open(file.key)
        if opened is None:
            return False
        try:
            archive.file(file.place, opened.chunks)
        finally:
            opened.close()
        LIMITS.check_seconds((self._clock.now() - began).total_seconds())
        return True

    def _write(
        self, stores: Stores, name: str, id: str, archive: Archive, actor: Actor, facts: RequestFacts, began: datetime
    ) -> tuple[dict[str, Any], list[_File]]:
        """What the archive tells about itself, and the files that belong into it."""
        stores.records.check_guard(guard_of(actor))
        need_fresh_admin(stores, actor, began)
        person = _person(stores, name, id, facts)
        archive.begin(began)
        account = self._sessions.own_account(person.asking.actor, facts=facts).as_object()
        archive.document("account.json", account)
        files = list(_files_of(person.collection, id, account))
        told = {file: list(_told(stores, person, file, self._letters, began)) for file in _FILES}
        for file, content in told.items():
            archive.document(f"{file}.json", content)
        counted = {
            each.collection.name: self._records(stores, person, each, archive, began, files) for each in belonging(stores.schema, name)
        }
        gathered = {
            "files": {"account.json": 1, **{f"{file}.json": len(content) for file, content in told.items()}},
            "records": {kept: {"by": list(by), "count": count} for kept, (by, count) in counted.items()},
        }
        return contents(id, name, write_instant(began), gathered), files

    # --- records

    def _records(
        self, stores: Stores, person: _Person, belonging: Belonging, archive: Archive, began: datetime, files: list[_File]
    ) -> tuple[tuple[str, ...], int]:
        """By which relations these records are the account's, and how many there are. None where its rules let it list none of them."""
        collection = belonging.collection
        relations = belonging.seen_by(self._reads.sights(stores, person.asking).of(collection).names)
        try:
            first = self._page(stores, collection, ListQuery(filter=pointing_at(relations, person.id)), person) if relations else None
        except (Forbidden, NotFound):
            first = None
        if first is None:
            return (), 0
        query, count = ListQuery(filter=pointing_at(relations, person.id)), 0
        with archive.table(f"records/{collection.name}.json", first.names) as rows:
            for page in self._pages(stores, collection, query, person, first):
                rows.put([row[: len(first.names)] for row in page.rows])
                if collection.file_fields:
                    shown = (dict(zip(first.names, row, strict=False)) for row in page.rows)
                    files += (file for record in shown for file in _files_of(collection, str(record["id"]), record))
                count += len(page.rows)
                LIMITS.check_size(archive.size)
                LIMITS.check_seconds((self._clock.now() - began).total_seconds())
        return tuple(each.name for each in relations), count

    def _pages(self, stores: Stores, collection: Collection, query: ListQuery, person: _Person, first: Page) -> Iterator[Page]:
        page = first
        yield page
        while page.next is not None:
            page = self._page(stores, collection, replace(query, cursor=page.next), person)
            yield page

    def _page(self, stores: Stores, collection: Collection, query: ListQuery, person: _Person) -> Page:
        return self._reads.list(stores, collection.name, replace(query, limit=_PAGE, aliases=False), person.asking)


def _person(stores: Stores, name: str, id: str, facts: RequestFacts) -> _Person:
    collection = accounts_of(stores, name)
    credentials = stores.accounts.credentials_of(collection, id)
    if credentials is None:
        raise NotFound("there is no such account, or its data is not yours")
    return _Person(collection, id, email_key(credentials.email or ""), Request(account_actor(id, name, credentials.epoch), facts))


# --- what the backend itself keeps of an account; no secret is among it


def _told(stores: Stores, person: _Person, file: str, letters: PendingLetters, at: datetime) -> Iterator[Mapping[str, Any]]:
    now = write_instant(at)
    if file == "sessions":
        found = stores.sessions.of_account(person.collection, person.id, now, _MOST_SESSIONS)
        return ({name: value for name, value in each.as_object(current=False).items() if name != "current"} for each in found)
    if file == "identities":
        return _identities(stores, person)
    if file == "factors":
        return _factors(stores, person)
    if file == "letters":
        return _letters(stores, person, letters, now)
    if file == "api_keys":
        return _keys(stores, person, now)
    return _audit(stores, person)


_FILES = ("sessions", "identities", "factors", "api_keys", "letters", "audit")


def _identities(stores: Stores, person: _Person) -> Iterator[Mapping[str, Any]]:
    told = ("id", "provider", "issuer", "subject", "email", "created", "used")
    return ({name: getattr(each, name) for name in told} for each in stores.identities.of_account(person.collection, person.id))


def _factors(stores: Stores, person: _Person) -> Iterator[Mapping[str, Any]]:
    app = stores.factors.totp(person.collection, person.id)
    if app is not None:
        yield {"kind": "totp", "created": app.created, "confirmed": app.is_confirmed}
    left = stores.factors.recovery_left(person.collection, person.id)
    if left:
        yield {"kind": "recovery_codes", "left": left}
    for passkey in stores.passkeys.of_account(person.collection, person.id):
        yield {"kind": "passkey", **passkey.as_object()}


def _keys(stores: Stores, person: _Person, now: str) -> Iterator[Mapping[str, Any]]:
    """Those that it made for its programs; of the keys themselves nothing is there."""
    names = {each.id: each.name for each in stores.schema.collections.values()}
    return (each.as_object(names) for each in stores.own_keys.of_account(person.collection, person.id, now))


def _letters(stores: Stores, person: _Person, letters: PendingLetters, now: str) -> Iterator[Mapping[str, Any]]:
    """Those that are still to go out, and what was sent and can still be used; never what opens anything."""
    for waiting, kept in letters.of(stores, Addressee(person.collection.id, person.id, person.email)):
        yield {"state": "waiting", "purpose": kept.get("purpose"), "expires": waiting.expires}
    for secret in stores.one_time.of_account(person.collection, person.id, now):
        about = secret.bound if secret.purpose in (EMAIL_COMES, EMAIL_LEAVES) else None
        yield {"state": "open", "purpose": secret.purpose, "expires": secret.expires, "new_email": about}


def _audit(stores: Stores, person: _Person) -> Iterator[Mapping[str, Any]]:
    """What it did, and what was done to it. Of somebody else who did it only the kind is told: that is theirs, not its own."""
    before: str | None = None
    while page := stores.audit.about(person.id, before, _PAGE):
        for entry in page:
            told = entry.as_object()
            own = entry.actor == person.id
            yield told if own else {**told, "by": {"kind": entry.kind}, "address": None, "request": None}
        before = page[-1].id


def _files_of(collection: Collection, id: str, shown: Mapping[str, Any]) -> Iterator[_File]:
    """Of the fields that the account sees."""
    for field in collection.file_fields:
        for file in files_in(shown.get(field.name)):
            yield _File(f"files/{collection.name}/{id}/{file['name']}", key_of(collection.id, id, file["name"]), file["size"])
