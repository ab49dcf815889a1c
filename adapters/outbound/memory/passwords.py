"""Salted hashes that cost next to nothing, for tests alone: whoever stole them would have the passwords within the hour."""

import hashlib
import hmac
import secrets


class QuickPasswords:
    def hash(self, password: str) -> str:
        return self._hash(password, secrets.token_hex(8))

    def verify(self, password: str, hashed: str | None) -> bool:
        salt = (hashed or "").removeprefix("quick$").partition("$")[0]
        return hmac.compare_digest(self._hash(password, salt), hashed or "")

    def is_outdated(self, hashed: str) -> bool:
        return not hashed.startswith("quick$")

    def _hash(self, password: str, salt: str) -> str:
        return f"quick${salt}${hashlib.sha256(f'{salt}{password}'.encode()).hexdigest()}"
