"""Letters that are to go out, in a table of their own."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Executable, LargeBinary, and_, bindparam, delete, insert, select, update
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table

from adapters.outbound.sql.session import Session
from ports.mailbox import Waiting

_MAILS = sql_table(
    "_mails", sql_column("id"), sql_column("sealed", LargeBinary), sql_column("due"), sql_column("is_written"), sql_column("attempts")
)


class SqlMailbox:
    """Keeps ports.mailbox.Mailbox on one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def post(self, mail: Waiting) -> None:
        values = {"id": mail.id, "sealed": mail.sealed, "due": mail.due, "is_written": int(mail.is_written), "attempts": mail.attempts}
        self._run("post", lambda: insert(_MAILS).values({name: bindparam(name) for name in values}), values)

    def due(self, now: str, limit: int) -> Sequence[Waiting]:
        those = _MAILS.c.due <= bindparam("now")
        statement = lambda: select(*_MAILS.c).where(those).order_by(_MAILS.c.due, _MAILS.c.id).limit(bindparam("most"))
        return _read(self._run("due", statement, {"now": now, "most": limit}))

    def all(self, after: str, limit: int) -> Sequence[Waiting]:
        those = _MAILS.c.id > bindparam("after")
        statement = lambda: select(*_MAILS.c).where(those).order_by(_MAILS.c.id).limit(bindparam("most"))
        return _read(self._run("all", statement, {"after": after, "most": limit}))

    def claim(self, mail: Waiting, until: str) -> bool:
        same = and_(_MAILS.c.id == bindparam("of_id"), _MAILS.c.due == bindparam("was_due"))
        changed = {"due": bindparam("until"), "attempts": _MAILS.c.attempts + 1}
        statement = lambda: update(_MAILS).where(same).values(changed).returning(_MAILS.c.id)
        return bool(self._run("claim", statement, {"of_id": mail.id, "was_due": mail.due, "until": until}))

    def written(self, id: str, sealed: bytes) -> None:
        changed = {"sealed": bindparam("letter", type_=LargeBinary), "is_written": 1}
        statement = lambda: update(_MAILS).where(_MAILS.c.id == bindparam("of_id")).values(changed).returning(_MAILS.c.id)
        self._run("written", statement, {"of_id": id, "letter": sealed})

    def done(self, id: str) -> None:
        self._run("done", lambda: delete(_MAILS).where(_MAILS.c.id == bindparam("of_id")).returning(_MAILS.c.id), {"of_id": id})

    def _run(self, key: str, build: Callable[[], Executable], values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self._session.execute(self._session.prepared(("mails", key), build), values)


def _read(rows: list[tuple[Any, ...]]) -> list[Waiting]:
    return [Waiting(id, bytes(sealed), due, bool(written), attempts) for id, sealed, due, written, attempts in rows]
