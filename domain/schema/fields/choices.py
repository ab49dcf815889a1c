"""One of the values that the owner listed."""

from dataclasses import dataclass
from typing import Any, ClassVar

from domain.schema.fields.base import Field, Tools, Unfit, field_type
from domain.schema.fields.text import storable
from domain.schema.kinds import Kind


@field_type
@dataclass(frozen=True, slots=True, kw_only=True)
class SelectField(Field):
    """A single choice among `values`."""

    type: ClassVar[str] = "select"
    kind: ClassVar[Kind] = Kind.TEXT
    absent_text: ClassVar[bool] = True
    values: tuple[str, ...]

    def check_options(self) -> None:
        Field.check_options(self)
        if not isinstance(self.values, tuple) or not 1 <= len(self.values) <= 500:
            raise Unfit("invalid_option", "`values` is a list of 1 to 500 texts")
        for value in self.values:
            if not storable(value) or len(value) > 200:
                raise Unfit("invalid_option", "each of `values` is a text of 1 to 200 characters")
        if len(set(self.values)) < len(self.values):
            raise Unfit("invalid_option", "`values` lists a value twice")

    def accept(self, value: Any, tools: Tools) -> str:
        if not isinstance(value, str) or (value and value not in self.values):
            raise Unfit("not_a_choice", f"must be one of {', '.join(self.values[:20])}")
        return value
