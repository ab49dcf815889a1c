"""What is done with one password by argon2id, and that it is done behind everything else: by threads here, or by a process of its own
(argon2_process)."""

from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from adapters.outbound.bcrypt_hashes import agrees, is_bcrypt
from adapters.outbound.stepping_back import step_back


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
