"""Invitations in SQL: one row each, taken by the digest of what their letter holds."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Executable, and_, bindparam, delete, null, select, update
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table
from sqlalchemy.dialects import postgresql, sqlite

from adapters.outbound.sql.session import Session
from domain.accounts.invitations import Invitation
from domain.schema.collection import Collection

# "values" and "by" are words of SQL.
_COLUMNS = ("id", "collection", "email", "preset", "created", "expires", "made_by")
_TABLE = sql_table("_invitations", *(sql_column(name) for name in (*_COLUMNS, "email_key", "digest")))
_WHOLE = tuple(_TABLE.c[name] for name in _COLUMNS)
_INSERTS: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_HERE = _TABLE.c.collection == bindparam("of_collection")
_THIS = and_(_HERE, _TABLE.c.id == bindparam("of_id"))
_OPEN = and_(_HERE, _TABLE.c.digest == bindparam("of_digest"), _TABLE.c.expires > bindparam("now"))


class SqlInvitationStore:
    """Keeps ports.invitations.InvitationStore on one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, invitation: Invitation, email_key: str) -> bool:
        over = and_(_HERE, _TABLE.c.email_key == bindparam("of_key"), _TABLE.c.expires <= bindparam("now"))
        whose = {"of_collection": invitation.collection, "of_key": email_key, "now": invitation.created}
        self._run("drop over", lambda: delete(_TABLE).where(over).returning(_TABLE.c.id), whose)
        values = {
            "id": invitation.id, "collection": invitation.collection, "email": invitation.email,
            "preset": json.dumps(dict(invitation.values)),
            "created": invitation.created, "expires": invitation.expires, "made_by": invitation.by, "email_key": email_key,
        }  # fmt: skip
        return bool(self._run("add", lambda: self._adding(tuple(values)), values))

    def _adding(self, names: tuple[str, ...]) -> Executable:
        adding = _INSERTS[self._session.dialect](_TABLE).values({name: bindparam(name) for name in names})
        found: Executable = adding.on_conflict_do_nothing(index_elements=["collection", "email_key"]).returning(_TABLE.c.id)
        return found

    def get(self, collection: Collection, id: str) -> Invitation | None:
        return self._one("get", lambda: select(*_WHOLE).where(_THIS), {"of_collection": collection.id, "of_id": id})

    def waiting(self, collection: Collection, limit: int, before: str | None) -> Sequence[Invitation]:
        chosen = and_(_HERE, _TABLE.c.id < bindparam("before")) if before else _HERE
        statement = lambda: select(*_WHOLE).where(chosen).order_by(_TABLE.c.id.desc()).limit(bindparam("most"))
        values = {"of_collection": collection.id, "most": limit, **({"before": before} if before else {})}
        return [_read(row) for row in self._run(f"list {bool(before)}", statement, values)]

    def issue(self, id: str, digest: str) -> bool:
        same = _TABLE.c.id == bindparam("of_id")
        statement = lambda: update(_TABLE).where(same).values(digest=bindparam("new")).returning(_TABLE.c.id)
        return bool(self._run("issue", statement, {"of_id": id, "new": digest}))

    def renew(self, collection: Collection, id: str, expires: str) -> Invitation | None:
        statement = lambda: update(_TABLE).where(_THIS).values(expires=bindparam("until"), digest=null()).returning(*_WHOLE)
        return self._one("renew", statement, {"of_collection": collection.id, "of_id": id, "until": expires})

    def find(self, collection: Collection, digest: str, now: str) -> Invitation | None:
        return self._one("find", lambda: select(*_WHOLE).where(_OPEN), _presented(collection, digest, now))

    def take(self, collection: Collection, digest: str, now: str) -> Invitation | None:
        return self._one("take", lambda: delete(_TABLE).where(_OPEN).returning(*_WHOLE), _presented(collection, digest, now))

    def remove(self, collection: Collection, id: str) -> bool:
        values = {"of_collection": collection.id, "of_id": id}
        return bool(self._run("remove", lambda: delete(_TABLE).where(_THIS).returning(_TABLE.c.id), values))

    def forget(self, collection: Collection, email_key: str) -> None:
        theirs = and_(_HERE, _TABLE.c.email_key == bindparam("of_key"))
        values = {"of_collection": collection.id, "of_key": email_key}
        self._run("forget", lambda: delete(_TABLE).where(theirs).returning(_TABLE.c.id), values)

    def sweep(self, over_since: str, limit: int) -> int:
        over = select(_TABLE.c.id).where(_TABLE.c.expires <= bindparam("since")).limit(bindparam("most"))
        statement = lambda: delete(_TABLE).where(_TABLE.c.id.in_(over)).returning(_TABLE.c.id)
        return len(self._run("sweep", statement, {"since": over_since, "most": limit}))

    def _one(self, key: str, build: Callable[[], Executable], values: Mapping[str, Any]) -> Invitation | None:
        rows = self._run(key, build, values)
        return _read(rows[0]) if rows else None

    def _run(self, key: str, build: Callable[[], Executable], values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self._session.execute(self._session.prepared(("invitations", key), build), values)


def _presented(collection: Collection, digest: str, now: str) -> dict[str, Any]:
    return {"of_collection": collection.id, "of_digest": digest, "now": now}


def _read(row: Sequence[Any]) -> Invitation:
    id, collection, email, preset, created, expires, by = row
    return Invitation(id, collection, email, json.loads(preset), created, expires, by)
