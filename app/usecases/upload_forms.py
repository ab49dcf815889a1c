"""Uploads that do not pass through us: a browser sends the file to the store by a form that takes this one file alone, and what came is
looked at before a record may hold it.

It is copied first, to where the form does not reach: whoever sends the form again changes nothing that was looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.usecases.resumable import ResumableUploads
from app.usecases.uploads import PATIENCE, Uploads, Weighed
from domain.actor import Actor
from domain.errors import Invalid, TooLarge, invalid
from domain.files.names import new_id
from domain.files.pending import Address, Made, Pending, form_key, whole_key
from domain.files.serving import content_type, disposition
from domain.files.types import LOOKED_AT
from domain.rules.values import RequestFacts
from domain.schema.fields import FileField
from ports.clock import Clock
from ports.files import Files, OpenFile, SignedForm
from ports.unit_of_work import UnitOfWork

# A large file on a slow line is accepted as long as it began in time.
_SECONDS = 900
# What stores take by a form, and copy at once.
_LARGEST = 5_000_000_000


@dataclass(frozen=True, slots=True)
class Begun:
    pending: Pending
    form: SignedForm
    seconds: int = _SECONDS


class UploadForms:
    def __init__(self, work: UnitOfWork, uploads: Uploads, resumable: ResumableUploads, files: Files, clock: Clock) -> None:
        self._work, self._uploads, self._resumable, self._files, self._clock = work, uploads, resumable, files, clock

    def begin(self, body: Mapping[str, Any], *, actor: Actor, facts: RequestFacts) -> Begun:
        """A form for one file of this size and type. What is refused is refused as by `ResumableUploads.begin`; Invalid
        (`no_upload_forms`) where the store takes none."""
        address = Address(body["collection"], body["field"], body.get("record") or "", body["filename"])
        size, media_type = body["size"], body["type"]
        if size > _LARGEST:
            raise TooLarge(f"a form takes at most {_LARGEST} bytes", code="too_large", hint="send it by tus: POST /api/v1/uploads")
        if self._form(form_key("a" * 24), size, media_type, "file") is None:
            hint = "send it by tus: POST /api/v1/uploads"
            raise Invalid("the store of this server takes no forms", code="no_upload_forms", hint=hint)
        lasts = timedelta(seconds=_SECONDS) + PATIENCE
        pending = self._resumable.begin_form(address, size, media_type, lasts, actor=actor, facts=facts)
        key = form_key(pending.id)
        self._uploads.expect(key, lasts=lasts)
        form = self._form(key, size, media_type, pending.original)
        assert form is not None  # it was there a moment ago
        return Begun(pending, form)

    def _form(self, key: str, size: int, media_type: str, original: str) -> SignedForm | None:
        shown = disposition(original, media_type)
        return self._files.form(key, size=size, type=content_type(media_type), disposition=shown, seconds=_SECONDS)

    def complete(self, id: str, *, actor: Actor, facts: RequestFacts) -> Pending:
        """What came, once it was looked at; a record may hold it from then on. Invalid where nothing came, or not what was announced: the
        form may be sent again then, while it is good."""
        pending, field = self._resumable.entered(id, actor=actor, facts=facts)
        if not pending.form:
            raise Invalid("this upload is sent by tus", code="upload_elsewhere", hint="send its bytes by PATCH")
        if pending.made is not None:
            return pending
        key = whole_key(id, new_id())
        self._uploads.expect(key)
        try:
            if not self._files.copy(form_key(id), key):
                raise invalid("", "upload_unfinished", "nothing was sent by the form", hint="send it, and then say that it is complete")
            made = self._looked_at(pending, field, key)
            self._resumable.keep(pending, made)
        except BaseException:
            self._uploads.give_up([key])
            raise
        return self._resumable.find(id, actor=actor, facts=facts)

    def _looked_at(self, pending: Pending, field: FileField, key: str) -> Made:
        opened = self._files.open(key)
        if opened is None:
            raise invalid("", "upload_unfinished", "nothing was sent by the form")
        try:
            return self._made(pending, field, key, opened)
        finally:
            opened.close()

    def _made(self, pending: Pending, field: FileField, key: str, opened: OpenFile) -> Made:
        if opened.size != pending.upload.length:
            raise invalid("", "upload_differs", f"{opened.size} bytes came, and {pending.upload.length} were announced")
        weighed, head = Weighed(opened.chunks, field, field.name), bytearray()
        for chunk in weighed:
            if len(head) < LOOKED_AT:
                head += chunk
        found = self._uploads.type_taken(bytes(head), pending.original, field, field.name)
        # The store hands it out as what the form said.
        if content_type(found) != content_type(pending.form):
            raise invalid("", "upload_differs", f"this is {found}, and {pending.form} was announced", hint="begin it anew")
        return Made(key, weighed.size, found, weighed.hash.hexdigest())
