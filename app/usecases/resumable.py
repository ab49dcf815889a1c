"""Uploads that come piece by piece, by as many requests as it takes, and lie in the store until a record holds them.

Each piece is a file of its own, known once it is durable; so a crash costs the piece that was on its way. When all are here they become one
file, whose type is told by looking inside. Which of two requests may go on is decided by the row: the later one may, and the other is told.
"""

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.usecases.pieces import Stream, Taking, bytes_of, end_uploads, overtaken
from app.usecases.requests import Request
from app.usecases.uploads import Intake, Uploads, Weighed
from domain.actor import Actor
from domain.errors import Conflict, Problem, TooLarge, Unauthenticated, Unavailable, invalid
from domain.files import resumable as tus
from domain.files.names import new_id, new_name, original_name
from domain.files.pending import (
    ID,
    Address,
    Made,
    Pending,
    check_room,
    no_such_upload,
    owner_of,
    read_address,
    whole_key,
)
from domain.files.quotas import Tally, account_subject, allowed, check_room_for, subjects
from domain.files.serving import content_type, disposition
from domain.files.types import LOOKED_AT
from domain.records.forms import file_field
from domain.rules.values import RequestFacts
from domain.schema.fields import FileField
from domain.schema.fields.times import write_instant
from ports.clock import Clock
from ports.files import Files
from ports.unit_of_work import Stores, UnitOfWork

_AT_ONCE = 100

Stopped = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Sent:
    """One request that brings bytes: its headers as they came, and how many bytes it says that it has."""

    offset: str | None
    checksum: str | None
    length: int | None
    chunks: Iterable[bytes]


@dataclass(frozen=True, slots=True)
class Own:
    """`used` is None of whom files are not counted for; `most` is None where there is no quota."""

    items: Sequence[Pending]
    used: Tally | None
    most: int | None


class ResumableUploads:
    def __init__(self, work: UnitOfWork, uploads: Uploads, files: Files, clock: Clock) -> None:
        self._work, self._uploads, self._files, self._clock = work, uploads, files, clock

    def begin(
        self, *, length: str | None, deferred: str | None, metadata: str | None, actor: Actor, facts: RequestFacts
    ) -> Pending:
        """A new upload for a file field of a record that the actor may write, as far as that can be told before. TooLarge where the
        field takes no file of that length, Conflict where too many others are not over."""
        address = read_address(tus.read_metadata(metadata))
        intake = self._uploads.intake(address.collection, address.record or None, actor=actor, facts=facts)
        field = file_field(intake.collection, address.field, "Upload-Metadata")
        upload = tus.begun(self._clock.now(), length=length, deferred=deferred, metadata=None, largest=field.max_size)
        pending = self._pending(address, intake, field, upload, actor, facts)
        return self._finished(pending, field) if upload.is_whole else pending

    def begin_form(
        self, address: Address, length: int, media_type: str, lasts: timedelta, *, actor: Actor, facts: RequestFacts
    ) -> Pending:
        """The same for a file that goes straight to the store, of this type."""
        intake = self._uploads.intake(address.collection, address.record or None, actor=actor, facts=facts)
        field = file_field(intake.collection, address.field, "/field")
        if length > field.max_size:
            raise TooLarge(f"`{field.name}`: a file here has at most {field.max_size} bytes", code="file_too_large")
        if not field.takes(media_type):
            raise invalid("/type", "type_not_taken", f"`{field.name}` takes {', '.join(field.types[:20])}")
        upload = tus.Upload(length, self._clock.now() + lasts, {})
        return self._pending(address, intake, field, upload, actor, facts, form=media_type)

    def _pending(
        self, address: Address, intake: Intake, field: FileField, upload: tus.Upload, actor: Actor, facts: RequestFacts, form: str = ""
    ) -> Pending:
        original = original_name(address.original)
        pending = Pending(new_id(), owner_of(actor), intake.collection.id, field.name, address.record, original, upload, form=form)
        self._work.run(lambda stores: self._begin(stores, pending, intake, Request(actor, facts), self._clock.now()))
        return pending

    def _begin(self, stores: Stores, pending: Pending, intake: Intake, request: Request, now: datetime) -> None:
        stores.records.check_guard(request.guard)
        count, under_way = stores.uploads.count(pending.owner, write_instant(now))
        check_room(pending.owner, count, under_way + pending.upload.length)
        # What is not over takes room already: only so can a thousand halves not fill what is there for whole ones.
        tallies = stores.files.tallies(subjects(intake.collection, intake.owner))
        check_room_for(stores.schema, tallies, pending.upload.length + (under_way if pending.owner else 0))
        stores.uploads.begin(pending)

    def find(self, id: str, *, actor: Actor, facts: RequestFacts) -> Pending:
        """NotFound where there is none, or it is another's."""
        return self._work.read(lambda stores: self._found(stores, id, Request(actor, facts)))

    def _found(self, stores: Stores, id: str, request: Request) -> Pending:
        stores.records.check_guard(request.guard)
        request.facts.recheck(stores.schema)
        pending = stores.uploads.find(id) if ID.fullmatch(id) else None
        if pending is None or pending.owner != owner_of(request.actor):
            raise no_such_upload()
        pending.upload.check_stands(self._clock.now())
        return pending

    def own(self, *, actor: Actor, facts: RequestFacts) -> "Own":
        """What is under way of the actor's, the next to end first, and what room its files take. Unauthenticated for guests, who are all
        the same."""
        if actor.is_guest:
            raise Unauthenticated("guests have no uploads of their own")
        return self._work.read(lambda stores: self._own(stores, Request(actor, facts)))

    def _own(self, stores: Stores, request: Request) -> "Own":
        stores.records.check_guard(request.guard)
        request.facts.recheck(stores.schema)
        now = self._clock.now()
        found = [stores.uploads.find(id) for id in stores.uploads.of(owner_of(request.actor))]
        items = sorted((each for each in found if each is not None and each.upload.expires > now), key=lambda each: each.upload.expires)
        subject = account_subject(stores.schema, request.actor)
        tally = stores.files.tallies([subject])[subject] if subject else None
        return Own(items, tally, allowed(stores.schema, subject) if subject else None)

    # --- bytes

    def receive(self, id: str, sent: Sent, *, actor: Actor, facts: RequestFacts) -> Pending:
        """What the upload is once these bytes are here; of a request that broke off, as many as came. Conflict where it begins elsewhere
        or another request has gone on, Invalid (`checksum_differs`, `type_not_taken`), TooLarge."""
        pending, field = self.entered(id, actor=actor, facts=facts)
        if pending.form:
            raise Conflict("this upload goes straight to the store", code="upload_elsewhere", hint="send the form, then say `complete`")
        promised = tus.read_checksum(sent.checksum)
        room = pending.upload.room(self._clock.now(), offset=sent.offset, length=sent.length)
        stream = Stream(sent.chunks, room, promised.algorithm if promised else None)
        if stream.is_over:
            return self._finished(pending, field)
        mark = secrets.token_hex(8)
        if not self._work.run(lambda stores: stores.uploads.go_on(id, pending.upload.offset, mark)):
            raise overtaken()
        taking = Taking(self._work, self._uploads, self._files, self._clock, mark)
        pending = taking.at_once(pending, stream, field, promised) if promised else taking.as_it_comes(pending, stream, field)
        return self._finished(pending, field)

    def entered(self, id: str, *, actor: Actor, facts: RequestFacts) -> tuple[Pending, FileField]:
        """As `find`, with the field that it is for."""
        return self._work.read(lambda stores: self._entered(stores, id, Request(actor, facts)))

    def _entered(self, stores: Stores, id: str, request: Request) -> tuple[Pending, FileField]:
        pending = self._found(stores, id, request)
        for collection in stores.schema.collections.values():
            for field in collection.file_fields if collection.id == pending.collection else ():
                if field.name == pending.field:
                    return pending, field
        raise no_such_upload()

    # --- all of it

    def whole(self, id: str, *, actor: Actor, facts: RequestFacts) -> Pending:
        """The upload, as one file where all of it is here: whoever should have made that may have died."""
        return self._finished(*self.entered(id, actor=actor, facts=facts))

    def _finished(self, pending: Pending, field: FileField) -> Pending:
        if pending.made is not None or not pending.upload.is_whole:
            return pending
        pieces = self._work.read(lambda stores: stores.uploads.pieces(pending.id))
        try:
            made = self._made(pending, field, pieces)
        except Problem as refused:
            if not isinstance(refused, Unavailable):
                self._work.run(lambda stores: end_uploads(stores, [pending.id], self._clock.now()))
            raise
        return replace(pending, made=made)

    def _made(self, pending: Pending, field: FileField, pieces: Sequence[str]) -> Made:
        head = b"".join(bytes_of(self._files, pieces, LOOKED_AT))[:LOOKED_AT]
        media_type = self._uploads.type_taken(head, pending.original, field, field.name)
        key = whole_key(pending.id, new_name(media_type))
        weighed = Weighed(bytes_of(self._files, pieces), field, field.name)
        self._uploads.expect(key)
        try:
            self._files.write(key, weighed, type=content_type(media_type), disposition=disposition(pending.original, media_type))
            made = Made(key, weighed.size, media_type, weighed.hash.hexdigest())
            if weighed.size != pending.upload.length:
                raise overtaken()
            self.keep(pending, made)
        except BaseException:
            self._uploads.give_up([key])
            raise
        return made

    def keep(self, pending: Pending, made: Made) -> None:
        """It is whole from now on; Conflict where it was so before, or is over."""
        if not self._work.run(lambda stores: self._keep(stores, pending, made)):
            raise overtaken()

    def _keep(self, stores: Stores, pending: Pending, made: Made) -> bool:
        now = self._clock.now()
        pieces = stores.uploads.finish(pending.id, made, write_instant(now + tus.LIFETIME))
        if pieces is None or stores.files.claim([made.key]):
            return False
        stores.files.loosen(pieces, write_instant(now))
        return True

    # --- the end

    def end(self, id: str, *, actor: Actor, facts: RequestFacts) -> None:
        """It is over, and what came of it goes with the next round of housekeeping."""
        request = Request(actor, facts)

        def body(stores: Stores) -> None:
            self._found(stores, id, request)
            end_uploads(stores, [id], self._clock.now())

        self._work.run(body)

    def sweep(self, *, stopped: Stopped = lambda: False) -> int:
        """Ends those whose time is over; how many they were."""
        ended = 0
        while not stopped() and (count := self._work.run(self._sweep)):
            ended += count
        return ended

    def _sweep(self, stores: Stores) -> int:
        now = self._clock.now()
        ids = stores.uploads.expired(write_instant(now), _AT_ONCE)
        end_uploads(stores, ids, now)
        return len(ids)
