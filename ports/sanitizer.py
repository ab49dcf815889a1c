"""HTML that people write, made safe to show to others."""

from typing import Protocol


class Sanitizer(Protocol):
    def clean(self, html: str) -> str:
        """The same text and structure with nothing left that runs, loads or restyles: only elements, attributes and link schemes
        that docs/collections.md lists. Cleaning what is clean changes nothing."""
        ...
