"""Refused sign-ins in the audit trail: a few of each minute one by one, and of a flood how many there were.

What was typed is noted nowhere: people type passwords where identities belong. Whether there is such an account changes nothing that
whoever is refused could measure: each refusal is one entry or none.
"""

from datetime import datetime, timedelta
from threading import Lock

from app.usecases.audit import note
from domain.actor import GUEST
from domain.errors import Unavailable
from domain.rules.values import RequestFacts
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.unit_of_work import UnitOfWork

REFUSED = "sign_in.refused"
# By each process in each minute: who tries passwords by the thousand fills no disk with that.
MOST = 60
_MINUTE = timedelta(minutes=1)


class Refusals:
    def __init__(self, work: UnitOfWork, clock: Clock, ids: Ids) -> None:
        self._work, self._clock, self._ids = work, clock, ids
        self._lock, self._ends, self._noted, self._passed_over = Lock(), clock.now(), 0, 0

    def note(self, collection: str, account: str, reason: str, facts: RequestFacts) -> None:
        """`account` is the id of the one that was tried, "" where there is none."""
        now = self._clock.now()
        others = self._admitted(now)
        if others is None:
            return
        detail = f"{collection}: {reason}" + (f"; and {others} more before, which are not listed" if others else "")
        moment, id = write_instant(now), self._ids.new()
        try:
            self._work.run(lambda stores: note(stores, id, moment, REFUSED, account, actor=GUEST, facts=facts, detail=detail))
        except Unavailable:
            pass  # whoever is refused is told so all the same

    def _admitted(self, now: datetime) -> int | None:
        """How many were passed over since the last one that was noted; None where this one is."""
        with self._lock:
            if now >= self._ends:
                self._ends, self._noted = now + _MINUTE, 0
            if self._noted >= MOST:
                self._passed_over += 1
                return None
            self._noted, others, self._passed_over = self._noted + 1, self._passed_over, 0
            return others
