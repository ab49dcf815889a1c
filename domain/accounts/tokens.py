"""What tokens are for and how long they last. A token is good for its own purpose only, whatever else is right about it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

from domain.schema.fields.times import write_instant

ACCESS = "access"

LIFETIMES: Mapping[str, timedelta] = MappingProxyType({ACCESS: timedelta(minutes=15)})

# The one-time token that makes the first admin, printed at the start of an empty backend.
SETUP_LIFETIME = timedelta(hours=1)

# Clocks of several machines differ a little, and what a key signed in its last moment is good for a whole lifetime.
_SLACK = timedelta(minutes=5)


def retired(keys: Sequence[tuple[str, str]], now: datetime) -> list[str]:
    """Of keys with the instants of their making, newest first, those that may go: another one has signed in their place for longer than
    any token lives."""
    longest = write_instant(now - max(LIFETIMES.values()) - _SLACK)
    return [kid for (kid, _), (_, replaced) in zip(keys[1:], keys) if replaced <= longest]
