"""What ends the sessions of an account: its epoch grows then, and every token that repeats an older one stops working."""

from collections.abc import Iterable

from domain.schema.collection import PASSWORD

_ENDING = frozenset({PASSWORD, "email"})


def ends_sessions(changed: Iterable[str]) -> bool:
    """Whether a change of these parts of an account ends its sessions: with a new password or address, whoever had the old one is out."""
    return not _ENDING.isdisjoint(changed)
