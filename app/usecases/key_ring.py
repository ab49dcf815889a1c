"""Keys that a process has seen, by the digest of their text: a known one costs no statement. That it still stands is asked by the first
statement of what comes next, so that a revoked one is refused at once."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock

from app.usecases.refusals import Refusals
from domain.accounts.api_keys import ApiKey, key_refused
from domain.actor import Actor
from domain.errors import Unauthenticated, Unavailable
from domain.rules.values import RequestFacts
from domain.schema.fields.times import write_instant
from ports.clock import Clock
from ports.unit_of_work import UnitOfWork

# A key is looked up again after so long, and its use is noted at most so often: no request writes for that alone.
_LOOKED_UP, _NOTED = timedelta(minutes=10), timedelta(hours=1)
_KEPT = 5_000

Known = tuple[ApiKey, Actor]


class KeyRing:
    """`look_up` is asked with the digest of a key that was not seen for a while, or not under this version of the schema: None where there
    is no such key; `note_use` with a key's id and the moment. Keys that are refused are noted."""

    def __init__(
        self, work: UnitOfWork, look_up: Callable[[str], Known | None], note_use: Callable[[str, str], None], refusals: Refusals,
        clock: Clock,
    ) -> None:  # fmt: skip
        self._work, self._ask, self._note, self._refusals, self._clock = work, look_up, note_use, refusals, clock
        self._kept: OrderedDict[str, tuple[datetime, int, Known]] = OrderedDict()
        self._lock = Lock()

    def actor(self, digest: str, facts: RequestFacts | None = None) -> Actor:
        try:
            return self._actor(digest)
        except Unauthenticated:
            self._refusals.note_key(digest, facts)
            raise

    def _actor(self, digest: str) -> Actor:
        now = self._clock.now()
        kept = self._kept.get(digest)
        if kept is None or kept[0] <= now - _LOOKED_UP or kept[1] != self._work.glimpse().version:
            key, actor = self._look_up(digest, now)
        else:
            key, actor = kept[2]
        if key.expires is not None and key.expires <= write_instant(now):
            raise key_refused()
        return actor

    def _look_up(self, digest: str, now: datetime) -> Known:
        known = self._ask(digest)
        if known is None:
            raise key_refused()
        self._note_use(known[0], now)
        with self._lock:
            self._kept[digest] = now, self._work.glimpse().version, known
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return known

    def _note_use(self, key: ApiKey, now: datetime) -> None:
        """For people to see which keys nobody needs; that it cannot be noted is no reason to refuse."""
        if key.used is not None and key.used > write_instant(now - _NOTED):
            return
        try:
            self._note(key.id, write_instant(now))
        except Unavailable:
            pass
