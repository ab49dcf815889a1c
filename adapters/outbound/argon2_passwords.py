"""Passwords as argon2id hashes, in a bounded pool: a flood of sign-ins waits here or is turned away, and stalls nothing else."""

import os
import secrets
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock, get_native_id
from typing import NoReturn

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from adapters.outbound.bcrypt_hashes import agrees, is_bcrypt
from domain.errors import Unavailable

# A hash takes tens of milliseconds of a core that answers others as well: it gets a tenth of it while they want the rest, all of it else.
_NICENESS = 10
# Seconds over which those who were turned away are asked to come back.
_SPREAD = 4


class Argon2Passwords:
    """`memory_kib`, `passes` and `lanes` are argon2's m, t and p; the defaults are OWASP's. At most `places` hashes run at once and
    `waiting` more threads wait `patience` seconds: with one process per core a second place would only take turns with the
    first, and threads that wait here are missing elsewhere: with six of eight gone, gets on PostgreSQL took twice as long at the 99th
    percentile. Too few let a crowd in too slowly, since those who were turned away come back by the second."""

    def __init__(
        self, *, memory_kib: int = 19_456, passes: int = 2, lanes: int = 1, places: int = 1, waiting: int = 3, patience: float = 3.0
    ) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=lanes, hash_len=32, salt_len=16, type=Type.ID)
        self._places, self._patience = BoundedSemaphore(places), patience
        self._admitted = BoundedSemaphore(places + waiting)
        self._hashing = ThreadPoolExecutor(places, "hashing", initializer=_step_back)
        self._dummy: str | None = None
        self._making_dummy = Lock()

    def hash(self, password: str) -> str:
        with self._place():
            return self._hashing.submit(self._hasher.hash, password).result()

    def verify(self, password: str, hashed: str | None) -> bool:
        known = hashed is not None
        compared = hashed if hashed is not None else self._dummy_hash()
        with self._place():
            return self._hashing.submit(self._agrees, password, compared).result() and known

    def is_outdated(self, hashed: str) -> bool:
        try:
            return self._hasher.check_needs_rehash(hashed)
        except InvalidHashError:
            return True

    def _agrees(self, password: str, hashed: str) -> bool:
        """argon2 compares in constant time. A broken hash lets nobody in. An account that came with a bcrypt hash costs what that
        costs, until it is hashed anew at its next sign-in; unknown accounts cost what all others do."""
        if is_bcrypt(hashed):
            return agrees(password, hashed)
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False

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


def _step_back() -> None:
    """Threads of its own, since a thread that may lower its priority may not raise it again. On Linux a priority is a thread's."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, get_native_id(), max(_NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))


def _too_busy() -> NoReturn:
    """Not the same to all: a crowd that came at once would come back at once, and each time but a few of it would be let in."""
    after = 1 + secrets.randbelow(_SPREAD)
    raise Unavailable("too many passwords are being checked at once", retry_after=after, code="busy", hint=f"try again in {after} s")
