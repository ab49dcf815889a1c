"""What the backend notes of who did something, beside the records themselves."""

from typing import Protocol

from domain.schema.collection import Collection


class TraceStore(Protocol):
    def rename(self, collection: Collection, account: str, tombstone: str) -> None:
        """Wherever it is noted that this account did something, or that something was done to it, it was the tombstone: that it happened
        stays, from where and by which request goes."""
        ...

    def forget_words(self, collection: Collection) -> None:
        """What the index of search still has of records that are gone; it costs the writing of the whole index."""
        ...
