"""What signing in keeps in SQL: the columns of accounts that no field shows, the signing keys, the first admin's one-time token."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Executable,
    LargeBinary,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    not_,
    or_,
    select,
    true,
    update,
)
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table

from adapters.outbound.sql.columns import EPOCH_COLUMN, PASSWORD_COLUMN
from adapters.outbound.sql.factors import has_factor
from adapters.outbound.sql.names import key_column
from adapters.outbound.sql.schema import grow_version
from adapters.outbound.sql.session import Session
from adapters.outbound.sql.session_rows import SESSIONS
from domain.accounts.roles import ROLE
from domain.actor import OWNER
from domain.schema.account_fields import ANONYMOUS, DISABLED
from domain.schema.collection import Collection
from ports.accounts import Credentials, SigningKey

_KEYS = sql_table("_signing_keys", sql_column("kid"), sql_column("sealed", LargeBinary), sql_column("public"), sql_column("created"))
_SETUP = sql_table("_setup_tokens", sql_column("digest"), sql_column("expires"))

_IDENTITIES = sql_table("_identities", *(sql_column(name) for name in ("collection", "issuer", "subject", "account")))

Build = Callable[[], Executable]


class _Statements:
    """Compiles each once per schema version and runs it on the session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def _run(self, key: tuple[str, ...], build: Build, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self._session.execute(self._session.prepared(("accounts", *key), build), values)


class SqlAccountStore(_Statements):
    def credentials(self, collection: Collection, email_key: str) -> Credentials | None:
        return self._credentials(collection, key_column("email"), email_key)

    def credentials_named(self, collection: Collection, field: str, name: str) -> Credentials | None:
        key = collection.every_field[field].forms.get("key")
        if key is None:
            return self._credentials(collection, field, name)
        sought = key(name)
        return self._credentials(collection, key_column(field), sought) if sought else None

    def credentials_of(self, collection: Collection, id: str) -> Credentials | None:
        return self._credentials(collection, "id", id)

    def _credentials(self, collection: Collection, column: str, value: str) -> Credentials | None:
        rows = self._run((column, collection.name), lambda: self._choose(collection, column), {"value": value})
        return _credentials(rows)

    def _choose(self, collection: Collection, column: str) -> Select[Any]:
        table = self._session.tables[collection.name]
        return self._wanted(table).where(table.c[column] == bindparam("value"))

    def _wanted(self, table: Any) -> Select[Any]:
        return select(table.c.id, table.c.email, table.c[PASSWORD_COLUMN], table.c[EPOCH_COLUMN], table.c[ANONYMOUS])

    def credentials_by(self, collection: Collection, issuer: str, subject: str) -> Credentials | None:
        values = {"of_collection": collection.id, "by_issuer": issuer, "of_subject": subject}
        rows = self._run(("identity", collection.name), lambda: self._choose_by_identity(collection), values)
        return _credentials(rows)

    def _choose_by_identity(self, collection: Collection) -> Select[Any]:
        table = self._session.tables[collection.name]
        known = and_(
            _IDENTITIES.c.collection == bindparam("of_collection"), _IDENTITIES.c.issuer == bindparam("by_issuer"),
            _IDENTITIES.c.subject == bindparam("of_subject"), _IDENTITIES.c.account == table.c.id,
        )  # fmt: skip
        return self._wanted(table).where(known)

    def renew_hash(self, collection: Collection, id: str, *, old: str, new: str) -> bool:
        # Names that no field can have: SQLAlchemy keeps those of columns for itself.
        values = {"_account": id, "_old": old, "_new": new}
        return bool(self._run(("renew", collection.name), lambda: self._renew(collection), values))

    def _renew(self, collection: Collection) -> Executable:
        table = self._session.tables[collection.name]
        hashed = table.c[PASSWORD_COLUMN]
        same = and_(table.c.id == bindparam("_account"), hashed == bindparam("_old"))
        return update(table).where(same).values({hashed: bindparam("_new")}).returning(table.c.id)

    def count(self, collection: Collection) -> int:
        table = self._session.tables[collection.name]
        return int(self._run(("count", collection.name), lambda: select(func.count()).select_from(table), {})[0][0])

    def unused(self, collection: Collection, since: str, limit: int) -> Sequence[str]:
        values = {"since": since, "of_collection": collection.id, "most": limit}
        return [row[0] for row in self._run(("unused", collection.name), lambda: self._unused(collection), values)]

    def _unused(self, collection: Collection) -> Executable:
        table = self._session.tables[collection.name]
        mine = lambda other: and_(other.c.collection == bindparam("of_collection"), other.c.account == table.c.id)
        session = exists(select(SESSIONS.c.id).where(mine(SESSIONS), SESSIONS.c.used >= bindparam("since")))
        identity = exists(select(_IDENTITIES.c.account).where(mine(_IDENTITIES)))
        named = or_(table.c.email.is_not(None), session, identity, has_factor(bindparam("of_collection"), table.c.id))
        old = and_(table.c[ANONYMOUS].is_(true()), table.c.created < bindparam("since"), not_(named))
        return select(table.c.id).where(old).order_by(table.c.id).limit(bindparam("most"))

    def owners(self, admins: Collection) -> tuple[str, ...]:
        return tuple(row[0] for row in self._run(("owners",), lambda: self._owners(admins), {"role": OWNER}))

    def _owners(self, admins: Collection) -> Executable:
        """In one order, so that two of them never wait for each other."""
        table = self._session.tables[admins.name]
        standing = and_(table.c[ROLE] == bindparam("role"), table.c[DISABLED].is_not(true()))
        return select(table.c.id).where(standing).order_by(table.c.id).with_for_update()


class SqlKeyStore(_Statements):
    def signing_keys(self) -> tuple[SigningKey, ...]:
        rows = self._run(("keys",), lambda: select(_KEYS).order_by(_KEYS.c.created.desc(), _KEYS.c.kid), {})
        return tuple(SigningKey(kid, bytes(sealed), public, created) for kid, sealed, public, created in rows)

    def add_signing_key(self, key: SigningKey) -> None:
        values = {"kid": key.kid, "sealed": key.sealed, "public": key.public, "created": key.created}
        self._run(("add key",), lambda: insert(_KEYS).values({name: bindparam(name) for name in values}), values)

    def remove_signing_keys(self, kids: Sequence[str]) -> None:
        for kid in kids:
            self._run(("remove key",), lambda: delete(_KEYS).where(_KEYS.c.kid == bindparam("old_kid")), {"old_kid": kid})

    def announce(self) -> None:
        grow_version(self._session, self._session.schema.collections)

    def put_setup_token(self, digest: str, expires: str) -> None:
        self._run(("drop setup",), lambda: delete(_SETUP), {})
        values = {"digest": digest, "expires": expires}
        self._run(("put setup",), lambda: insert(_SETUP).values({name: bindparam(name) for name in values}), values)

    def has_setup_token(self, digest: str, now: str) -> bool:
        return bool(self._run(("has setup",), lambda: select(_SETUP.c.digest).where(_GOOD), {"digest": digest, "now": now}))

    def take_setup_token(self, digest: str, now: str) -> bool:
        """Takes whatever is kept, so that also of two tokens, made by two servers that started at once, one wins: the second
        DELETE waits for the first one's rows and finds them gone. It is found by its digest, so that comparing takes no time
        from which the token itself could be learnt."""
        there = select(_GOOD_ONE.c.digest).where(_GOOD_ONE.c.digest == bindparam("digest"), _GOOD_ONE.c.expires > bindparam("now"))
        values = {"digest": digest, "now": now}
        taken = self._run(("take setup",), lambda: delete(_SETUP).where(exists(there)).returning(_SETUP.c.digest), values)
        return (digest,) in taken


_GOOD = and_(_SETUP.c.digest == bindparam("digest"), _SETUP.c.expires > bindparam("now"))
_GOOD_ONE = _SETUP.alias()


def _credentials(rows: Sequence[Sequence[Any]]) -> Credentials | None:
    if not rows:
        return None
    id, email, password_hash, epoch, is_anonymous = rows[0]
    return Credentials(id, email, password_hash, epoch, bool(is_anonymous))
