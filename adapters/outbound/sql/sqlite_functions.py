"""What distances are computed with, for builds of SQLite that come without mathematical functions (they are a choice of its compiler)."""

import math
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import lru_cache

FUNCTIONS: dict[str, Callable[[float], float]] = {
    "radians": math.radians,
    "sin": math.sin,
    "cos": math.cos,
    "asin": math.asin,
    "sqrt": math.sqrt,
}


def complete_functions(connection: sqlite3.Connection) -> None:
    """Gives the connection those that the engine does not have itself."""
    for name in FUNCTIONS.keys() - built_in():
        connection.create_function(name, 1, _of_null(FUNCTIONS[name]), deterministic=True)


@lru_cache(maxsize=1)
def built_in() -> frozenset[str]:
    """Asked of a connection of its own: the question would already read a file that may be no database."""
    with closing(sqlite3.connect(":memory:")) as connection:
        return frozenset(name for (name,) in connection.execute("SELECT name FROM pragma_function_list"))


def _of_null(compute: Callable[[float], float]) -> Callable[[float | None], float | None]:
    return lambda value: None if value is None else compute(value)
