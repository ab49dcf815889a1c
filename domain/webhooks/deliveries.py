"""Deliveries: messages for one endpoint, what comes of each attempt, and when the next one is made.

Times are milliseconds since 1970 by the database's clock. Messages about one record wait for each other; an endpoint that fails again and
again is left alone for a while, and asked with one message before it gets all the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from domain.webhooks.endpoints import Breaker

WAITING, DELIVERED, DEAD = "waiting", "delivered", "dead"
STATES = (WAITING, DELIVERED, DEAD)
TEST = "webhooks.test"

_SECOND, _MINUTE, _HOUR = 1000, 60_000, 3_600_000
# Between one attempt and the next; a little more than three days in all.
WAITS = (
    5 * _SECOND, _MINUTE, 5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 5 * _HOUR, 10 * _HOUR, 14 * _HOUR, 20 * _HOUR, 24 * _HOUR,
)  # fmt: skip
MOST_TRIES = len(WAITS) + 1
_SPREAD = 0.1
# What a receiver asks for beyond this it does not get.
LONGEST_AFTER = 24 * _HOUR

# Once an endpoint has healed, what waits for it is due at once. What was tried so often already is so only after as many minutes as that
# is squared: one that comes and goes would have used up all its attempts in a few of them.
HASTENED_FREELY, HASTENED_AFTER = 2, _MINUTE

# So many failures in a row are the endpoint's own, and not those of one message.
_TRIPS = 5
_FIRST_REST, _LONGEST_REST = 10 * _SECOND, 10 * _MINUTE
# Of one that answers: what it fails at may be what somebody has written for it to fail at, and all the others wait for that.
_LONGEST_OF_ANSWERING = _MINUTE
_REST_SPREAD = 0.25
# Statuses by which a receiver speaks of itself, and not of one message.
_OVERLOADED = frozenset({429, 503})
# And those by which it, or who stands before it, says that it is not there.
_AWAY = frozenset({429, 502, 503, 504})
# By these it refuses one message, and shows that it is there: whoever may write what it does not like could have it left alone.
_OF_ONE = frozenset({400, 409, 413, 415, 422})
_GONE = 410

# Attempts of which something is kept, and how much of an answer.
_LOGGED = 20
EXCERPT = 300


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of asking: a status, or none. `after` is for how many milliseconds the receiver asked to be left alone, `at` when it
    was and `took` how long; `reason` is a word of ours where there is no answer, `excerpt` the beginning of one that refuses."""

    at: int
    took: int = 0
    status: int | None = None
    after: int | None = None
    reason: str = ""
    excerpt: str = ""

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def told(self) -> str:
        """In a few words."""
        return self.reason or f"status {self.status}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """`id` is the message's own, the same in every attempt. `event` is the number of what it tells of, None of a test; `place` the place
    of that in the outbox. Of a test `record` is its own id, for it waits for nothing."""

    id: str
    webhook: str
    kind: str
    body: str
    event: int | None = None
    place: int = 0
    collection: str = ""
    record: str = ""
    state: str = WAITING
    tries: int = 0
    due: int = 0
    created: int = 0
    ended: int | None = None
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class Backlog:
    """Of all endpoints together; `oldest` is for how many milliseconds the first that waits has been there."""

    waiting: int
    dead: int
    oldest: int
    enabled: int
    resting: int
    disabled: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What a round of attempts made of their deliveries and their endpoint: whether it is `gone` for good, and whether it has `healed`."""

    deliveries: tuple[Delivery, ...] = ()
    breaker: Breaker = field(default_factory=Breaker)
    gone: bool = False
    healed: bool = False


def settled(breaker: Breaker, tried: Sequence[tuple[Delivery, Attempt]], now: int, chance: float) -> Settled:
    """`chance`, from 0 to 1, keeps what failed together from coming back together."""
    deliveries = tuple(_after(delivery, attempt, now, chance) for delivery, attempt in tried)
    attempts = [attempt for _, attempt in tried]
    was_open = breaker.failures >= _TRIPS
    for attempt in attempts:
        breaker = _judged(breaker, attempt, now, chance)
    return Settled(
        deliveries, breaker, gone=any(each.status == _GONE for each in attempts),
        healed=was_open and not breaker.failures,
    )  # fmt: skip


def is_resting(breaker: Breaker) -> bool:
    """Whether one message alone is to find out if it is there again."""
    return breaker.failures >= _TRIPS


def _after(delivery: Delivery, attempt: Attempt, now: int, chance: float) -> Delivery:
    tried = replace(delivery, tries=delivery.tries + 1, attempts=(*delivery.attempts, attempt)[-_LOGGED:])
    if attempt.is_taken:
        return replace(tried, state=DELIVERED, ended=now)
    if tried.tries >= MOST_TRIES or attempt.status == _GONE:
        return replace(tried, state=DEAD, ended=now)
    wait = _spread(WAITS[tried.tries - 1], _SPREAD, chance)
    return replace(tried, due=now + max(wait, min(attempt.after or 0, LONGEST_AFTER)))


def _judged(breaker: Breaker, attempt: Attempt, now: int, chance: float) -> Breaker:
    if attempt.is_taken or attempt.status in _OF_ONE:
        return Breaker()
    failures = breaker.failures + 1
    rest = 0
    if failures >= _TRIPS:
        longest = _LONGEST_REST if attempt.status is None or attempt.status in _AWAY else _LONGEST_OF_ANSWERING
        rest = _spread(min(_FIRST_REST * 2 ** min(failures - _TRIPS, 10), longest), _REST_SPREAD, chance)
    if attempt.status in _OVERLOADED:
        rest = max(rest, min(attempt.after or 0, LONGEST_AFTER))
    standing = breaker.again if breaker.again and breaker.again > now else None
    return Breaker(failures, max(now + rest, standing or 0) if rest else standing)


def _spread(wait: int, by: float, chance: float) -> int:
    return round(wait * (1 - by + 2 * by * chance))


def logged(attempt: Attempt) -> dict[str, Any]:
    return {"at": attempt.at, "took": attempt.took, "status": attempt.status, "reason": attempt.reason, "excerpt": attempt.excerpt}
