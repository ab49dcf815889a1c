"""Files that the rows of an import name: looked at while rows are judged, and put into the store before the rows are written.

Nothing is stored of a file whose rows are refused. What was stored and is held by no record, since the import died, goes within twelve
hours: with the one of other files a long import would lose its first ones before it is written.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from itertools import islice
from typing import IO, Any, Protocol

from app.usecases.import_waiting import Judged, Made
from app.usecases.uploads import Uploads
from domain.errors import Invalid, Problem
from domain.files.names import NAME, key_of, new_name, original_name
from domain.files.serving import content_type, disposition
from domain.files.types import LOOKED_AT
from domain.schema.collection import Collection
from domain.schema.fields import FileField, Unfit
from domain.schema.fields.files import KeptFile, files_in
from ports.files import Files

_PIECE = 2**18
_LASTS = timedelta(hours=12)
_AT_ONCE = 100


class FolderOfFiles(Protocol):
    """Where the owner has the files; nothing outside of it is ever opened, whatever a row says."""

    def open(self, path: str) -> IO[bytes] | None:
        """None where there is no such file in it."""
        ...


class FoundFile(KeptFile):
    """One that was found in the folder, under `path`, and is not in the store yet."""

    __slots__ = ("path",)
    path: str


class FilesOfRows:
    """For one import."""

    def __init__(self, folder: FolderOfFiles, uploads: Uploads, files: Files) -> None:
        self._folder, self._uploads, self._files = folder, uploads, files

    def found(self, field: FileField, value: Any) -> Any:
        """What a cell or a value of a row names: a path in the folder, or what an export tells of a file, in a list where the field holds
        several. Unfit where there is no such file."""
        if value is None:
            return None
        if not field.many:
            return self._one(field, value)
        return [self._one(field, each) for each in (value if isinstance(value, list) else [value])]

    def _one(self, field: FileField, value: Any) -> FoundFile:
        path, original = _named(value)
        opened = self._folder.open(path)
        if opened is None:
            raise Unfit("no_such_file", f"there is no file `{path[:200]}` in the folder")
        with opened as file:
            return self._looked_at(field, path, original_name(original), file)

    def _looked_at(self, field: FileField, path: str, original: str, file: IO[bytes]) -> FoundFile:
        head = file.read(LOOKED_AT)
        try:
            media_type = self._uploads.type_taken(head, original, field, field.name)
        except Invalid as refused:
            raise Unfit("type_not_taken", refused.detail) from refused
        digest, size = sha256(head), len(head)
        while piece := file.read(_PIECE):
            size += len(piece)
            if size > field.max_size:
                break  # whoever judges the value says so
            digest.update(piece)
        found = FoundFile(name=new_name(media_type), original=original, size=size, type=media_type, sha256=digest.hexdigest())
        found.path = path
        return found

    # --- into the store

    @contextmanager
    def placed(self, judged: Judged) -> Iterator[None]:
        """The files of all rows that wait, in the store. Those are given up where this ends with a refusal."""
        try:
            for id, file in _waiting(judged):
                self._place(judged.collection, id, file)
            yield
        except BaseException as error:
            # Whether records hold them is not known then; the rows will tell.
            if not (isinstance(error, Problem) and error.code == "outcome_unknown"):
                keys = (key_of(judged.collection.id, id, file["name"]) for id, file in _waiting(judged))
                while some := list(islice(keys, _AT_ONCE)):
                    self._uploads.give_up(some)
            raise

    def _place(self, collection: Collection, id: str, file: FoundFile) -> None:
        opened = self._folder.open(file.path)
        if opened is None:
            raise _changed(file)
        key = key_of(collection.id, id, file["name"])
        self._uploads.expect(key, lasts=_LASTS)
        with opened as source:
            shown = disposition(file["original"], file["type"])
            self._files.write(key, _as_before(source, file), type=content_type(file["type"]), disposition=shown)


def _named(value: Any) -> tuple[str, str]:
    """Where the file is in the folder, and what people call it."""
    if isinstance(value, str):
        return value, value
    if isinstance(value, dict) and isinstance(value.get("name"), str) and NAME.fullmatch(value["name"]):
        original = value.get("original")
        return exported_path(value["name"]), original if isinstance(original, str) else value["name"]
    raise Unfit("not_a_file", "this names no file: a path in the folder does, or what an export tells of one")


def exported_path(name: str) -> str:
    """Where an export has a file of this name: a folder of a million is no folder."""
    return f"{name[:2]}/{name}"


def _waiting(judged: Judged) -> Iterator[tuple[str, FoundFile]]:
    names = {each.name for each in judged.collection.file_fields}
    for chunk in judged.chunks():
        for record in _records(chunk):
            for value in (record[name] for name in names if name in record):
                yield from ((record["id"], file) for file in files_in(value) if isinstance(file, FoundFile))


def _records(chunk: Any) -> Iterator[dict[str, Any]]:
    if isinstance(chunk, Made):
        return (dict(zip(chunk.names, row, strict=True)) for row in chunk.rows)
    return (dict(each.values) for each in chunk)


def _as_before(source: IO[bytes], file: FoundFile) -> Iterator[bytes]:
    """Its bytes; Invalid where these are others than when the row was judged."""
    digest = sha256()
    while piece := source.read(_PIECE):
        digest.update(piece)
        yield piece
    if digest.hexdigest() != file["sha256"]:
        raise _changed(file)


def _changed(file: FoundFile) -> Invalid:
    return Invalid(f"`{file.path[:200]}` was changed while rows were judged", code="file_changed", hint="start the import again")
