"""How long things may take and how many may go together; all of it settable, because machines differ."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, but for `group`: how many bodies share a commit at most, which is
    the number of a worker's threads."""

    group: int = 8
    body: float = 5.0  # a body that writes
    statement: float = 5.0  # one statement that reads
    turn: float = 5.0  # waiting for the turn to write
    change: float = 60.0  # a schema change; it may have to build indexes


DEFAULTS = Limits()
UNLIMITED = float("inf")
