"""A JSON value kept whole."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from domain.schema.fields.base import Field, Tools, Unfit, field_type
from domain.schema.fields.text import storable
from domain.schema.kinds import INT64_MAX, INT64_MIN, Kind


@field_type
@dataclass(frozen=True, slots=True, kw_only=True)
class JsonField(Field):
    """Any JSON value but null, which is absence; replaced whole by a change. `schema` is a JSON Schema that it must fit."""

    type: ClassVar[str] = "json"
    kind: ClassVar[Kind] = Kind.JSON
    schema: Any = None

    def check_options(self) -> None:
        Field.check_options(self)
        if self.unique:
            raise Unfit("invalid_option", "a json field cannot be unique")
        if self.schema is not None and not isinstance(self.schema, dict):
            raise Unfit("invalid_schema", "`schema` is a JSON Schema: an object")

    def accept(self, value: Any, tools: Tools) -> Any:
        _check_tree(value)
        places = () if self.schema is None else tools.faults(self.schema, value)
        if places:
            raise Unfit("schema_mismatch", places[0][1], places)
        return value

    def fits_default(self, tools: Tools) -> None:
        if self.schema is not None:
            _check_tree(self.schema)
            tools.faults(self.schema, None)
        Field.fits_default(self, tools)


def _check_tree(value: Any) -> None:
    """Refuses what one of the engines could not keep or compare: a stack, not recursion, because depth is the client's."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            storable(item)
        elif isinstance(item, dict):
            pending.extend(item.keys())
            pending.extend(item.values())
        elif isinstance(item, (list, tuple)):
            pending.extend(item)
        elif type(item) is int and not INT64_MIN <= item <= INT64_MAX:
            raise Unfit("number_too_large", "a whole number in JSON must fit 64 bits; send a longer one as text")
        elif type(item) is float and not math.isfinite(item):
            raise Unfit("number_too_large", "a number in JSON must be finite")
