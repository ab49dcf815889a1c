"""What one hash of a password costs by itself, in milliseconds of CPU: the least of some, measured in this process."""

import time
from collections.abc import Callable

import bcrypt

from adapters.outbound.argon2_passwords import Argon2Passwords
from bench.rows import OWNER

_TIMES = 10
_PASSWORD = OWNER[1]


def argon2id() -> float:
    passwords = Argon2Passwords()
    hashed = passwords.hash(_PASSWORD)
    return _least(lambda: passwords.verify(_PASSWORD, hashed))


def bcrypt10() -> float:
    """By the library that we read hashes of a PocketBase with; its own is another one, of Go."""
    hashed = bcrypt.hashpw(_PASSWORD.encode(), bcrypt.gensalt(10))
    return _least(lambda: bcrypt.checkpw(_PASSWORD.encode(), hashed))


def _least(check: Callable[[], object]) -> float:
    taken = []
    for _ in range(_TIMES):
        began = time.process_time()
        check()
        taken.append(time.process_time() - began)
    return min(taken) * 1000
