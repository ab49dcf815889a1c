"""A place on the earth."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from domain.errors import did_you_mean
from domain.schema.fields.base import Field, Tools, Unfit, field_type
from domain.schema.kinds import Kind

# In degrees, positive to the north and to the east; in the order in which PostgreSQL answers them.
BOUNDS: Mapping[str, int] = {"lat": 90, "lon": 180}


@field_type
@dataclass(frozen=True, slots=True, kw_only=True)
class GeoField(Field):
    """`{"lon": …, "lat": …}`; rules reach into it as `place.lon` and `place.lat`, which are numbers."""

    type: ClassVar[str] = "geo"
    kind: ClassVar[Kind] = Kind.JSON

    def check_options(self) -> None:
        Field.check_options(self)
        if self.unique:
            raise Unfit("invalid_option", "a geo field cannot be unique")

    def accept(self, value: Any, tools: Tools) -> dict[str, int | float]:
        if not isinstance(value, Mapping):
            raise Unfit("not_a_place", 'this must be a place, for example {"lon": 13.4, "lat": 52.5}')
        unknown = [key for key in value if key not in BOUNDS]
        if unknown:
            key = str(unknown[0])[:80]
            hint = did_you_mean(key, list(BOUNDS))
            raise Unfit("not_a_place", f"a place has `lon` and `lat`, no `{key}`" + (f"; {hint}" if hint else ""))
        return {name: _degrees(value.get(name), name, bound) for name, bound in BOUNDS.items()}


def _degrees(value: Any, name: str, bound: int) -> int | float:
    if type(value) not in (int, float) or not math.isfinite(value) or abs(value) > bound:
        detail = f"`{name}` is a number of degrees from -{bound} to {bound}"
        raise Unfit("not_a_place", detail, [(f"/{name}", detail)])
    # Zero has no sign: PostgreSQL would keep none.
    return value + 0
