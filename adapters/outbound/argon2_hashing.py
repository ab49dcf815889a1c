"""What is done with one password by argon2id, and that it is done behind everything else: by threads here, or by a process of its own
(argon2_process)."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import get_native_id

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from adapters.outbound.bcrypt_hashes import agrees, is_bcrypt

# A hash takes tens of milliseconds of a core that answers others as well: it gets a tenth of it while they want the rest, all of it else.
_NICENESS = 10
# Among other programs, whose groups are as weighty as ours: a third, so that a busy machine still lets people in.
_GROUP, _GROUP_NICENESS = Path("/proc/self/autogroup"), 5


class Hasher:
    """`memory_kib`, `passes` and `lanes` are argon2's m, t and p."""

    def __init__(self, memory_kib: int, passes: int, lanes: int) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=lanes, hash_len=32, salt_len=16, type=Type.ID)

    def hash(self, password: str) -> str:
        return self._hasher.hash(password)

    def agrees(self, password: str, hashed: str) -> bool:
        """argon2 compares in constant time. A broken hash lets nobody in. An account that came with a bcrypt hash costs what that
        costs, until it is hashed anew at its next sign-in; unknown accounts cost what all others do."""
        if is_bcrypt(hashed):
            return agrees(password, hashed)
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False

    def is_outdated(self, hashed: str) -> bool:
        try:
            return self._hasher.check_needs_rehash(hashed)
        except InvalidHashError:
            return True


class HashingThreads:
    """Of their own, since a thread that may lower its priority may not raise it again."""

    def __init__(self, hasher: Hasher, places: int) -> None:
        self._hasher, self._pool = hasher, ThreadPoolExecutor(places, "hashing", initializer=step_back)

    def hash(self, password: str) -> str:
        return self._pool.submit(self._hasher.hash, password).result()

    def agrees(self, password: str, hashed: str) -> bool:
        return self._pool.submit(self._hasher.agrees, password, hashed).result()

    def close(self) -> None:
        self._pool.shutdown()


def step_back(*, with_group: bool = False) -> None:
    """On Linux a priority is a thread's, and it counts within its scheduling group only, which is that of its session: `with_group` lowers
    that of the whole group, for a process that is alone in one."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, get_native_id(), max(_NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
        if with_group:
            with suppress(OSError):  # not every kernel has such groups
                _GROUP.write_text(str(_GROUP_NICENESS))
