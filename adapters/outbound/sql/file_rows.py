"""What is known of files, and how much room they take, in tables of their own. A tally counts the rows that are held: both change in one
transaction, here and nowhere else."""

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
from domain.files.names import sizes_of
from domain.files.quotas import Tally, check_room
from domain.schema.collection import Collection

_FILES = sql_table("_files", *(sql_column(name) for name in ("key", "state", "due", "owner")))
_TALLIES = sql_table("_file_tallies", *(sql_column(name) for name in ("subject", "bytes", "files")))
_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_SENT, _LOOSE, _GOING, _GONE, _DOUBTED, _HELD = "sent", "loose", "going", "gone", "doubted", "held"
# Later than any instant: nothing is due of what a record holds.
_NEVER = "9"

Record = Mapping[str, Any]


class SqlFileRows:
    """Keeps ports.file_rows.FileRows on one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def expect(self, key: str, until: str, owner: str = "") -> None:
        self._put([key], _SENT, until, owner)

    def hold(self, collection: str, sizes: Mapping[str, int]) -> Sequence[str]:
        # On PostgreSQL this waits for whoever is taking one of them, and finds it taken then.
        free = self._among() & _is(_SENT, _LOOSE)
        holding = lambda: update(_FILES).where(free).values(state=_HELD, due=_NEVER).returning(_FILES.c.key, _FILES.c.owner)
        held = self._run("hold", holding, {"ids": self._ids(list(sizes))})
        self._count(collection, {key: (owner, sizes[key]) for key, owner in held}, 1)
        if len(held) == len(sizes):
            return ()
        # What came back from the trash is held already. Of what nothing is known any more nothing is there.
        holding_still = lambda: select(_FILES.c.key).where(self._among(), _is(_HELD))
        there = {row[0] for row in self._run("held_still", holding_still, {"ids": self._ids(list(sizes))})}
        return sorted(set(sizes) - there)

    def let_go(self, collection: str, sizes: Mapping[str, int], now: str) -> None:
        if not sizes:
            return
        held = self._among() & _is(_HELD)
        letting = lambda: update(_FILES).where(held).values(state=_LOOSE, due=bindparam("now")).returning(_FILES.c.key, _FILES.c.owner)
        went = self._run("let_go", letting, {"ids": self._ids(list(sizes)), "now": now})
        self._count(collection, {key: (owner, sizes[key]) for key, owner in went}, -1)
        known = {key for key, _ in went}
        self.loosen([key for key in sizes if key not in known], now)

    def _count(self, collection: str, files: Mapping[str, tuple[str, int]], sign: int) -> None:
        """In one order, as everybody counts: transactions that took tallies in different orders would wait for each other."""
        counted: dict[str, list[int]] = {}
        for owner, size in files.values():
            for subject in (collection, owner) if owner else (collection,):
                tally = counted.setdefault(subject, [0, 0])
                tally[0], tally[1] = tally[0] + sign * size, tally[1] + sign
        for subject, (size, count) in sorted(counted.items()):
            used = self._run("count", self._counting, {"subject": subject, "bytes": size, "files": count})[0][0]
            if sign > 0:
                check_room(self._session.schema, subject, used)

    def _counting(self) -> Executable:
        values: dict[str, Any] = {name: bindparam(name) for name in ("subject", "bytes", "files")}
        adding = _INSERTS[self._session.dialect](_TALLIES).values(values)
        more = {name: _TALLIES.c[name] + adding.excluded[name] for name in ("bytes", "files")}
        put: Executable = adding.on_conflict_do_update(index_elements=["subject"], set_=more).returning(_TALLIES.c.bytes)
        return put

    def tallies(self, subjects: Sequence[str]) -> Mapping[str, Tally]:
        among = one_of(_TALLIES.c.subject, self._session.dialect)
        reading = lambda: select(_TALLIES.c.subject, _TALLIES.c.bytes, _TALLIES.c.files).where(among)
        found = {row[0]: Tally(row[1], row[2]) for row in self._run("tallies", reading, {"ids": self._ids(subjects)})}
        return {each: found.get(each, Tally()) for each in subjects}

    def disown(self, owner: str) -> None:
        theirs = (_FILES.c.owner == bindparam("was")) & (_FILES.c.owner != "")
        self._run("disown", lambda: update(_FILES).where(theirs).values(owner=""), {"was": owner})
        self._run("uncount", lambda: delete(_TALLIES).where(_TALLIES.c.subject == bindparam("was")), {"was": owner})

    def claim(self, keys: Sequence[str]) -> Sequence[str]:
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

    def page(self, after: str, limit: int) -> Sequence[tuple[str, bool]]:
        # Asked for those that are held alone, both databases take the index of states, and read and sort all of them for each page.
        behind = _FILES.c.key > bindparam("after")
        paging = lambda: select(_FILES.c.key, _FILES.c.state).where(behind).order_by(_FILES.c.key).limit(bindparam("limit"))
        return [(key, state == _HELD) for key, state in self._run("page", paging, {"after": after, "limit": limit})]

    def sweep(self, now: str, limit: int) -> int:
        self._run("uncounted", lambda: delete(_TALLIES).where(_TALLIES.c.files == 0), {})
        return len(self._run("sweep", _sweeping, {"now": now, "limit": limit}))

    def _put(self, keys: Sequence[str], state: str, due: str, owner: str = "") -> None:
        values: dict[str, Any] = {name: bindparam(name) for name in ("key", "state", "due", "owner")}
        putting = lambda: _INSERTS[self._session.dialect](_FILES).values(values).on_conflict_do_nothing()
        plan = self._session.prepared(("files", "put"), putting)
        self._session.execute_many(plan, [{"key": key, "state": state, "due": due, "owner": owner} for key in keys])

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
        held, holds = sizes_of(collection, {**before, "id": after["id"]}), sizes_of(collection, after)
        new = {key: size for key, size in holds.items() if key not in held}
        gone = {key: size for key, size in held.items() if key not in holds}
        # What goes makes room for what comes.
        self._rows.let_go(collection.id, gone, now)
        if new and self._rows.hold(collection.id, new):
            raise Conflict("a file that was sent is no longer there: it took too long", code="upload_expired", hint="send it again")


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
