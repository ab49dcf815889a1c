"""Uploads that no record holds yet, and the pieces that came of them. What lies where is `ports.files`' and `ports.file_rows`' business."""

from collections.abc import Sequence
from typing import Protocol

from domain.files.pending import Made, Pending


class UploadStore(Protocol):
    """Instants as they are stored."""

    def begin(self, pending: Pending) -> None: ...

    def count(self, owner: str, now: str) -> tuple[int, int]:
        """Those of this owner that are not over, and how many bytes they are to have."""
        ...

    def find(self, id: str) -> Pending | None: ...

    def go_on(self, id: str, offset: int, mark: str) -> bool:
        """From now on only who says `mark` may add to it; False where not so many bytes are here."""
        ...

    def grow(self, id: str, mark: str, start: int, end: int, key: str, expires: str) -> bool:
        """One more piece, durable under `key`; False where another request has gone on with it, or it is over."""
        ...

    def pieces(self, id: str) -> Sequence[str]:
        """Their keys, in the order of their bytes."""
        ...

    def finish(self, id: str, made: Made, expires: str) -> Sequence[str] | None:
        """All of it lies under one key now. The keys of its pieces, which belong to it no more; None where it was finished before, or
        is over."""
        ...

    def end(self, ids: Sequence[str]) -> tuple[int, Sequence[str]]:
        """They are over. How many of them were there, and the keys of all that came of those."""
        ...

    def expired(self, now: str, limit: int) -> Sequence[str]: ...

    def of(self, owner: str) -> Sequence[str]:
        """The ids of all that somebody sent."""
        ...
