"""Telling an event again to whoever could not handle it: how long after, how often, and when it is given up.

Only the record that an event is about waits for it: what happened to others is told meanwhile.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.events import Told
from domain.schema.fields.times import write_instant

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=1), timedelta(hours=1)
# Which takes about four hours: long enough for most of what heals by itself, and a day is as long as events are kept.
MOST_TRIES = 15
# An event that was given up is a copy of a record, which nobody wants to find years later.
DEAD_FOR = timedelta(days=30)
AT_ONCE = ""  # before every instant

Ordered = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Deferred:
    """An event that one subscriber has not handled. `again` is when it is told next; `reason` names what went wrong, and repeats no value.
    Those that were never told wait behind an earlier one of the same record."""

    event: Told
    tries: int = 0
    again: str = AT_ONCE
    reason: str = ""
    dead_since: str | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """`unheard` counts no further than a thousand; `oldest` is the moment of the first of them. `seen` is how many milliseconds ago it was
    last here."""

    subscriber: str
    unheard: int
    oldest: str | None
    waiting: int
    dead: int
    seen: int


def ordered_by(event: Told) -> Ordered:
    """Events for which this is equal are told one after another."""
    return event.event.collection_id, event.event.record


def behind(event: Told) -> Deferred:
    return Deferred(event)


def failed(deferred: Deferred, reason: str, at: datetime) -> Deferred:
    """One more try was in vain."""
    tries = deferred.tries + 1
    if tries >= MOST_TRIES:
        return replace(deferred, tries=tries, reason=reason, dead_since=write_instant(at))
    wait = min(FIRST_WAIT * 2 ** (tries - 1), LONGEST_WAIT)
    return replace(deferred, tries=tries, reason=reason, again=write_instant(at + wait))


def revived(deferred: Deferred) -> Deferred:
    """As if it had never been told."""
    return Deferred(deferred.event)
