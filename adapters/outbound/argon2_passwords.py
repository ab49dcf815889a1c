"""Passwords as argon2id hashes, in a bounded pool: a flood of sign-ins waits here or is turned away, and stalls nothing else."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock
from typing import NoReturn

from adapters.outbound.argon2_hashing import Hasher, HashingThreads
from adapters.outbound.argon2_process import HashingProcess
from domain.errors import Unavailable

# Seconds over which those who were turned away are asked to come back.
_SPREAD = 4


class Argon2Passwords:
    """`memory_kib`, `passes` and `lanes` are argon2's m, t and p; the defaults are OWASP's. At most `places` hashes run at once and
    `waiting` more threads wait `patience` seconds: with one process per core a second place would only take turns with the
    first, and threads that wait here are missing elsewhere: with six of eight gone, gets on PostgreSQL took twice as long at the 99th
    percentile. Too few let a crowd in too slowly, since those who were turned away come back by the second. `apart` hashes in a process of
    its own, one at a time, which pays for those who serve."""

    def __init__(
        self, *, memory_kib: int = 19_456, passes: int = 2, lanes: int = 1, places: int = 1, waiting: int = 3, patience: float = 3.0,
        apart: bool = False,
    ) -> None:  # fmt: skip
        self._hasher = Hasher(memory_kib, passes, lanes)
        self._hashing = HashingProcess(memory_kib, passes, lanes) if apart else HashingThreads(self._hasher, places)
        self._places, self._patience = BoundedSemaphore(places), patience
        self._admitted = BoundedSemaphore(places + waiting)
        self._dummy: str | None = None
        self._making_dummy = Lock()

    def hash(self, password: str) -> str:
        with self._place():
            return self._hashing.hash(password)

    def verify(self, password: str, hashed: str | None) -> bool:
        known = hashed is not None
        compared = hashed if hashed is not None else self._dummy_hash()
        with self._place():
            return self._hashing.agrees(password, compared) and known

    def is_outdated(self, hashed: str) -> bool:
        return self._hasher.is_outdated(hashed)

    def close(self) -> None:
        self._hashing.close()

    def _dummy_hash(self) -> str:
        """What an unknown account's password is compared with: made once, of the same cost as a real one."""
        with self._making_dummy:
            if self._dummy is None:
                self._dummy = self.hash("nobody has this password")
            return self._dummy

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._admitted.acquire(blocking=False):
            _too_busy()
        try:
            if not self._places.acquire(timeout=self._patience):
                _too_busy()
            try:
                yield
            finally:
                self._places.release()
        finally:
            self._admitted.release()


def _too_busy() -> NoReturn:
    """Not the same to all: a crowd that came at once would come back at once, and each time but a few of it would be let in."""
    after = 1 + secrets.randbelow(_SPREAD)
    raise Unavailable("too many passwords are being checked at once", retry_after=after, code="busy", hint=f"try again in {after} s")
