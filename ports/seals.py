"""Secrets at rest: sealed with the backend's own key, so that a stolen database alone opens nothing."""

from typing import Protocol


class Sealing(Protocol):
    def close(self, plain: bytes, *, about: str) -> bytes:
        """`about` is bound into it: it opens in its own place only."""
        ...

    def open(self, sealed: bytes, *, about: str) -> bytes:
        """Raises where another secret sealed it, or where it was changed."""
        ...

    def mark(self, text: str, *, about: str) -> bytes:
        """By which we know what we wrote ourselves, for what is handed out and need not be hidden; nobody else can make it."""
        ...
