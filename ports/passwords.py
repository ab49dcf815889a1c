"""Password hashes: made and checked at a cost that is the same for every account, known or not."""

from typing import Protocol


class Passwords(Protocol):
    def hash(self, password: str) -> str:
        """A salted hash in its self-describing form. May wait for a free place in a bounded pool; Unavailable when none gets free."""
        ...

    def verify(self, password: str, hashed: str | None) -> bool:
        """Whether the password gave this hash; with None it works as long as for a wrong password and answers False."""
        ...

    def is_outdated(self, hashed: str) -> bool:
        """Whether the hash was made with other parameters than today's, so that it should be made again at this sign-in."""
        ...
