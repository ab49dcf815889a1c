"""Files on their way into a record: received before its transaction, held by it or given up after it.

Each is written under a key that nobody has yet, once a row says so; the transaction of the record takes that row away (the record store
does, whoever writes). So a crash at any point leaves a row, and the row is what the sweep of files goes by.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from itertools import chain
from typing import Any

from app.usecases.record_reads import RecordReads, entered
from app.usecases.requests import Request
from app.usecases.rulebook import Rulebook
from domain.accounts.roles import check_write
from domain.actor import Actor
from domain.errors import Forbidden, Invalid, Problem, TooLarge, UnsupportedMedia, invalid
from domain.files.names import key_of, new_name, original_name
from domain.files.quotas import account_subject, check_room_for, subjects
from domain.files.serving import content_type, disposition
from domain.files.types import LOOKED_AT, found_type
from domain.records.forms import Form, Part
from domain.rules.shape import shape
from domain.rules.values import RequestFacts
from domain.schema.collection import Collection
from domain.schema.fields import FileField
from domain.schema.fields.files import KeptFile
from domain.schema.fields.relations import RECORD_ID
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.contents import Contents
from ports.files import Files
from ports.unit_of_work import Stores, UnitOfWork

# A file that no record came to hold by then is given up.
PATIENCE = timedelta(hours=1)
# That a file is gone is remembered for longer than any request can last.
_REMEMBERED = timedelta(days=1)
# What stands around the files of a form: headers and boundaries of its parts.
_AROUND = 64 * 1024


@dataclass(frozen=True, slots=True)
class Intake:
    """What one request may send: files of this collection, for the record `id`, which is new unless it is `changing`."""

    collection: Collection
    id: str
    changing: bool
    owner: str

    def most_bytes(self, texts: int) -> int:
        return texts + _AROUND + sum(each.max_size * each.most for each in self.collection.file_fields)


@dataclass(frozen=True, slots=True)
class Received:
    """The body that a JSON request would have, and the id that a new record gets: its files lie under it."""

    body: dict[str, Any]
    id: str


class Uploads:
    def __init__(
        self, work: UnitOfWork, rulebook: Rulebook, reads: RecordReads, files: Files, contents: Contents, clock: Clock, ids: Ids
    ) -> None:
        self._work, self._rulebook, self._reads = work, rulebook, reads
        self._files, self._contents, self._clock, self._ids = files, contents, clock, ids

    def intake(self, name: str, id: str | None, *, actor: Actor, facts: RequestFacts) -> Intake:
        """Before anything is read: whoever may not write the record at all sends no file. UnsupportedMedia where there is no file field."""
        request = Request(actor, facts)
        return self._work.read(lambda stores: self._intake(stores, name, id, request))

    def _intake(self, stores: Stores, name: str, id: str | None, request: Request) -> Intake:
        stores.records.check_guard(request.guard)
        request.facts.recheck(stores.schema)
        collection = entered(stores.schema, name, self._reads.moment(stores.schema))
        self._check_rule(stores, collection, id, request)
        if not collection.file_fields:
            raise UnsupportedMedia("this collection has no file fields", hint="send the record with Content-Type: application/json")
        owner = account_subject(stores.schema, request.actor)
        # Where there is no room left at all, nothing need be sent.
        check_room_for(stores.schema, stores.files.tallies(subjects(collection, owner)), 1)
        return Intake(collection, id or self._ids.new(), id is not None, owner)

    def _check_rule(self, stores: Stores, collection: Collection, id: str | None, request: Request) -> None:
        """As far as it can be told without the body; the transaction asks all of it."""
        action = "create" if id is None else "update"
        ruling = self._rulebook.rule(stores.schema, collection, action, request.actor)
        check_write(request.actor, collection, id, {})
        if any(path[0] == "body" for path in ruling.paths):
            return
        where = shape(ruling.condition, self._reads.values(stores, ruling, request, creating=id is None))
        if id is None and where.constant is False:
            raise Forbidden(f"the create rule of `{collection.name}` does not allow this record")
        if id is not None and not stores.records.matches(collection, id, where):
            raise self._reads.hidden(stores, collection, action, id, request)

    @contextmanager
    def received(
        self, intake: Intake, parts: Iterable[Part], *, parse: Callable[[bytes], Any], most_text: int, dry_run: bool = False
    ) -> Iterator[Received]:
        """The form, read to its end. Files that no record holds are removed when this ends with a refusal, and after a dry run."""
        keys: list[str] = []
        try:
            yield self._receive(intake, parts, Form(intake.collection, parse, most_text, intake.changing), keys)
        except Problem as refused:
            # Whether the record holds them is not known then; the row will tell, in an hour.
            if refused.code != "outcome_unknown":
                self.give_up(keys)
            raise
        except BaseException:
            self.give_up(keys)
            raise
        if dry_run:
            self.give_up(keys)

    def _receive(self, intake: Intake, parts: Iterable[Part], form: Form, keys: list[str]) -> Received:
        id = intake.id
        for part in parts:
            if part.filename is None:
                form.add_text(part)
                id = self._own_id(intake, form, keys) or id
            elif part.filename or _holds_something(part):
                field = form.file_field(part.name)
                form.add_file(part.name, self._store(intake, id, field, part, keys), field)
        return Received(form.body, id)

    def _own_id(self, intake: Intake, form: Form, keys: list[str]) -> str | None:
        """A new record may bring its id, before its files: they lie under it."""
        id = None if intake.changing else form.body.get("id")
        if not isinstance(id, str) or not RECORD_ID.fullmatch(id):
            return None  # what is no id is refused with the body
        if keys and id not in keys[0].split("/"):
            raise invalid("/id", "id_after_files", "the id of a new record comes before its files", hint="send the part `id` first")
        return id

    def _store(self, intake: Intake, id: str, field: FileField, part: Part, keys: list[str]) -> KeptFile:
        head, rest = _beginning(part.chunks)
        original = original_name(part.filename)
        media_type = self.type_taken(head, original, field, part.name)
        name = new_name(media_type)
        key = key_of(intake.collection.id, id, name)
        self.expect(key, intake.owner)
        keys.append(key)
        weighed = Weighed(chain((head,), rest), field, part.name)
        self._files.write(key, weighed, type=content_type(media_type), disposition=disposition(original, media_type))
        return KeptFile(name=name, original=original, size=weighed.size, type=media_type, sha256=weighed.hash.hexdigest())

    def type_taken(self, head: bytes, original: str, field: FileField, name: str) -> str:
        """What a file is that begins like this; Invalid where the field, which the request calls `name`, takes no such."""
        media_type = found_type(self._contents.type_of(head[:LOOKED_AT]), head[:LOOKED_AT], original)
        if not field.takes(media_type):
            detail = f"`{original}` is {media_type}; taken are {', '.join(field.types[:20])}"
            raise invalid(f"/{name}", "type_not_taken", detail)
        return media_type

    def expect(self, key: str, owner: str = "", lasts: timedelta = PATIENCE) -> None:
        """Before anything is written under this key: whoever does not come to hold it in time loses it."""
        until = write_instant(self._clock.now() + lasts)
        self._work.run(lambda stores: stores.files.expect(key, until, owner))

    def give_up(self, keys: list[str]) -> None:
        """Those that a record holds all the same, since its transaction went through, stay."""
        if not keys:
            return
        now = self._clock.now()
        free = self._work.run(lambda stores: stores.files.release(keys, write_instant(now + PATIENCE)))
        self._files.delete(free)
        self._work.run(lambda stores: stores.files.forget(free, write_instant(now + _REMEMBERED)))


class Weighed:
    """Chunks as they pass, counted and hashed; TooLarge where they are more than the field takes."""

    def __init__(self, chunks: Iterable[bytes], field: FileField, name: str) -> None:
        self._chunks, self._field, self._name = chunks, field, name
        self.size, self.hash = 0, sha256()

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.size += len(chunk)
            if self.size > self._field.max_size:
                raise TooLarge(f"`{self._name}`: a file here has at most {self._field.max_size} bytes", code="file_too_large")
            self.hash.update(chunk)
            yield chunk


def _beginning(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """As much as is looked at (and what came with it)."""
    head = bytearray()
    for chunk in chunks:
        head += chunk
        if len(head) >= LOOKED_AT:
            break
    return bytes(head), chunks


def _holds_something(part: Part) -> bool:
    """Browsers send a file without a name and without bytes where none was chosen."""
    if any(part.chunks):
        raise Invalid("a file has no name", code="invalid_form", hint='send it with `filename="…"`')
    return False
