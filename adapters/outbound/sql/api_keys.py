"""The keys of other programs in SQL: one row each, found by digest when a process first sees it, by id with every request."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Executable, bindparam, delete, insert, select, update
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table

from adapters.outbound.sql.session import Session
from domain.accounts.api_keys import ApiKey

_TOLD = ("id", "name", "scopes", "created", "by", "expires", "used", "rules")
# "by" is a word of SQL.
_COLUMNS = ("id", "name", "scopes", "created", "made_by", "expires", "used", "rules")
TABLE = sql_table("_api_keys", *(sql_column(name) for name in (*_COLUMNS, "digest", "epoch")))
_WHOLE = tuple(TABLE.c[name] for name in _COLUMNS)


class SqlApiKeyStore:
    """Keeps ports.api_keys.ApiKeyStore on one session of the database."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, key: ApiKey, digest: str) -> None:
        told = {column: getattr(key, name) for column, name in zip(_COLUMNS, _TOLD, strict=True)}
        values = {**told, "scopes": written(key.scopes), "rules": written(key.rules), "digest": digest, "epoch": 1}
        self._run("add", lambda: insert(TABLE).values({name: bindparam(name) for name in values}), values)

    def find(self, digest: str) -> ApiKey | None:
        rows = self._run("find", lambda: select(*_WHOLE).where(TABLE.c.digest == bindparam("presented")), {"presented": digest})
        return _key(rows[0]) if rows else None

    def all(self) -> Sequence[ApiKey]:
        return [_key(row) for row in self._run("all", lambda: select(*_WHOLE).order_by(TABLE.c.id.desc()), {})]

    def ruled(self) -> Sequence[ApiKey]:
        return [_key(row) for row in self._run("ruled", lambda: select(*_WHOLE).where(TABLE.c.rules != "[]").order_by(TABLE.c.id), {})]

    def note_use(self, id: str, at: str) -> None:
        values = {"which": id, "at": at}
        self._run("use", lambda: update(TABLE).where(TABLE.c.id == bindparam("which")).values(used=bindparam("at")), values)

    def remove(self, id: str) -> bool:
        return bool(self._run("remove", lambda: delete(TABLE).where(TABLE.c.id == bindparam("which")).returning(TABLE.c.id), {"which": id}))

    def remove_made_by(self, admin: str) -> Sequence[str]:
        theirs = TABLE.c.made_by == bindparam("admin")
        return [row[0] for row in self._run("remove theirs", lambda: delete(TABLE).where(theirs).returning(TABLE.c.id), {"admin": admin})]

    def _run(self, key: str, build: Callable[[], Executable], values: dict[str, Any]) -> list[tuple[Any, ...]]:
        return self._session.execute(self._session.prepared(("api keys", key), build), values)


def _key(row: Sequence[Any]) -> ApiKey:
    told = dict(zip(_TOLD, row, strict=True))
    return ApiKey(**{**told, "scopes": pairs(told["scopes"]), "rules": pairs(told["rules"])})


def written(pairs: frozenset[tuple[str, str]]) -> str:
    return json.dumps(sorted(pairs))


def pairs(text: str) -> frozenset[tuple[str, str]]:
    return frozenset((collection, told) for collection, told in json.loads(text))
