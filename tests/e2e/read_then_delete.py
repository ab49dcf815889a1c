"""The application with one-time secrets that are looked up, judged, and then deleted: the control that shows that the races can fail."""

from sqlalchemy import delete

from adapters.outbound.sql.one_time import _SECRETS, SqlOneTimeStore, _values
from app import create_app


def _read_then_delete(self, collection, presented, now):
    found = self.find(collection, presented, now)
    values = _values(collection, presented, now)
    del values["typed"]
    gone = lambda: delete(_SECRETS).where(self._standing(collection))
    self._session.execute(self._session.prepared(("control", collection.name), gone), values)
    return found


SqlOneTimeStore.take = _read_then_delete

app = create_app()
