"""Passkeys in SQL."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Executable, LargeBinary, and_, bindparam, delete, select, update
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table
from sqlalchemy.dialects import postgresql, sqlite

from adapters.outbound.sql.session import Session
from domain.accounts.passkeys import Passkey
from domain.schema.collection import Collection

_NAMES = tuple(each.name for each in fields(Passkey))
PASSKEYS = sql_table(
    "_passkeys", sql_column("collection"), *(sql_column(name, LargeBinary if name == "public_key" else None) for name in _NAMES)
)
_ITS_COLUMNS = tuple(PASSKEYS.c[name] for name in _NAMES)
_INSERTS: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_HERE = PASSKEYS.c.collection == bindparam("of_collection")


class SqlPasskeyStore:
    """Keeps ports.passkey_rows.PasskeyStore on one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, collection: Collection, passkey: Passkey) -> bool:
        values = {"collection": collection.id, **{name: getattr(passkey, name) for name in _NAMES}}
        return bool(self._run("add", self._adding, values))

    def _adding(self) -> Executable:
        values = {each.name: bindparam(each.name, type_=each.type) for each in PASSKEYS.c}
        adding = _INSERTS[self._session.dialect](PASSKEYS).values(values)
        found: Executable = adding.on_conflict_do_nothing(index_elements=["collection", "credential"]).returning(PASSKEYS.c.id)
        return found

    def find(self, collection: Collection, credential: str) -> Passkey | None:
        statement = lambda: select(*_ITS_COLUMNS).where(_HERE, PASSKEYS.c.credential == bindparam("of_credential"))
        rows = self._run("find", statement, {"of_collection": collection.id, "of_credential": credential})
        return _read(rows[0]) if rows else None

    def of_account(self, collection: Collection, account: str) -> Sequence[Passkey]:
        statement = lambda: select(*_ITS_COLUMNS).where(_HERE, PASSKEYS.c.account == bindparam("of_account")).order_by(PASSKEYS.c.id)
        return [_read(row) for row in self._run("list", statement, {"of_collection": collection.id, "of_account": account})]

    def use(self, collection: Collection, passkey: Passkey, counter: int, now: str) -> bool:
        same = and_(_HERE, PASSKEYS.c.id == bindparam("of_id"), PASSKEYS.c.counter == bindparam("was"))
        statement = lambda: update(PASSKEYS).where(same).values(counter=bindparam("new"), used=bindparam("now")).returning(PASSKEYS.c.id)
        values = {"of_collection": collection.id, "of_id": passkey.id, "was": passkey.counter, "new": counter, "now": now}
        return bool(self._run("use", statement, values))

    def rename(self, collection: Collection, account: str, id: str, name: str) -> Passkey | None:
        this = and_(_HERE, PASSKEYS.c.account == bindparam("of_account"), PASSKEYS.c.id == bindparam("of_id"))
        statement = lambda: update(PASSKEYS).where(this).values(name=bindparam("called")).returning(*(PASSKEYS.c[each] for each in _NAMES))
        values = {"of_collection": collection.id, "of_account": account, "of_id": id, "called": name}
        rows = self._run("rename", statement, values)
        return _read(rows[0]) if rows else None

    def remove(self, collection: Collection, account: str, id: str) -> bool:
        this = and_(_HERE, PASSKEYS.c.account == bindparam("of_account"), PASSKEYS.c.id == bindparam("of_id"))
        statement = lambda: delete(PASSKEYS).where(this).returning(PASSKEYS.c.id)
        return bool(self._run("remove", statement, {"of_collection": collection.id, "of_account": account, "of_id": id}))

    def _run(self, key: str, build: Callable[[], Executable], values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self._session.execute(self._session.prepared(("passkeys", key), build), values)


def _read(row: tuple[Any, ...]) -> Passkey:
    values = dict(zip(_NAMES, row, strict=True))
    return Passkey(**{**values, "public_key": bytes(values["public_key"])})
