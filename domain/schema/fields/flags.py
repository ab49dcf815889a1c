"""True or false."""

from dataclasses import dataclass
from typing import Any, ClassVar

from domain.schema.fields.base import Field, Tools, Unfit, field_type
from domain.schema.kinds import Kind


@field_type
@dataclass(frozen=True, slots=True, kw_only=True)
class BoolField(Field):
    """A missing one is null, not false."""

    type: ClassVar[str] = "bool"
    kind: ClassVar[Kind] = Kind.BOOL

    def accept(self, value: Any, tools: Tools) -> bool:
        if not isinstance(value, bool):
            raise Unfit("not_bool", "this must be true or false")
        return value
