"""How far imports have come, in a table of their own."""

from dataclasses import astuple, fields

from sqlalchemy import Delete, Insert, Select, bindparam, delete, insert, select
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table

from adapters.outbound.sql.session import Session
from domain.records.import_progress import Progress

_NAMES = tuple(each.name for each in fields(Progress))
_IMPORTS = sql_table("_imports", *(sql_column(name) for name in _NAMES))


class SqlImportStore:
    """Keeps ports.imports.ImportStore on one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, collection: str, digest: str) -> Progress | None:
        found = self._session.execute(
            self._session.prepared(("imports", "find"), _finding), {"of_collection": collection, "of_digest": digest}
        )
        return Progress(*found[0]) if found else None

    def put(self, progress: Progress) -> None:
        of = {"of_collection": progress.collection, "of_digest": progress.digest}
        self._session.execute(self._session.prepared(("imports", "drop"), _dropping), of)
        values = dict(zip(_NAMES, astuple(progress), strict=True))
        self._session.execute(self._session.prepared(("imports", "add"), _adding), values)


def _finding() -> Select[tuple[object, ...]]:
    table = _IMPORTS
    return select(*table.c).where(table.c.collection == bindparam("of_collection"), table.c.digest == bindparam("of_digest"))


def _dropping() -> Delete:
    return delete(_IMPORTS).where(_IMPORTS.c.collection == bindparam("of_collection"), _IMPORTS.c.digest == bindparam("of_digest"))


def _adding() -> Insert:
    return insert(_IMPORTS).values({name: bindparam(name) for name in _NAMES})
