"""What the marks in a file's bytes say that it is."""

from typing import Protocol


class Contents(Protocol):
    def type_of(self, head: bytes) -> str | None:
        """The media type whose marks the beginning of a file bears; None where it bears none that are known. Raises nothing."""
        ...
