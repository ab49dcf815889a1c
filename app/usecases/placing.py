"""Files that came before their record: where the values of a write name uploads, these are copied to where the record's files lie, and are
used up in its transaction."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Any

from app.usecases.pieces import end_uploads
from app.usecases.requests import Request
from app.usecases.resumable import ResumableUploads
from app.usecases.uploads import Intake, Uploads
from domain.actor import Actor
from domain.errors import Conflict, Invalid, Problem, invalid
from domain.files.names import key_of, new_name
from domain.files.pending import named_uploads, no_such_upload, with_files
from domain.records.batches import Operation, of_operation
from domain.rules.values import RequestFacts
from domain.schema.collection import Collection, Schema
from domain.schema.fields import FileField
from domain.schema.fields.files import KeptFile
from domain.schema.fields.relations import RECORD_ID
from ports.clock import Clock, Ids
from ports.files import Files
from ports.unit_of_work import Stores, UnitOfWork

Body = Mapping[str, Any]


class Placed(AbstractContextManager["Placed"]):
    """The body to be written, and the id that a new record gets. What was copied is removed again when this ends with a refusal, or after
    a dry run."""

    __slots__ = ("_uploads", "body", "dry_run", "id", "keys", "now", "used")

    def __init__(self, body: Body, id: str, uploads: Uploads, now: Callable[[], Any], *, dry_run: bool) -> None:
        self.body, self.id, self.dry_run = body, id, dry_run
        self.used: Sequence[str] = ()
        self.keys: list[str] = []
        self._uploads, self.now = uploads, now

    def spent(self, stores: Stores, result: Any) -> Any:
        """To be called last in the record's transaction. Conflict where another record came to hold one of them first."""
        if self.used and end_uploads(stores, self.used, self.now()) != len(self.used):
            raise Conflict("an upload was used by another request just now", code="upload_used", hint="send the file again")
        return result

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if not self.keys or (isinstance(error, Problem) and error.code == "outcome_unknown"):
            return  # whether the record holds them is not known then; the row will tell, in an hour
        if error is not None or self.dry_run:
            self._uploads.give_up(self.keys)


class Placing:
    """`moment` tells now, where a schema has names that end."""

    def __init__(
        self, work: UnitOfWork, uploads: Uploads, resumable: ResumableUploads, files: Files, moment: Callable[[Schema], str], clock: Clock,
        ids: Ids,
    ) -> None:  # fmt: skip
        self._work, self._uploads, self._resumable, self._files = work, uploads, resumable, files
        self._moment, self._clock, self._ids = moment, clock, ids

    def placed(
        self, name: str, id: str | None, body: Body, *, actor: Actor, facts: RequestFacts, new_id: str = "", dry_run: bool = False
    ) -> Placed:
        """For one write: of the record `id`, or of a new one where that is None."""
        placed = Placed(body, id or new_id, self._uploads, self._clock.now, dry_run=dry_run)
        named = self._named(name, body)
        if not named:
            placed.id = placed.id or self._ids.new()
            return placed
        try:
            self._place(placed, name, id, named, Request(actor, facts))
        except BaseException as error:
            placed.__exit__(type(error), error, None)
            raise
        return placed

    def placed_each(
        self, operations: Sequence[Operation], ids: Sequence[str], *, actor: Actor, facts: RequestFacts, dry_run: bool, within: ExitStack
    ) -> tuple[Sequence[Operation], list[Placed]]:
        """The same for a batch: its operations with their files, which are held as `within` is."""
        told, all_placed = list(operations), []
        for at, each in enumerate(operations):
            if each.values and self._named(each.collection, each.values):
                try:
                    id = _changed_id(each)
                    placed = self.placed(
                        each.collection, id, each.values, actor=actor, facts=facts, new_id=ids[at], dry_run=dry_run
                    )
                except Problem as refused:
                    raise of_operation(at, each, refused, "/values") from refused
                all_placed.append(within.enter_context(placed))
                told[at] = replace(each, values=placed.body)
        return told, all_placed

    def _named(self, name: str, body: Body) -> dict[str, tuple[FileField, list[str]]]:
        """By keys of the body: the field, and the uploads that it is to hold."""
        if not any(isinstance(value, dict | list) for value in body.values()):
            return {}
        schema = self._work.glimpse()
        collection = schema.collections.get(name) or schema.called_before(name, self._moment(schema))
        if collection is None or not collection.file_fields:
            return {}
        before, found = collection.called_before(self._moment(schema)), {}
        for key, value in body.items():
            bare = key.removesuffix("+")
            field = collection.every_field.get(before.get(bare, bare))
            if isinstance(field, FileField) and (ids := named_uploads(value)):
                found[key] = field, ids
        return found

    def _place(self, placed: Placed, name: str, id: str | None, named: dict[str, tuple[FileField, list[str]]], request: Request) -> None:
        if self._work.is_inside():
            raise Invalid("uploads are named in requests, not by code that runs in a transaction", code="upload_in_transaction")
        intake = self._uploads.intake(name, id, actor=request.actor, facts=request.facts)
        own = placed.body.get("id") if id is None else None
        placed.id = own if isinstance(own, str) and RECORD_ID.fullmatch(own) else placed.id or intake.id
        placed.used = [each for _, ids in named.values() for each in ids]
        for key, (field, ids) in named.items():
            for at, each in enumerate(ids):
                if placed.used.count(each) > 1:
                    raise invalid(f"/{key}", "named_twice", "an upload becomes one file", hint="upload it twice, or name it once")
                if at >= field.most:
                    raise invalid(f"/{key}", "too_many", f"`{field.name}` holds at most {field.most} files")
        files = {each: self._file(placed, intake, field, each, request) for field, ids in named.values() for each in ids}
        placed.body = {key: with_files(value, files) if key in named else value for key, value in placed.body.items()}

    def _file(self, placed: Placed, intake: Intake, field: FileField, upload: str, request: Request) -> KeptFile:
        collection: Collection = intake.collection
        pending = self._resumable.find(upload, actor=request.actor, facts=request.facts)
        pending.serves(collection, field, placed.id if intake.changing else None)
        if pending.upload.is_whole and pending.made is None:
            pending = self._resumable.whole(upload, actor=request.actor, facts=request.facts)
        made, name = pending.taken(field.name), new_name(pending.made.type if pending.made else "")
        key = key_of(collection.id, placed.id, name)
        self._uploads.expect(key, intake.owner)
        placed.keys.append(key)
        if not placed.dry_run and not self._files.copy(made.key, key):
            raise no_such_upload()
        return KeptFile(name=name, original=pending.original, size=made.size, type=made.type, sha256=made.sha256)


def _changed_id(operation: Operation) -> str | None:
    """None of a new record."""
    if operation.method == "create":
        return None
    if operation.method == "update" and isinstance(operation.id, str) and RECORD_ID.fullmatch(operation.id):
        return operation.id
    detail = "an upload is for a record that is made here, or one that the operation names by its id"
    raise invalid("", "upload_elsewhere", detail, hint="give the file to the operation that creates the record")
