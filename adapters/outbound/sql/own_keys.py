"""The keys that accounts make for themselves in SQL: one row each, found by digest when a process first sees it, then by id."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Executable,
    Text,
    and_,
    bindparam,
    cast,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table

from adapters.outbound.sql.api_keys import pairs, written
from adapters.outbound.sql.columns import EPOCH_COLUMN
from adapters.outbound.sql.id_sets import ids_value, one_of
from adapters.outbound.sql.session import Session
from domain.accounts.api_keys import ApiKey
from domain.accounts.own_keys import OwnKey
from domain.schema.collection import Collection

_TOLD = ("id", "collection", "account", "name", "scopes", "rules", "created", "expires", "used")
OWN_KEYS = sql_table("_own_keys", *(sql_column(name) for name in (*_TOLD, "epoch", "digest")))
_WHOLE = tuple(OWN_KEYS.c[name] for name in _TOLD)


class SqlOwnKeyStore:
    """Keeps ports.own_keys.OwnKeyStore on one session of the database."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, collection: Collection, key: OwnKey, digest: str) -> bool:
        values = {
            "id": key.key.id, "collection": collection.id, "account": key.key.by, "name": key.key.name, "scopes": written(key.key.scopes),
            "rules": written(key.key.rules), "created": key.key.created, "expires": key.key.expires, "digest": digest,
        }  # fmt: skip
        return bool(self._run(("add", collection.name), lambda: self._adding(collection, tuple(values)), values))

    def _adding(self, collection: Collection, names: tuple[str, ...]) -> Executable:
        account = self._session.tables[collection.name].alias("_account")
        row = select(*(cast(bindparam(name), Text).label(name) for name in names), account.c[EPOCH_COLUMN].label("epoch"))
        there = row.where(account.c.id == bindparam("account"))
        return insert(OWN_KEYS).from_select([*names, "epoch"], there).returning(OWN_KEYS.c.id)

    def find(self, digest: str) -> OwnKey | None:
        rows = self._run("find", lambda: select(*_WHOLE).where(OWN_KEYS.c.digest == bindparam("presented")), {"presented": digest})
        return _key(rows[0]) if rows else None

    def of_account(self, collection: Collection, account: str, now: str) -> Sequence[OwnKey]:
        rows = self._run(("list", collection.name), lambda: self._listing(collection), {**_whose(collection, account), "now": now})
        return [_key(row) for row in rows]

    def _listing(self, collection: Collection) -> Executable:
        good = or_(OWN_KEYS.c.expires.is_(None), OWN_KEYS.c.expires > bindparam("now"))
        standing = and_(_OF_ACCOUNT, good, OWN_KEYS.c.epoch == self._epoch(collection))
        return select(*_WHOLE).where(standing).order_by(OWN_KEYS.c.id.desc())

    def carry_over(self, collection: Collection, account: str) -> None:
        self._run(("carry over", collection.name), lambda: self._carrying_over(collection), _whose(collection, account))

    def _carrying_over(self, collection: Collection) -> Executable:
        """Only from the epoch just before: what ended earlier does not come back."""
        epoch = self._epoch(collection)
        stood = and_(_OF_ACCOUNT, OWN_KEYS.c.epoch == epoch - 1)
        return update(OWN_KEYS).where(stood).values(epoch=epoch).returning(OWN_KEYS.c.id)

    def note_use(self, id: str, at: str) -> None:
        noted = lambda: update(OWN_KEYS).where(OWN_KEYS.c.id == bindparam("which")).values(used=bindparam("at"))
        self._run("use", noted, {"which": id, "at": at})

    def remove(self, collection: Collection, account: str, id: str) -> bool:
        one = and_(_OF_ACCOUNT, OWN_KEYS.c.id == bindparam("which"))
        statement = lambda: delete(OWN_KEYS).where(one).returning(OWN_KEYS.c.id)
        return bool(self._run("remove", statement, {**_whose(collection, account), "which": id}))

    def forget(self, collection: Collection, accounts: Sequence[str]) -> Sequence[str]:
        dialect = self._session.dialect
        theirs = and_(OWN_KEYS.c.collection == bindparam("of_collection"), one_of(OWN_KEYS.c.account, dialect))
        values = {"of_collection": collection.id, "ids": ids_value(accounts, dialect)}
        return [row[0] for row in self._run("forget", lambda: delete(OWN_KEYS).where(theirs).returning(OWN_KEYS.c.id), values)]

    def end(self, ids: Sequence[str]) -> None:
        dialect = self._session.dialect
        those = one_of(OWN_KEYS.c.id, dialect)
        self._run("end", lambda: delete(OWN_KEYS).where(those).returning(OWN_KEYS.c.id), {"ids": ids_value(ids, dialect)})

    def narrowed(self, collection: str) -> Sequence[OwnKey]:
        named = OWN_KEYS.c.rules.contains(bindparam("named", type_=Text))
        ruled = and_(OWN_KEYS.c.rules != "[]", named)
        rows = self._run("narrowed", lambda: select(*_WHOLE).where(ruled), {"named": json.dumps(collection)})
        return [_key(row) for row in rows]

    def sweep(self, now: str, limit: int) -> int:
        over = select(OWN_KEYS.c.id).where(OWN_KEYS.c.expires <= bindparam("now")).limit(bindparam("most"))
        statement = lambda: delete(OWN_KEYS).where(OWN_KEYS.c.id.in_(over)).returning(OWN_KEYS.c.id)
        return len(self._run("sweep", statement, {"now": now, "most": limit}))

    def _epoch(self, collection: Collection) -> Any:
        """Of the account that a key is of."""
        account = self._session.tables[collection.name].alias("_account")
        return select(account.c[EPOCH_COLUMN]).where(account.c.id == OWN_KEYS.c.account).correlate(OWN_KEYS).scalar_subquery()

    def _run(self, key: str | tuple[str, ...], build: Callable[[], Executable], values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self._session.execute(self._session.prepared(("own keys", key), build), values)


_OF_ACCOUNT: ColumnElement[bool] = and_(
    OWN_KEYS.c.collection == bindparam("of_collection"), OWN_KEYS.c.account == bindparam("of_account")
)


def _whose(collection: Collection, account: str) -> dict[str, Any]:
    return {"of_collection": collection.id, "of_account": account}


def _key(row: Sequence[Any]) -> OwnKey:
    told = dict(zip(_TOLD, row, strict=True))
    collection, account = told.pop("collection"), told.pop("account")
    return OwnKey(collection, ApiKey(**{**told, "by": account, "scopes": pairs(told["scopes"]), "rules": pairs(told["rules"])}))
