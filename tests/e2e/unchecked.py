"""The application with version checking taken out: the control that shows that the test of schema changes can fail."""

from adapters.outbound.sql.record_reads import ReadPlans
from adapters.outbound.sql.session import Session
from app import create_app

_opened = ReadPlans._opened


def _unchecked(self, rows, guard):
    version = self._session.schema.version
    return _opened(self, [(version, *row[1:]) for row in rows], guard)


ReadPlans._opened = _unchecked
Session.check_version = lambda self: None

app = create_app()
