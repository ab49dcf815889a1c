"""Uploads and their pieces, in tables of their own. Which of two requests may add to an upload is decided by one UPDATE."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import text

from adapters.outbound.sql.id_sets import ids_value
from adapters.outbound.sql.session import Session
from domain.files.pending import Made, Pending
from domain.files.resumable import Upload
from domain.schema.fields.times import read_instant, write_instant

_COLUMNS = "id, owner, collection, field, record, original, length, here, pieces, expires, form, made"
_STATEMENTS = {
    "begin": "INSERT INTO _uploads (id, owner, collection, field, record, original, length, here, pieces, expires, mark, form, made) "
    "VALUES (:id, :owner, :collection, :field, :record, :original, :length, 0, 0, :expires, '', :form, '')",
    "count": "SELECT count(*), coalesce(sum(length), 0) FROM _uploads WHERE owner = :owner AND expires > :now",
    "find": f"SELECT {_COLUMNS} FROM _uploads WHERE id = :id",  # noqa: S608 - names of our own
    "go_on": "UPDATE _uploads SET mark = :mark WHERE id = :id AND here = :here AND made = '' AND form = '' RETURNING id",
    "grow": "UPDATE _uploads SET here = :end, pieces = pieces + 1, expires = :expires "
    "WHERE id = :id AND mark = :mark AND here = :start AND made = '' RETURNING id",
    "piece": "INSERT INTO _upload_pieces (upload, start, key) VALUES (:id, :start, :key)",
    "pieces": "SELECT key FROM _upload_pieces WHERE upload = :id ORDER BY start",
    "finish": "UPDATE _uploads SET made = :made, here = length, expires = :expires WHERE id = :id AND made = '' RETURNING id",
    "clear": "DELETE FROM _upload_pieces WHERE upload {among} RETURNING key",
    "end": "DELETE FROM _uploads WHERE id {among} RETURNING made",
    "expired": "SELECT id FROM _uploads WHERE expires <= :now ORDER BY expires LIMIT :at_most",
    "of": "SELECT id FROM _uploads WHERE owner = :owner",
}


_AMONG = {"sqlite": "IN (SELECT value FROM json_each(:ids))", "postgresql": "= ANY(CAST(:ids AS text[]))"}


class SqlUploadStore:
    """Keeps ports.uploads.UploadStore on one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def begin(self, pending: Pending) -> None:
        upload = pending.upload
        self._run(
            "begin", id=pending.id, owner=pending.owner, collection=pending.collection, field=pending.field, record=pending.record,
            original=pending.original, length=upload.length, expires=write_instant(upload.expires), form=pending.form,
        )  # fmt: skip

    def count(self, owner: str, now: str) -> tuple[int, int]:
        count, length = self._run("count", owner=owner, now=now)[0]
        return int(count), int(length)

    def find(self, id: str) -> Pending | None:
        return next((_pending(row) for row in self._run("find", id=id)), None)

    def go_on(self, id: str, offset: int, mark: str) -> bool:
        return bool(self._run("go_on", id=id, here=offset, mark=mark))

    def grow(self, id: str, mark: str, start: int, end: int, key: str, expires: str) -> bool:
        if not self._run("grow", id=id, mark=mark, start=start, end=end, expires=expires):
            return False
        self._run("piece", id=id, start=start, key=key)
        return True

    def pieces(self, id: str) -> Sequence[str]:
        return [row[0] for row in self._run("pieces", id=id)]

    def finish(self, id: str, made: Made, expires: str) -> Sequence[str] | None:
        if not self._run("finish", id=id, made=json.dumps(asdict(made)), expires=expires):
            return None
        return [row[0] for row in self._run("clear", ids=self._ids([id]))]

    def end(self, ids: Sequence[str]) -> tuple[int, Sequence[str]]:
        # The upload first: whoever adds to it holds its row before the piece's.
        ended = self._run("end", ids=self._ids(ids))
        keys = [row[0] for row in self._run("clear", ids=self._ids(ids))]
        return len(ended), keys + [json.loads(row[0])["key"] for row in ended if row[0]]

    def expired(self, now: str, limit: int) -> Sequence[str]:
        return [row[0] for row in self._run("expired", now=now, at_most=limit)]

    def of(self, owner: str) -> Sequence[str]:
        return [row[0] for row in self._run("of", owner=owner)]

    def _ids(self, ids: Sequence[str]) -> Any:
        return ids_value(ids, self._session.dialect)

    def _run(self, name: str, /, **values: Any) -> list[tuple[Any, ...]]:
        among = _AMONG[self._session.dialect]
        build = lambda: text(_STATEMENTS[name].format(among=among))
        return self._session.execute(self._session.prepared(("uploads", name), build), values)


def _pending(row: Sequence[Any]) -> Pending:
    id, owner, collection, field, record, original, length, here, pieces, expires, form, made = row
    ends = read_instant(expires)
    assert ends is not None  # we wrote it
    upload = Upload(length, ends, {}, here)
    return Pending(id, owner, collection, field, record, original, upload, pieces, form, Made(**json.loads(made)) if made else None)
