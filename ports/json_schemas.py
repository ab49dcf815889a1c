"""JSON Schemas that owners give to json fields (draft 2020-12)."""

from collections.abc import Sequence
from typing import Any, Protocol


class JsonSchemas(Protocol):
    def faults(self, schema: Any, value: Any) -> Sequence[tuple[str, str]]:
        """What is wrong with the value, as (JSON pointer into it, sentence), at most a dozen; none where it fits. Fetches nothing and
        takes time linear in texts. Raises domain.schema.fields.Unfit("invalid_schema") where the schema is not sound, refers to
        something outside of itself or is too large."""
        ...
