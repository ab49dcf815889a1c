"""Text patterns that users write, on an engine whose time is linear in the text."""

from typing import Protocol


class Patterns(Protocol):
    def matches(self, pattern: str, text: str) -> bool:
        """Whether the RE2 expression matches the whole text. Raises domain.schema.fields.Unfit("invalid_pattern") where it
        is no RE2 expression or needs more memory than its limit."""
        ...
