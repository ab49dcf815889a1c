"""Refused proofs in the audit trail: a few of each minute one by one, and of a flood how many there were.

What was shown is noted nowhere: people type passwords where identities belong. Whether there is such an account changes nothing that
whoever is refused could measure: each refusal is one entry or none.
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from app.usecases.audit import note
from domain.actor import GUEST
from domain.errors import Invalid, Unauthenticated, Unavailable
from domain.rules.values import RequestFacts
from domain.schema.fields.times import write_instant
from ports.clock import Clock, Ids
from ports.unit_of_work import UnitOfWork

SIGN_IN, STEP_UP, LINK, KEY = "sign_in.refused", "step_up.refused", "link.refused", "key.refused"
# Of each kind, by each process in each minute: who tries passwords by the thousand fills no disk with that, and hides no other kind.
MOST = 60
_MINUTE = timedelta(minutes=1)
# A program that was forgotten somewhere goes on with its key for years: one is noted so often, and so many of them are remembered.
_AGAIN, _REMEMBERED = timedelta(hours=1), 1_000
# What says that something that was shown is not good; that a sign-in is refused for another reason is told by other entries, or none.
_WRONG = frozenset({"invalid_factor", "invalid_one_time", "wrong_password"})


@dataclass(slots=True)
class _Minute:
    """How many of a kind were noted until it `ends`, and how many not since the last one that was."""

    ends: datetime
    noted: int = 0
    passed_over: int = 0

    def admitted(self, now: datetime) -> int | None:
        """How many were passed over; None where this one is too."""
        if now >= self.ends:
            self.ends, self.noted = now + _MINUTE, 0
        if self.noted >= MOST:
            self.passed_over += 1
            return None
        others, self.passed_over, self.noted = self.passed_over, 0, self.noted + 1
        return others


class Refusals:
    def __init__(self, work: UnitOfWork, clock: Clock, ids: Ids) -> None:
        self._work, self._clock, self._ids = work, clock, ids
        self._lock, self._minutes, self._keys = Lock(), dict[str, _Minute](), OrderedDict[str, datetime]()

    @contextmanager
    def noting(self, action: str, collection: str, account: str, what: str, facts: RequestFacts | None) -> Iterator[None]:
        """Notes that what was shown within is not good."""
        try:
            yield
        except (Invalid, Unauthenticated) as refused:
            if refused.code in _WRONG:
                self.note(collection, account, what, facts, action=action)
            raise

    def note(self, collection: str, account: str, what: str, facts: RequestFacts | None, *, action: str = SIGN_IN) -> None:
        """`account` is the id of the one that was tried, "" where there is none. Not to be called in a transaction, which is undone."""
        now = self._clock.now()
        with self._lock:
            others = self._minutes.setdefault(action, _Minute(now)).admitted(now)
        if others is None:
            return
        detail = f"{collection}: {what}" if collection else what
        detail += f"; and {others} more before, which are not listed" if others else ""
        moment, id = write_instant(now), self._ids.new()
        try:
            self._work.run(lambda stores: note(stores, id, moment, action, account, actor=GUEST, facts=facts, detail=detail))
        except Unavailable:
            pass  # whoever is refused is told so all the same

    def note_key(self, digest: str, facts: RequestFacts | None) -> None:
        """Of a key that has the form of one. The beginning of its digest tells keys apart, and opens nothing."""
        now = self._clock.now()
        with self._lock:
            if self._keys.get(digest, now) > now:
                return
            self._keys[digest] = now + _AGAIN
            self._keys.move_to_end(digest)
            if len(self._keys) > _REMEMBERED:
                self._keys.popitem(last=False)
        self.note("", "", f"API key {digest[:12]}", facts, action=KEY)
