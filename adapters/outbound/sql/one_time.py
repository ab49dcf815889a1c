"""One-time secrets in SQL: a row each, found by its digest, so that comparing takes no time from which a secret could be learnt."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, fields
from typing import Any

from sqlalchemy import ColumnElement, Executable, and_, bindparam, case, delete, func, insert, select, update
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table

from adapters.outbound.sql.columns import EPOCH_COLUMN
from adapters.outbound.sql.id_sets import ids_value, one_of
from adapters.outbound.sql.session import Session
from domain.accounts.one_time import OneTime, Presented
from domain.schema.collection import Collection

_NAMES = tuple(each.name for each in fields(OneTime))
_SECRETS = sql_table("_one_time", *(sql_column(name) for name in _NAMES))
_OF_ACCOUNT = and_(_SECRETS.c.collection == bindparam("of_collection"), _SECRETS.c.account == bindparam("of_account"))

# The epoch of a secret that is of no account yet: who presents it says whose it is.
NOBODY = 0


class SqlOneTimeStore:
    """Keeps ports.one_time.OneTimeStore on one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, secret: OneTime) -> None:
        values = dict(zip(_NAMES, astuple(secret), strict=True))
        self._run("put", lambda: insert(_SECRETS).values({name: bindparam(name) for name in _NAMES}), values)

    def find(self, collection: Collection, presented: Presented, now: str) -> OneTime | None:
        statement = lambda: select(*_SECRETS.c).where(self._standing(collection))
        return self._one(("find", collection.name), statement, collection, presented, now)

    def take(self, collection: Collection, presented: Presented, now: str) -> OneTime | None:
        statement = lambda: delete(_SECRETS).where(self._standing(collection), _SECRETS.c.code == "").returning(*_SECRETS.c)
        return self._one(("take", collection.name), statement, collection, presented, now)

    def attempt(self, collection: Collection, presented: Presented, now: str) -> OneTime | None:
        """The try is counted and the code compared by the same UPDATE: of many at once no more are tried than may be."""
        found = self._run(("attempt", collection.name), lambda: self._attempting(collection), _values(collection, presented, now))
        return OneTime(*found[0][:-1]) if found and found[0][-1] else None

    def _attempting(self, collection: Collection) -> Executable:
        agrees = _SECRETS.c.code == bindparam("typed")
        left = case((agrees, 0), else_=_SECRETS.c.tries - 1)
        those = and_(self._standing(collection), _SECRETS.c.tries > 0)
        return update(_SECRETS).where(those).values(tries=left).returning(*_SECRETS.c, agrees)

    def spend_try(self, collection: Collection, presented: Presented, now: str) -> OneTime | None:
        those = lambda: and_(self._standing(collection), _SECRETS.c.tries > 0)
        statement = lambda: update(_SECRETS).where(those()).values(tries=_SECRETS.c.tries - 1).returning(*_SECRETS.c)
        return self._one(("spend", collection.name), statement, collection, presented, now)

    def bind(self, collection: Collection, presented: Presented, bound: str, now: str) -> bool:
        statement = lambda: update(_SECRETS).where(self._standing(collection)).values(bound=bindparam("about")).returning(_SECRETS.c.digest)
        values = {**_values(collection, presented, now), "about": bound}
        del values["typed"]
        return bool(self._run(("bind", collection.name), statement, values))

    def of_account(self, collection: Collection, account: str, now: str) -> Sequence[OneTime]:
        standing = and_(_OF_ACCOUNT, _SECRETS.c.expires > bindparam("now"))
        statement = lambda: select(*_SECRETS.c).where(standing).order_by(_SECRETS.c.expires, _SECRETS.c.digest)
        return [OneTime(*row) for row in self._run("list", statement, {"of_collection": collection.id, "of_account": account, "now": now})]

    def end(self, collection: Collection, account: str) -> None:
        values = {"of_collection": collection.id, "of_account": account}
        self._run("end", lambda: delete(_SECRETS).where(_OF_ACCOUNT).returning(_SECRETS.c.digest), values)

    def forget(self, collection: Collection, accounts: Sequence[str]) -> None:
        dialect = self._session.dialect
        theirs = and_(_SECRETS.c.collection == bindparam("of_collection"), one_of(_SECRETS.c.account, dialect))
        values = {"of_collection": collection.id, "ids": ids_value(accounts, dialect)}
        self._run("forget", lambda: delete(_SECRETS).where(theirs).returning(_SECRETS.c.digest), values)

    def sweep(self, now: str, limit: int) -> int:
        over = select(_SECRETS.c.digest).where(_SECRETS.c.expires <= bindparam("now")).limit(bindparam("most"))
        statement = lambda: delete(_SECRETS).where(_SECRETS.c.digest.in_(over)).returning(_SECRETS.c.digest)
        return len(self._run("sweep", statement, {"now": now, "most": limit}))

    def _standing(self, collection: Collection) -> ColumnElement[bool]:
        account = self._session.tables[collection.name].alias("_account")
        epoch = select(account.c[EPOCH_COLUMN]).where(account.c.id == _SECRETS.c.account).correlate(_SECRETS).scalar_subquery()
        this = and_(_SECRETS.c.digest == bindparam("of_digest"), _SECRETS.c.purpose == bindparam("of_purpose"))
        here = and_(_SECRETS.c.collection == bindparam("of_collection"), _SECRETS.c.epoch == func.coalesce(epoch, NOBODY))
        return and_(this, here, _SECRETS.c.expires > bindparam("now"))

    def _one(
        self, key: tuple[str, ...], build: Callable[[], Executable], collection: Collection, presented: Presented, now: str
    ) -> OneTime | None:
        values = _values(collection, presented, now)
        del values["typed"]
        found = self._run(key, build, values)
        return OneTime(*found[0]) if found else None

    def _run(self, key: str | tuple[str, ...], build: Callable[[], Executable], values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self._session.execute(self._session.prepared(("one-time", key), build), values)


def _values(collection: Collection, presented: Presented, now: str) -> dict[str, Any]:
    whose = {"of_purpose": presented.purpose, "of_collection": collection.id}
    return {"of_digest": presented.digest, **whose, "typed": presented.code, "now": now}
