"""The audit trail in SQL: one row each, in the order of their ids, which is that of time."""

from collections.abc import Callable, Sequence
from dataclasses import astuple, fields
from typing import Any

from sqlalchemy import Executable, Text, bindparam, cast, delete, insert, or_, select
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table

from adapters.outbound.sql.session import Session
from domain.accounts.audit import FILTERS, Entry, Wanted

_NAMES = tuple(each.name for each in fields(Entry))
_TABLE = sql_table("_audit", *(sql_column(name) for name in _NAMES))
# As whom an admin acted stands among the words; ids of accounts are ours, and none is part of another.
_CONCERNED = or_(
    _TABLE.c.actor == bindparam("of_account"), _TABLE.c.target == bindparam("of_account"),
    cast(_TABLE.c.detail, Text).contains(bindparam("of_account", type_=Text)),
)  # fmt: skip


_FILTERS: dict[str, Callable[[Any], Any]] = {
    "for_action": lambda value: _TABLE.c.action == value, "for_by": lambda value: _TABLE.c.actor == value,
    "for_target": lambda value: _TABLE.c.target == value, "for_address": lambda value: _TABLE.c.address == value,
    "for_since": lambda value: _TABLE.c.moment >= value, "for_until": lambda value: _TABLE.c.moment < value,
}  # fmt: skip


class SqlAuditStore:
    """Keeps ports.audit.AuditStore on one session of the database."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, entry: Entry) -> None:
        add_entries(self._session, [entry])

    def list(self, limit: int, before: str | None, wanted: Wanted) -> Sequence[Entry]:
        given = {f"for_{name}": getattr(wanted, name) for name in FILTERS if getattr(wanted, name)}
        values = {**given, "at_most": limit, **({} if before is None else {"before": before})}
        rows = self._session.execute(self._session.prepared(("audit", *sorted(values)), lambda: _listing(before, tuple(given))), values)
        return [Entry(*row) for row in rows]

    def forget(self, before: str, limit: int) -> int:
        """The oldest by id are looked at and no others: ids grow with time."""
        oldest = select(_TABLE.c.id, _TABLE.c.moment).order_by(_TABLE.c.id).limit(bindparam("at_most")).subquery("_oldest")
        over = select(oldest.c.id).where(oldest.c.moment < bindparam("before"))
        build = lambda: delete(_TABLE).where(_TABLE.c.id.in_(over)).returning(_TABLE.c.id)
        return len(self._session.execute(self._session.prepared(("audit", "forget"), build), {"before": before, "at_most": limit}))

    def about(self, account: str, before: str | None, limit: int) -> Sequence[Entry]:
        values = {"of_account": account, "at_most": limit} | ({} if before is None else {"before": before})
        rows = self._session.execute(self._session.prepared(("audit", "about", before is None), lambda: _about(before)), values)
        return [Entry(*row) for row in rows]


def add_entries(session: Session, entries: Sequence[Entry]) -> None:
    prepared = session.prepared(("audit", "add"), lambda: insert(_TABLE).values({name: bindparam(name) for name in _NAMES}))
    for each in entries:
        session.execute(prepared, dict(zip(_NAMES, astuple(each), strict=True)))


def _listing(before: str | None, given: tuple[str, ...]) -> Executable:
    found = select(*_TABLE.c).order_by(_TABLE.c.id.desc()).limit(bindparam("at_most"))
    if before is not None:
        found = found.where(_TABLE.c.id < bindparam("before"))
    return found.where(*(_FILTERS[name](bindparam(name)) for name in given))


def _about(before: str | None) -> Executable:
    found = select(*_TABLE.c).where(_CONCERNED).order_by(_TABLE.c.id.desc()).limit(bindparam("at_most"))
    return found if before is None else found.where(_TABLE.c.id < bindparam("before"))
