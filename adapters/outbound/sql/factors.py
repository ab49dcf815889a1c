"""Second factors in SQL. Each decision is one statement: of many that show one code at once, one has used it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Executable,
    LargeBinary,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table
from sqlalchemy.dialects import postgresql, sqlite

from adapters.outbound.sql.id_sets import ids_value, one_of
from adapters.outbound.sql.passkeys import PASSKEYS
from adapters.outbound.sql.session import Session
from domain.accounts.factors import Totp
from domain.schema.collection import Collection

_TOTP = sql_table(
    "_totp", sql_column("collection"), sql_column("account"), sql_column("sealed", LargeBinary), sql_column("confirmed"),
    sql_column("step"), sql_column("created"),
)  # fmt: skip
_RECOVERY = sql_table("_recovery_codes", sql_column("collection"), sql_column("account"), sql_column("digest"))
_SESSIONS = sql_table(
    "_sessions", *(sql_column(name) for name in ("id", "collection", "account", "created", "proved"))
)

_INSERTS: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def has_factor(collection: Any, account: Any) -> ColumnElement[bool]:
    """That an account has a second factor; for the statement that opens its session, so that nothing comes between."""
    app = select(_TOTP.c.account).where(_TOTP.c.collection == collection, _TOTP.c.account == account, _TOTP.c.confirmed == 1)
    passkey = select(PASSKEYS.c.id).where(PASSKEYS.c.collection == collection, PASSKEYS.c.account == account)
    return or_(exists(app), exists(passkey))


class SqlFactorStore:
    """Keeps ports.factors.FactorStore on one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def totp(self, collection: Collection, account: str) -> Totp | None:
        wanted = select(_TOTP.c.sealed, _TOTP.c.confirmed, _TOTP.c.step, _TOTP.c.created)
        rows = self._run("totp", lambda: wanted.where(_of(_TOTP)), _whose(collection, account))
        return Totp(bytes(rows[0][0]), bool(rows[0][1]), rows[0][2], rows[0][3]) if rows else None

    def propose_totp(self, collection: Collection, account: str, sealed: bytes, now: str) -> bool:
        values = {"collection": collection.id, "account": account, "sealed": sealed, "confirmed": 0, "step": 0, "created": now}
        return bool(self._run("propose", self._proposing, values))

    def _proposing(self) -> Executable:
        names = ("collection", "account", "sealed", "confirmed", "step", "created")
        adding = _INSERTS[self._session.dialect](_TOTP).values({name: bindparam(name, type_=_TOTP.c[name].type) for name in names})
        new = {name: adding.excluded[name] for name in ("sealed", "created")}
        adding = adding.on_conflict_do_update(index_elements=["collection", "account"], set_=new, where=_TOTP.c.confirmed == 0)
        found: Executable = adding.returning(_TOTP.c.account)
        return found

    def confirm_totp(self, collection: Collection, account: str, sealed: bytes, step: int) -> bool:
        waiting = and_(_of(_TOTP), _TOTP.c.confirmed == 0, _TOTP.c.sealed == bindparam("proposed", type_=LargeBinary))
        statement = lambda: update(_TOTP).where(waiting).values(confirmed=1, step=bindparam("used")).returning(_TOTP.c.account)
        return bool(self._run("confirm", statement, {**_whose(collection, account), "proposed": sealed, "used": step}))

    def use_step(self, collection: Collection, account: str, step: int) -> bool:
        unused = and_(_of(_TOTP), _TOTP.c.confirmed == 1, _TOTP.c.step < bindparam("used"))
        statement = lambda: update(_TOTP).where(unused).values(step=bindparam("used")).returning(_TOTP.c.account)
        return bool(self._run("step", statement, {**_whose(collection, account), "used": step}))

    def remove_totp(self, collection: Collection, account: str) -> bool:
        statement = lambda: delete(_TOTP).where(_of(_TOTP)).returning(_TOTP.c.confirmed)
        return (1,) in self._run("remove totp", statement, _whose(collection, account))

    def put_recovery(self, collection: Collection, account: str, digests: Sequence[str]) -> None:
        gone = lambda: delete(_RECOVERY).where(_of(_RECOVERY)).returning(_RECOVERY.c.digest)
        self._run("drop recovery", gone, _whose(collection, account))
        for digest in digests:
            values = {"collection": collection.id, "account": account, "digest": digest}
            self._run("put recovery", lambda: insert(_RECOVERY).values({name: bindparam(name) for name in values}), values)  # noqa: B023

    def take_recovery(self, collection: Collection, account: str, digest: str) -> bool:
        this = and_(_of(_RECOVERY), _RECOVERY.c.digest == bindparam("of_digest"))
        statement = lambda: delete(_RECOVERY).where(this).returning(_RECOVERY.c.digest)
        return bool(self._run("take recovery", statement, {**_whose(collection, account), "of_digest": digest}))

    def recovery_left(self, collection: Collection, account: str) -> int:
        statement = lambda: select(func.count()).select_from(_RECOVERY).where(_of(_RECOVERY))
        return int(self._run("recovery left", statement, _whose(collection, account))[0][0])

    def forget(self, collection: Collection, accounts: Sequence[str]) -> None:
        dialect = self._session.dialect
        values = {"of_collection": collection.id, "ids": ids_value(accounts, dialect)}
        for table in (_TOTP, _RECOVERY, PASSKEYS):
            theirs = and_(table.c.collection == bindparam("of_collection"), one_of(table.c.account, dialect))
            statement = lambda: delete(table).where(theirs).returning(table.c.account)  # noqa: B023 - called at once
            self._run(("forget", table.name), statement, values)

    def is_fresh(self, collection: Collection, account: str, session: str, since: str) -> bool:
        proved = or_(_SESSIONS.c.created > bindparam("since"), _SESSIONS.c.proved > bindparam("since"))
        statement = lambda: select(_SESSIONS.c.id).where(_its_session(), proved)
        return bool(self._run("fresh", statement, {**_whose(collection, account), "of_session": session, "since": since}))

    def step_up(self, collection: Collection, account: str, session: str, now: str) -> bool:
        statement = lambda: update(_SESSIONS).where(_its_session()).values(proved=bindparam("now")).returning(_SESSIONS.c.id)
        return bool(self._run("step up", statement, {**_whose(collection, account), "of_session": session, "now": now}))

    def _run(self, key: str | tuple[str, ...], build: Callable[[], Executable], values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self._session.execute(self._session.prepared(("factors", key), build), values)


def _of(table: Any) -> ColumnElement[bool]:
    return and_(table.c.collection == bindparam("of_collection"), table.c.account == bindparam("of_account"))


def _its_session() -> ColumnElement[bool]:
    return and_(_of(_SESSIONS), _SESSIONS.c.id == bindparam("of_session"))


def _whose(collection: Collection, account: str) -> dict[str, Any]:
    return {"of_collection": collection.id, "of_account": account}
