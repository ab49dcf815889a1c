"""Files that came by themselves, before the record that is to hold them: what they are for, whose they are, and how a record's values
name them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.actor import Actor
from domain.errors import Conflict, Invalid, NotFound, TooLarge, did_you_mean, invalid
from domain.files.resumable import Upload
from domain.schema.collection import Collection
from domain.schema.fields import FileField

# An upload may be found by whoever sent it, and guests are told apart by this alone: 120 random bits.
ID = re.compile(r"[a-z2-7]{24}", re.ASCII)
# So many of one account that are not over: each keeps what came of it for a day.
MOST_OF_ONE = 100
MOST_OF_GUESTS = 1_000
# Of all guests together, who are nobody in particular and need make no record: so much may lie there for a day, and a disk is not filled.
MOST_BYTES_OF_GUESTS = 10_000_000_000
# How many pieces one may come in; each is a file of its own until all are here.
MOST_PIECES = 10_000
_KEY = "upload"
_FOLDER = "uploads"
# What an upload says of itself: ours, and what clients of tus send along by themselves.
_ADDRESS = ("collection", "field", "record")
_NAMES, _ASIDE = ("filename", "name"), ("filetype", "type", "relativePath")
_KNOWN = (*_ADDRESS, *_NAMES, *_ASIDE)


@dataclass(frozen=True, slots=True)
class Address:
    """For a field of a record, by the names that the client knows; `record` is empty for one that is still to be made."""

    collection: str
    field: str
    record: str
    original: str


@dataclass(frozen=True, slots=True)
class Made:
    """What became of an upload once it was whole, and where it lies until a record holds it."""

    key: str
    size: int
    type: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Pending:
    """`collection` and `record` are ids, `owner` is as `owner_of` says."""

    id: str
    owner: str
    collection: str
    field: str
    record: str
    original: str
    upload: Upload
    pieces: int = 0
    # Of one that goes straight to the store: the type that was announced.
    form: str = ""
    made: Made | None = None

    def check_more_pieces(self) -> None:
        if self.pieces >= MOST_PIECES:
            detail = f"an upload comes in at most {MOST_PIECES} pieces"
            raise TooLarge(detail, code="too_many_pieces", hint="begin it anew, and send more bytes with each request")

    def serves(self, collection: Collection, field: FileField, record: str | None) -> None:
        """Invalid where it was sent for something else: what it may be was judged by that. `record` is None of a new one."""
        if (self.collection, self.field) != (collection.id, field.name) or (self.record and self.record != record):
            raise invalid(f"/{field.name}", "upload_elsewhere", "this upload was sent for another field", hint="send the file for this one")

    def taken(self, field: str) -> Made:
        if self.made is None:
            here = f"{self.upload.offset} of its {self.upload.length} bytes are here"
            raise invalid(f"/{field}", "upload_unfinished", here, hint="send the rest first")
        return self.made


def owner_of(actor: Actor) -> str:
    """Who may go on with an upload. Of an account the same whatever it signs in with; a guest has nothing but the upload's id."""
    return "" if actor.is_guest else f"{actor.collection or actor.kind}/{actor.id}"


def check_room(owner: str, count: int, length: int) -> None:
    """For one more, where `count` wait that are to have so many bytes with it."""
    if owner and count >= MOST_OF_ONE:
        detail = f"{count} uploads wait for the rest of their bytes, or for a record"
        raise Conflict(detail, code="too_many_uploads", hint="go on with one of them, or end one (DELETE)")
    if not owner and (count >= MOST_OF_GUESTS or length > MOST_BYTES_OF_GUESTS):
        raise Conflict("too many uploads of guests wait for their records", code="too_many_uploads", hint="send it as a form, or sign in")


def read_address(metadata: Mapping[str, str]) -> Address:
    for name in metadata:
        if name not in _KNOWN:
            hint = did_you_mean(name, list(_KNOWN)) or f"there are {', '.join((*_ADDRESS, *_NAMES[:1], *_ASIDE[:1]))}"
            raise invalid("Upload-Metadata", "unknown_field", f"no `{name}` in `Upload-Metadata`", hint=hint)
    for name in _ADDRESS[:2]:
        if not metadata.get(name):
            raise invalid("Upload-Metadata", "required", f"`Upload-Metadata` says no `{name}`", hint="say which file field it is for")
    original = next((metadata[name] for name in _NAMES if metadata.get(name)), "")
    return Address(metadata["collection"], metadata["field"], metadata.get("record", ""), original)


def piece_key(id: str, start: int, mark: str) -> str:
    """`mark` tells pieces of requests apart that began at the same byte."""
    return f"{_FOLDER}/{id}/{start}-{mark}"


def form_key(id: str) -> str:
    return f"{_FOLDER}/{id}/form"


def whole_key(id: str, name: str) -> str:
    return f"{_FOLDER}/{id}/{name}"


def upload_of(key: str) -> str | None:
    """The id of the upload that this file came of, where it lies among those."""
    folder, _, rest = key.partition("/")
    return rest.partition("/")[0] if folder == _FOLDER else None


def named_uploads(value: Any) -> list[str]:
    """The ids of uploads that a file field's value names: `{"upload": id}`, or a list of such and of others."""
    elements = value if isinstance(value, list) else [value]
    return [_id_of(each) for each in elements if _is_named(each)]


def with_files(value: Any, files: Mapping[str, Any]) -> Any:
    """The same value with the files themselves, by the ids of their uploads."""
    if isinstance(value, list):
        return [with_files(each, files) for each in value]
    return files[_id_of(value)] if _is_named(value) else value


def no_such_upload() -> NotFound:
    return NotFound("there is no such upload, or its time is over", code="upload_ended", hint="begin it anew")


def _is_named(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {_KEY}


def _id_of(value: Mapping[str, Any]) -> str:
    id = value[_KEY]
    if not isinstance(id, str) or not ID.fullmatch(id):
        raise Invalid("`upload` is the id of an upload", code="invalid_upload", hint="it is the end of the upload's address")
    return id
