"""Reads on a pool of connections: each statement by itself, or all of a body in one snapshot."""

from collections.abc import Callable
from typing import TypeVar

from adapters.outbound.sql.errors import ConnectionLost, translated
from adapters.outbound.sql.links import Link, Pool

T = TypeVar("T")

# On PostgreSQL a table that a schema change writes anew is empty for snapshots from before. The lock keeps the two apart, and it is
# taken before the first query, which is when the snapshot is.
_SNAPSHOT = {
    "sqlite": "BEGIN",
    "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; LOCK TABLE _collections IN ACCESS SHARE MODE",
}


def read(pool: Pool, body: Callable[[Link], T], *, snapshot: bool) -> T:
    """A connection that turns out dead is no reason to refuse: a read may
    simply be done again on a new one."""
    try:
        return _read_once(pool, body, snapshot)
    except ConnectionLost:
        pool.empty()
        return _read_once(pool, body, snapshot)


def _read_once(pool: Pool, body: Callable[[Link], T], snapshot: bool) -> T:
    link = pool.take()
    try:
        value = in_snapshot(link, body) if snapshot else body(link)
    except ConnectionLost:
        pool.discard(link)
        raise
    except BaseException:
        pool.give(link)
        raise
    pool.give(link)
    return value


def in_snapshot(link: Link, body: Callable[[Link], T]) -> T:
    try:
        # The lock may be waited for in vain: the transaction has begun by then.
        _say(link, _SNAPSHOT[link.database.dialect])
        return body(link)
    finally:
        _say(link, "ROLLBACK")  # nothing was written; on SQLite this frees the log for its next checkpoint


def _say(link: Link, text: str) -> None:
    try:
        link.command(text)
    except link.database.errors as error:
        problem = translated(error, text, link.session.schema)
        if problem is None:
            raise
        raise problem from error
