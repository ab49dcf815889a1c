"""Files that no record holds, in a table of their own."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Executable, bindparam, delete, or_, select, update
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ColumnElement

from adapters.outbound.sql.id_sets import ids_value, one_of
from adapters.outbound.sql.session import Session
from domain.errors import Conflict
from domain.files.names import keys_of
from domain.schema.collection import Collection

_FILES = sql_table("_files", *(sql_column(name) for name in ("key", "state", "due")))
_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_SENT, _LOOSE, _GOING, _GONE, _DOUBTED = "sent", "loose", "going", "gone", "doubted"

Record = Mapping[str, Any]


class SqlFileRows:
    """Keeps ports.file_rows.FileRows on one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def expect(self, key: str, until: str) -> None:
        self._put([key], _SENT, until)

    def claim(self, keys: Sequence[str]) -> Sequence[str]:
        # On PostgreSQL this waits for whoever is taking one of them, and finds it taken then.
        free = lambda: delete(_FILES).where(self._among(), _is(_SENT, _LOOSE))
        self._run("claim", free, {"ids": self._ids(keys)})
        return sorted(self.known(keys))

    def loosen(self, keys: Sequence[str], now: str) -> None:
        if keys:
            self._put(keys, _LOOSE, now)

    def take(self, now: str, until: str, limit: int) -> Sequence[str]:
        return [row[0] for row in self._run("take", _taking, {"now": now, "until": until, "limit": limit})]

    def release(self, keys: Sequence[str], until: str) -> Sequence[str]:
        mine = self._among() & (_is(_SENT))
        going = lambda: update(_FILES).where(mine).values(state=_GOING, due=bindparam("until")).returning(_FILES.c.key)
        return [row[0] for row in self._run("release", going, {"ids": self._ids(keys), "until": until})]

    def forget(self, keys: Sequence[str], until: str) -> None:
        gone = lambda: update(_FILES).where(self._among()).values(state=_GONE, due=bindparam("until"))
        self._run("forget", gone, {"ids": self._ids(keys), "until": until})

    def doubt(self, folder: str, now: str) -> None:
        self._put([folder], _DOUBTED, now)

    def doubted(self) -> str | None:
        rows = self._run("doubted", lambda: select(_FILES.c.key).where(_is(_DOUBTED)).order_by(_FILES.c.due).limit(1), {})
        return rows[0][0] if rows else None

    def settle(self, folder: str) -> None:
        mine = lambda: delete(_FILES).where(_FILES.c.key == bindparam("folder"), _is(_DOUBTED))
        self._run("settle", mine, {"folder": folder})

    def known(self, keys: Sequence[str]) -> frozenset[str]:
        rows = self._run("known", lambda: select(_FILES.c.key).where(self._among()), {"ids": self._ids(keys)})
        return frozenset(row[0] for row in rows)

    def sweep(self, now: str, limit: int) -> int:
        return len(self._run("sweep", _sweeping, {"now": now, "limit": limit}))

    def _put(self, keys: Sequence[str], state: str, due: str) -> None:
        values: dict[str, Any] = {"key": bindparam("key"), "state": bindparam("state"), "due": bindparam("due")}
        putting = lambda: _INSERTS[self._session.dialect](_FILES).values(values).on_conflict_do_nothing()
        plan = self._session.prepared(("files", "put"), putting)
        self._session.execute_many(plan, [{"key": key, "state": state, "due": due} for key in keys])

    def _among(self) -> Any:
        return one_of(_FILES.c.key, self._session.dialect)

    def _ids(self, keys: Sequence[str]) -> Any:
        return ids_value(keys, self._session.dialect)

    def _run(self, name: str, build: Callable[[], Executable], values: Mapping[str, Any]) -> Any:
        return self._session.execute(self._session.prepared(("files", name), build), values)


class HeldFiles:
    """Claims what a written record holds, and lets go of what it held before, in the record's own transaction: no way of writing records
    can forget it."""

    def __init__(self, session: Session) -> None:
        self._rows = SqlFileRows(session)

    def written(self, collection: Collection, before: Record, after: Record, now: str) -> None:
        """Conflict where a file has gone in the meantime: it was sent too long ago."""
        if not collection.file_fields:
            return
        held, holds = keys_of(collection, {**before, "id": after["id"]}), keys_of(collection, after)
        new = [key for key in holds if key not in held]
        if new and self._rows.claim(new):
            raise Conflict("a file that was sent is no longer there: it took too long", code="upload_expired", hint="send it again")
        self._rows.loosen([key for key in held if key not in holds], now)


def _is(*states: str) -> ColumnElement[bool]:
    return or_(*(_FILES.c.state == each for each in states))


def _taking() -> Executable:
    free = _is(_SENT, _LOOSE, _GOING) & (_FILES.c.due <= bindparam("now"))
    chosen = select(_FILES.c.key).where(free).order_by(_FILES.c.due).limit(bindparam("limit")).with_for_update(skip_locked=True)
    return update(_FILES).where(_FILES.c.key.in_(chosen)).values(state=_GOING, due=bindparam("until")).returning(_FILES.c.key)


def _sweeping() -> Executable:
    over = _is(_GONE) & (_FILES.c.due <= bindparam("now"))
    chosen = select(_FILES.c.key).where(over).limit(bindparam("limit")).with_for_update(skip_locked=True)
    return delete(_FILES).where(_FILES.c.key.in_(chosen)).returning(_FILES.c.key)
