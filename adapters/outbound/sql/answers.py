"""First answers to requests that came under a key, in a table of their own."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Executable, LargeBinary, bindparam, delete, literal_column, select, update
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table
from sqlalchemy.dialects import postgresql, sqlite

from adapters.outbound.sql.id_sets import ids_value, one_of
from adapters.outbound.sql.session import Session
from domain.idempotency import ERASED, Answer, Asked, Kept

_NAMES = ("scope", "fingerprint", "status", "headers", "expires")
_ANSWERS = sql_table("_answers", *(sql_column(name) for name in _NAMES), sql_column("body", LargeBinary))
_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_OVER = _ANSWERS.c.expires <= bindparam("now")


class SqlAnswerStore:
    """Keeps ports.answers.AnswerStore on one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, asked: Asked, answer: Answer, *, now: str, expires: str) -> bool:
        values = {
            "scope": asked.scope, "fingerprint": asked.fingerprint, "status": answer.status, "headers": json.dumps(answer.headers),
            "expires": expires, "body": answer.body,
        }  # fmt: skip
        return bool(self._run("put", self._putting, {**values, "now": now}))

    def find(self, scope: str, now: str) -> Kept | None:
        rows = self._run("find", _finding, {"scope": scope, "now": now})
        if not rows:
            return None
        fingerprint, status, headers, body = rows[0]
        return Kept(fingerprint, Answer(status, tuple((name, value) for name, value in json.loads(headers)), bytes(body)))

    def page(self, after: str, limit: int) -> Sequence[tuple[str, bytes]]:
        wanted = select(_ANSWERS.c.scope, _ANSWERS.c.body).where(_ANSWERS.c.scope > bindparam("after")).order_by(_ANSWERS.c.scope)
        rows = self._run("page", lambda: wanted.limit(bindparam("limit")), {"after": after, "limit": limit})
        return [(scope, bytes(body)) for scope, body in rows]

    def erase(self, scopes: Sequence[str]) -> None:
        dialect = self._session.dialect
        nothing = {"status": ERASED.status, "headers": json.dumps(ERASED.headers), "nothing": ERASED.body}
        blank = {"status": bindparam("status"), "headers": bindparam("headers"), "body": bindparam("nothing", type_=LargeBinary)}
        blanking = lambda: update(_ANSWERS).where(one_of(_ANSWERS.c.scope, dialect)).values(blank)
        self._run("erase", blanking, {**nothing, "ids": ids_value(scopes, dialect)})

    def overdue(self, now: str) -> bool:
        return bool(self._run("overdue", lambda: select(_ANSWERS.c.scope).where(_OVER).limit(1), {"now": now}))

    def sweep(self, now: str, limit: int) -> int:
        return len(self._run("sweep", _sweeping, {"now": now, "limit": limit}))

    def _putting(self) -> Executable:
        """What has expired gives way; where the row of another stands, none comes back."""
        values = {each.name: bindparam(each.name, type_=each.type) for each in _ANSWERS.c}
        adding = _INSERTS[self._session.dialect](_ANSWERS).values(values)
        changed = {name: adding.excluded[name] for name in values if name != "scope"}
        replacing: Executable = adding.on_conflict_do_update(index_elements=["scope"], set_=changed, where=_OVER)
        return replacing.returning(literal_column("1"))  # type: ignore[attr-defined, no-any-return]

    def _run(self, key: str, build: Callable[[], Executable], values: dict[str, Any]) -> list[tuple[Any, ...]]:
        return self._session.execute(self._session.prepared(("answers", key), build), values)


def _finding() -> Executable:
    standing = (_ANSWERS.c.scope == bindparam("scope")) & (_ANSWERS.c.expires > bindparam("now"))
    return select(_ANSWERS.c.fingerprint, _ANSWERS.c.status, _ANSWERS.c.headers, _ANSWERS.c.body).where(standing)


def _sweeping() -> Executable:
    some = select(_ANSWERS.c.scope).where(_OVER).limit(bindparam("limit")).with_for_update(skip_locked=True)
    return delete(_ANSWERS).where(_ANSWERS.c.scope.in_(some)).returning(literal_column("1"))
