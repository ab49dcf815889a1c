"""Functions that SQLite is given: what distances are computed with, for builds that come without mathematical functions (they are
a choice of its compiler), and what it never has: exact sums of doubles, the ids of groups, and JSON compared as values."""

import hashlib
import json
import math
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from decimal import Context, Decimal
from functools import lru_cache

from domain.rules.conversions import same_json

FUNCTIONS: dict[str, Callable[[float], float]] = {
    "radians": math.radians,
    "sin": math.sin,
    "cos": math.cos,
    "asin": math.asin,
    "sqrt": math.sqrt,
}
EXACT_SUM, GROUP_ID, SAME_JSON = "_exact_sum", "_group_id", "_same_json"
# From the last digit of the least double to the first of a sum of many of the largest.
_EXACTLY = Context(prec=700)
_LARGEST, _LEAST = Decimal("1.7976931348623157e308"), Decimal("3e-324")


def complete_functions(connection: sqlite3.Connection) -> None:
    """Gives the connection those that the engine does not have itself."""
    for name in FUNCTIONS.keys() - built_in():
        connection.create_function(name, 1, _of_null(FUNCTIONS[name]), deterministic=True)
    connection.create_function(GROUP_ID, -1, group_id, deterministic=True)
    connection.create_function(SAME_JSON, 2, _same_json, deterministic=True)
    connection.create_aggregate(EXACT_SUM, 1, _ExactSum)  # type: ignore[arg-type]  # typeshed knows no double as an answer


GROUP_ID_LENGTH = 40


def group_id(*values: str | float | None) -> str:
    """The id of the group that has these values: the same on PostgreSQL, where the statement spells it out. Every value stands with
    its length, so that no two groups are written alike."""
    written = "".join("-" if value is None else _piece(value) for value in values)
    return hashlib.sha256(written.encode()).hexdigest()[:GROUP_ID_LENGTH]


def _piece(value: str | float) -> str:
    text = struct.pack(">d", value).hex() if isinstance(value, float) else str(value)
    return f"+{len(text)}:{text}"


class _ExactSum:
    """The sum of doubles as they are written, rounded once; NULL of none, and where no double is that large."""

    def __init__(self) -> None:
        self._total: Decimal | None = None

    def step(self, value: float | None) -> None:
        if value is not None:
            number = Decimal(repr(value))
            self._total = number if self._total is None else _EXACTLY.add(self._total, number)

    def finalize(self) -> float | None:
        if self._total is None or abs(self._total) > _LARGEST:
            return None
        return float(self._total) if abs(self._total) >= _LEAST else 0.0


def _same_json(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and same_json(json.loads(one), json.loads(other))


@lru_cache(maxsize=1)
def built_in() -> frozenset[str]:
    """Asked of a connection of its own: the question would already read a file that may be no database."""
    with closing(sqlite3.connect(":memory:")) as connection:
        return frozenset(name for (name,) in connection.execute("SELECT name FROM pragma_function_list"))


def _of_null(compute: Callable[[float], float]) -> Callable[[float | None], float | None]:
    return lambda value: None if value is None else compute(value)
