"""The kinds of value that fields store, rules compare and adapters encode; many field types share one kind."""

from enum import Enum


class Kind(Enum):
    """Each kind has one Python form (below), used everywhere inside; adapters translate to it and from it.

    TEXT str · INTEGER int of 64 bits · NUMBER finite float · DECIMAL decimal.Decimal with the field's scale · BOOL bool
    DATE str `YYYY-MM-DDTHH:MM:SS.mmmZ` · DAY str `YYYY-MM-DD` · JSON what json.loads gives · absence is None everywhere
    """

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    DECIMAL = "decimal"
    BOOL = "bool"
    DATE = "date"
    DAY = "day"
    JSON = "json"

    @property
    def is_numeric(self) -> bool:
        return self in (Kind.INTEGER, Kind.NUMBER, Kind.DECIMAL)

    @property
    def is_temporal(self) -> bool:
        return self in (Kind.DATE, Kind.DAY)


INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
DECIMAL_DIGITS = 18
