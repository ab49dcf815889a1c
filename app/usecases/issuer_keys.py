"""The keys of other issuers, kept by each process for as long as `domain.accounts.issuers` says, and asked for by one thread at a time."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from domain.accounts.issuers import Keys, read_keys_address
from domain.accounts.oauth import discovery_address
from domain.errors import Problem, Unavailable
from ports.clock import Clock
from ports.oauth import NotAnswered, ProviderDoor, Question
from ports.observer import Observation, Observer

# A request whose token cannot be judged yet waits for whoever is asking already.
_PATIENCE = 6.0
# Of so many that come meanwhile: anybody can send tokens in an issuer's name, and their threads would be missing elsewhere.
_WAITING = 3


@dataclass(frozen=True, slots=True)
class IssuerSilent(Observation):
    """Its tokens go on being judged by the keys that it had, for a while. `reason` says nothing of the token."""

    issuer: str
    reason: str


@dataclass(slots=True)
class _Known:
    keys: Keys = field(default_factory=Keys)
    asking: threading.Lock = field(default_factory=threading.Lock)
    waiting: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(_WAITING))


class IssuerKeys:
    """`issuers` are those that are ever asked, whatever a token says."""

    def __init__(
        self, door: ProviderDoor, issuers: Sequence[str], clock: Clock, observer: Observer, *, loopback: bool = False
    ) -> None:
        self._door, self._clock, self._observer, self._loopback = door, clock, observer, loopback
        self._known = {issuer: _Known() for issuer in issuers}

    def of(self, issuer: str, kid: str | None) -> Sequence[Mapping[str, Any]]:
        """What it has published, the same object until it is asked again: when that is old, or lacks the key that a token names.
        Unavailable where nothing is known of it and it does not answer."""
        known, now = self._known[issuer], self._clock.now()
        if known.keys.is_to_be_asked(kid, now) or not known.keys.are_good(now):
            self._ask(issuer, known, kid)
        if not known.keys.are_good(now):
            raise Unavailable("the issuer of this token does not tell its keys", code="issuer_silent", hint="try again in a minute")
        return known.keys.published

    def _ask(self, issuer: str, known: _Known, kid: str | None) -> None:
        if not known.asking.acquire(blocking=False) and not self._waited(known):
            return
        try:
            now = self._clock.now()
            if known.keys.is_to_be_asked(kid, now):
                known.keys = replace(known.keys, tried=now)
                known.keys = Keys(self._asked(issuer), now, now)
        except (NotAnswered, Problem) as silent:
            self._observer.observe(IssuerSilent(issuer, str(silent)))
        finally:
            known.asking.release()

    def _waited(self, known: _Known) -> bool:
        """Whether somebody else's asking is over. Those who can be judged by what there is go on meanwhile."""
        if known.keys.are_good(self._clock.now()) or not known.waiting.acquire(blocking=False):
            return False
        try:
            return known.asking.acquire(timeout=_PATIENCE)
        finally:
            known.waiting.release()

    def _asked(self, issuer: str) -> Sequence[Mapping[str, Any]]:
        address = read_keys_address(self._door.ask(Question(discovery_address(issuer))), issuer, loopback=self._loopback)
        answer = self._door.ask(Question(address))
        keys = answer.get("keys") if isinstance(answer, dict) else None
        if not isinstance(keys, list):
            raise NotAnswered("there are no keys where the issuer says they are")
        return [key for key in keys if isinstance(key, dict)]
