"""Passwords against bcrypt hashes, which accounts that came from a PocketBase have until their next sign-in. None is made here."""

import re

import bcrypt

# The cost is part of the hash; beyond this one a check would take a core for seconds.
_FORM = re.compile(r"\$2[aby]\$(?:0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}")
_MOST = 72


def is_bcrypt(hashed: str) -> bool:
    return _FORM.fullmatch(hashed) is not None


def agrees(password: str, hashed: str) -> bool:
    """bcrypt looks at 72 bytes only. PocketBase takes no longer password, so none that is longer can be right: it is compared, for the
    same time, and refused."""
    given = password.encode()
    try:
        return bcrypt.checkpw(given[:_MOST], hashed.encode()) and len(given) <= _MOST
    except ValueError:  # a hash that only looks like one
        return False
