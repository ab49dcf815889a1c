"""The audit trail in SQL: one row each, in the order of their ids, which is that of time."""

from collections.abc import Sequence
from dataclasses import astuple, fields

from sqlalchemy import Executable, Text, bindparam, cast, insert, or_, select
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table

from adapters.outbound.sql.session import Session
from domain.accounts.audit import Entry

_NAMES = tuple(each.name for each in fields(Entry))
_TABLE = sql_table("_audit", *(sql_column(name) for name in _NAMES))
# As whom an admin acted stands among the words; ids of accounts are ours, and none is part of another.
_CONCERNED = or_(
    _TABLE.c.actor == bindparam("of_account"), _TABLE.c.target == bindparam("of_account"),
    cast(_TABLE.c.detail, Text).contains(bindparam("of_account", type_=Text)),
)  # fmt: skip


class SqlAuditStore:
    """Keeps ports.audit.AuditStore on one session of the database."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, entry: Entry) -> None:
        add_entries(self._session, [entry])

    def list(self, limit: int, before: str | None, action: str | None) -> Sequence[Entry]:
        key, values = ("audit", before is not None, action is not None), {"before": before, "done": action, "at_most": limit}
        given = {name: value for name, value in values.items() if value is not None}
        rows = self._session.execute(self._session.prepared(key, lambda: _listing(before, action)), given)
        return [Entry(*row) for row in rows]

    def about(self, account: str, before: str | None, limit: int) -> Sequence[Entry]:
        values = {"of_account": account, "at_most": limit} | ({} if before is None else {"before": before})
        rows = self._session.execute(self._session.prepared(("audit", "about", before is None), lambda: _about(before)), values)
        return [Entry(*row) for row in rows]


def add_entries(session: Session, entries: Sequence[Entry]) -> None:
    prepared = session.prepared(("audit", "add"), lambda: insert(_TABLE).values({name: bindparam(name) for name in _NAMES}))
    for each in entries:
        session.execute(prepared, dict(zip(_NAMES, astuple(each), strict=True)))


def _listing(before: str | None, action: str | None) -> Executable:
    found = select(*_TABLE.c).order_by(_TABLE.c.id.desc()).limit(bindparam("at_most"))
    if before is not None:
        found = found.where(_TABLE.c.id < bindparam("before"))
    return found if action is None else found.where(_TABLE.c.action == bindparam("done"))


def _about(before: str | None) -> Executable:
    found = select(*_TABLE.c).where(_CONCERNED).order_by(_TABLE.c.id.desc()).limit(bindparam("at_most"))
    return found if before is None else found.where(_TABLE.c.id < bindparam("before"))
