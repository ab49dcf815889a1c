"""What comes of a run that failed: another one, later and later, or the end."""

from datetime import timedelta

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=1), timedelta(hours=1)
# With the waits above about a quarter of an hour; whoever waits for a receiver of days gives its job more tries.
TRIES = 10
# A run of which nobody knows how it ended may have ended its whole machine; it may as well have been next to one that did.
MOST_LOST = 10
_SPREAD = 0.25


def wait_after(tries: int, first: timedelta, chance: float) -> timedelta:
    """How long after the try with this number (from 1). `chance`, from 0 to 1, keeps what failed together from coming back together."""
    # The exponent is bounded, for a number of a thousand digits would be no shorter wait.
    wait = min(first * 2 ** min(tries - 1, 40), max(LONGEST_WAIT, first))
    return wait * (1 - _SPREAD + 2 * _SPREAD * chance)
