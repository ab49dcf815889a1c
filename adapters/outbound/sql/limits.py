"""How long things may take and how many may go together; all of it settable, because machines differ."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, but for `group`: how many bodies share a commit at most, which is
    the number of a worker's threads."""

    group: int = 8
    body: float = 5.0  # a body that writes
    statement: float = 5.0  # one statement that reads
    turn: float = 20.0  # waiting for others: to write, and wherever a schema change stands in the way; no part of the two above
    change: float = 60.0  # a schema change; it may have to build indexes


DEFAULTS = Limits()
UNLIMITED = float("inf")
