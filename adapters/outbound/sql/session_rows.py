"""The sessions of accounts in SQL: one row each, found by id with every request, by family when refreshed, by account for lists."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, fields
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Executable,
    LargeBinary,
    Text,
    and_,
    bindparam,
    case,
    cast,
    delete,
    exists,
    insert,
    select,
    update,
)
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table

from adapters.outbound.sql.columns import EPOCH_COLUMN
from adapters.outbound.sql.factors import has_factor
from adapters.outbound.sql.id_sets import ids_value, one_of
from adapters.outbound.sql.session import Session as SqlSession
from domain.accounts.refresh import KeptToken
from domain.accounts.sessions import Session
from domain.schema.collection import Collection
from ports.sessions import LISTED, Turn

_TOLD = tuple(each.name for each in fields(Session))
_KEPT = ("family", "token", "spent", "rotated")
SESSIONS = sql_table(
    "_sessions", *(sql_column(name) for name in (*_TOLD, *_KEPT)), sql_column("salt", LargeBinary)
)
_ITS_COLUMNS = tuple(SESSIONS.c[name] for name in _TOLD)


class SqlSessionStore:
    """Keeps ports.sessions.SessionStore on one session of the database."""

    def __init__(self, session: SqlSession) -> None:
        self._session = session

    def add(self, collection: Collection, session: Session, token: KeptToken, *, both: bool = True) -> bool:
        values = {**dict(zip(_TOLD, astuple(session), strict=True)), "family": token.family, "token": token.token, "rotated": session.used}
        return bool(self._run(("add", collection.name, str(both)), lambda: self._adding(collection, tuple(values), both=both), values))

    def _adding(self, collection: Collection, names: tuple[str, ...], *, both: bool) -> Executable:
        account = self._session.tables[collection.name].alias("_account")
        # On PostgreSQL a deletion that is under way is waited for; on SQLite nobody else writes meanwhile.
        standing = exists(select(account.c.id).where(account.c.id == bindparam("account")).with_for_update(read=True, key_share=True))
        row = select(*(cast(bindparam(name), BigInteger if name == "epoch" else Text).label(name) for name in names)).where(standing)
        free = row if both else row.where(~has_factor(bindparam("collection"), bindparam("account")))
        return insert(SESSIONS).from_select(list(names), free).returning(SESSIONS.c.id)

    def spend(self, collection: Collection, turn: Turn) -> Session | None:
        values = {**_presented(collection, turn), "next": turn.next.token, "new_salt": turn.salt, "idle_end": turn.expires,
                  "seen_at": turn.address}  # fmt: skip
        rows = self._run(("spend", collection.name), lambda: self._spending(collection), values)
        return Session(*rows[0]) if rows else None

    def _spending(self, collection: Collection) -> Executable:
        idle_end: ColumnElement[Any] = bindparam("idle_end")
        now: ColumnElement[Any] = bindparam("now")
        changed = {
            "spent": SESSIONS.c.token, "token": bindparam("next"), "salt": bindparam("new_salt", type_=LargeBinary), "rotated": now,
            "used": now, "expires": case((SESSIONS.c.ends < idle_end, SESSIONS.c.ends), else_=idle_end), "address": bindparam("seen_at"),
        }  # fmt: skip
        present = and_(self._of_family(collection), SESSIONS.c.token == bindparam("presented"))
        return update(SESSIONS).where(present).values(changed).returning(*_ITS_COLUMNS)

    def just_spent(self, collection: Collection, turn: Turn) -> tuple[Session, bytes] | None:
        values = {**_presented(collection, turn), "grace": turn.grace}
        rows = self._run(("just spent", collection.name), lambda: self._just_spent(collection), values)
        return (Session(*rows[0][:-1]), bytes(rows[0][-1])) if rows else None

    def _just_spent(self, collection: Collection) -> Executable:
        before = and_(SESSIONS.c.spent == bindparam("presented"), SESSIONS.c.rotated > bindparam("grace"))
        return select(*_ITS_COLUMNS, SESSIONS.c.salt).where(self._of_family(collection), before)

    def end_family(self, collection: Collection, family: str) -> Session | None:
        same = and_(SESSIONS.c.family == bindparam("of_family"), SESSIONS.c.collection == bindparam("of_collection"))
        values = {"of_family": family, "of_collection": collection.id}
        rows = self._run("end family", lambda: delete(SESSIONS).where(same).returning(*_ITS_COLUMNS), values)
        return Session(*rows[0]) if rows else None

    def of_account(self, collection: Collection, account: str, now: str, limit: int = LISTED) -> Sequence[Session]:
        values = {**_whose(collection, account), "now": now, "most": limit}
        rows = self._run(("list", collection.name), lambda: self._listing(collection), values)
        return [Session(*row) for row in rows]

    def _listing(self, collection: Collection) -> Executable:
        standing = and_(_OF_ACCOUNT, SESSIONS.c.expires > bindparam("now"), self._epoch_agrees(collection))
        return select(*_ITS_COLUMNS).where(standing).order_by(SESSIONS.c.used.desc(), SESSIONS.c.id.desc()).limit(bindparam("most"))

    def end(self, collection: Collection, account: str, id: str) -> bool:
        one = and_(_OF_ACCOUNT, SESSIONS.c.id == bindparam("of_id"))
        values = {**_whose(collection, account), "of_id": id}
        return bool(self._run("end", lambda: delete(SESSIONS).where(one).returning(SESSIONS.c.id), values))

    def end_others(self, collection: Collection, account: str, kept: str | None) -> int:
        others = and_(_OF_ACCOUNT, SESSIONS.c.id != bindparam("of_id"))
        values = {**_whose(collection, account), "of_id": kept or ""}
        return len(self._run("end others", lambda: delete(SESSIONS).where(others).returning(SESSIONS.c.id), values))

    def carry_over(self, collection: Collection, account: str, kept: str | None) -> None:
        values = {**_whose(collection, account), **({"of_id": kept} if kept else {})}
        self._run(("carry over", collection.name, str(bool(kept))), lambda: self._carrying_over(collection, bool(kept)), values)

    def _carrying_over(self, collection: Collection, one: bool) -> Executable:
        """Only from the epoch just before: what ended earlier does not come back."""
        epoch = self._epoch(collection)
        stood = and_(_OF_ACCOUNT, SESSIONS.c.epoch == epoch - 1)
        chosen = and_(stood, SESSIONS.c.id == bindparam("of_id")) if one else stood
        return update(SESSIONS).where(chosen).values(epoch=epoch).returning(SESSIONS.c.id)

    def forget(self, collection: Collection, accounts: Sequence[str]) -> None:
        dialect = self._session.dialect
        theirs = and_(SESSIONS.c.collection == bindparam("of_collection"), one_of(SESSIONS.c.account, dialect))
        values = {"of_collection": collection.id, "ids": ids_value(accounts, dialect)}
        self._run("forget", lambda: delete(SESSIONS).where(theirs).returning(SESSIONS.c.id), values)

    def overdue(self, now: str) -> bool:
        over = SESSIONS.c.expires <= bindparam("now")
        return bool(self._run("overdue", lambda: select(SESSIONS.c.id).where(over).limit(1), {"now": now}))

    def sweep(self, now: str, limit: int) -> int:
        over = select(SESSIONS.c.id).where(SESSIONS.c.expires <= bindparam("now")).limit(bindparam("most"))
        statement = lambda: delete(SESSIONS).where(SESSIONS.c.id.in_(over)).returning(SESSIONS.c.id)
        return len(self._run("sweep", statement, {"now": now, "most": limit}))

    def _of_family(self, collection: Collection) -> ColumnElement[bool]:
        same = and_(SESSIONS.c.family == bindparam("of_family"), SESSIONS.c.collection == bindparam("of_collection"))
        return and_(same, SESSIONS.c.expires > bindparam("now"), self._epoch_agrees(collection))

    def _epoch_agrees(self, collection: Collection) -> ColumnElement[bool]:
        return SESSIONS.c.epoch == self._epoch(collection)

    def _epoch(self, collection: Collection) -> Any:
        """Of the account that a session is of."""
        account = self._session.tables[collection.name].alias("_account")
        return select(account.c[EPOCH_COLUMN]).where(account.c.id == SESSIONS.c.account).correlate(SESSIONS).scalar_subquery()

    def _run(self, key: str | tuple[str, ...], build: Callable[[], Executable], values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self._session.execute(self._session.prepared(("sessions", key), build), values)


_OF_ACCOUNT = and_(SESSIONS.c.collection == bindparam("of_collection"), SESSIONS.c.account == bindparam("of_account"))


def _presented(collection: Collection, turn: Turn) -> dict[str, Any]:
    return {"of_family": turn.presented.family, "of_collection": collection.id, "presented": turn.presented.token, "now": turn.now}


def _whose(collection: Collection, account: str) -> dict[str, Any]:
    return {"of_collection": collection.id, "of_account": account}
