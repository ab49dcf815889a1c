"""Letters that are to go out, in a table of their own. Each has the id of the job that sends it, and goes with that."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Executable, LargeBinary, bindparam, delete, insert, select, text, update
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table

from adapters.outbound.sql.moments import DATABASE_NOW
from adapters.outbound.sql.session import Session
from ports.mailbox import Waiting

_LETTERS = sql_table("_letters", sql_column("id"), sql_column("sealed", LargeBinary), sql_column("expires"), sql_column("is_written"))
_SWEEP = (
    "DELETE FROM _letters WHERE id IN (SELECT l.id FROM _letters AS l JOIN _jobs AS j ON j.id = l.id "
    "WHERE l.expires <= :now AND j.state NOT IN ('waiting', 'running') LIMIT :most) RETURNING id"
)
# From the letters, which are few, to their jobs: planners would begin a join with the jobs that wait.
_IS_DUE = (
    "SELECT EXISTS (SELECT 1 FROM _letters AS l WHERE (SELECT CASE j.state WHEN 'waiting' THEN j.due <= {now} "
    "WHEN 'running' THEN j.held_until <= {now} END FROM _jobs AS j WHERE j.id = l.id))"
)


class SqlMailbox:
    """Keeps ports.mailbox.Mailbox on one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def post(self, mail: Waiting) -> None:
        values = {"id": mail.id, "sealed": mail.sealed, "expires": mail.expires, "is_written": int(mail.is_written)}
        self._run("post", lambda: insert(_LETTERS).values({name: bindparam(name) for name in values}), values)

    def find(self, id: str) -> Waiting | None:
        found = self._run("find", lambda: select(*_LETTERS.c).where(_LETTERS.c.id == bindparam("of_id")), {"of_id": id})
        return _read(found[0]) if found else None

    def is_due(self) -> bool:
        return bool(self._run("is due", lambda: text(_IS_DUE.format(now=DATABASE_NOW[self._session.dialect])), {})[0][0])

    def all(self, after: str, limit: int) -> Sequence[Waiting]:
        those = _LETTERS.c.id > bindparam("after")
        statement = lambda: select(*_LETTERS.c).where(those).order_by(_LETTERS.c.id).limit(bindparam("most"))
        return [_read(row) for row in self._run("all", statement, {"after": after, "most": limit})]

    def written(self, id: str, sealed: bytes) -> None:
        changed = {"sealed": bindparam("letter", type_=LargeBinary), "is_written": 1}
        statement = lambda: update(_LETTERS).where(_LETTERS.c.id == bindparam("of_id")).values(changed).returning(_LETTERS.c.id)
        self._run("written", statement, {"of_id": id, "letter": sealed})

    def done(self, id: str) -> None:
        self._run("done", lambda: delete(_LETTERS).where(_LETTERS.c.id == bindparam("of_id")).returning(_LETTERS.c.id), {"of_id": id})

    def sweep(self, now: str, limit: int) -> int:
        return len(self._run("sweep", lambda: text(_SWEEP), {"now": now, "most": limit}))

    def _run(self, key: str, build: Callable[[], Executable], values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self._session.execute(self._session.prepared(("mails", key), build), values)


def _read(row: tuple[Any, ...]) -> Waiting:
    id, sealed, expires, written = row
    return Waiting(id, bytes(sealed), expires, bool(written))
