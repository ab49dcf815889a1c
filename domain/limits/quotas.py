"""A quota (`100/minute`), one thing that is counted by it, and how far the count is."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from math import ceil

from domain.errors import TooMany

_FORM = re.compile(r"([0-9]{1,9})/(?:([0-9]{1,4}) ?)?(second|minute|hour|day)s?")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
MOST = 1_000_000
LONGEST = 31 * 86_400
WANTED = "is how many in how long, for example `100/minute`, `5/15 minutes` or `1000/day`"
# Wide enough that nobody finds two texts for one key; counters compare all of it.
KEY_BYTES = 24


@dataclass(frozen=True, slots=True)
class Quota:
    """So many in a window of so many seconds, which begins with the first one."""

    count: int
    seconds: int

    def __str__(self) -> str:
        unit, length = next((unit, length) for unit, length in reversed(_SECONDS.items()) if self.seconds % length == 0)
        many = self.seconds // length
        return f"{self.count}/{unit}" if many == 1 else f"{self.count}/{many} {unit}s"


def read_quota(text: str) -> Quota | None:
    """None where it is no quota: what that means is for those to say who know the place."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        return None
    quota = Quota(int(found[1]), int(found[2] or 1) * _SECONDS[found[3]])
    return quota if 1 <= quota.count <= MOST and 1 <= quota.seconds <= LONGEST else None


@dataclass(frozen=True, slots=True)
class Meter:
    """What one request is counted by: `key` stands for the policy, its window and whom it counts. The quota's count is no part of
    it: a limit that is made tighter counts on where the old one was. `is_told` is false where the count itself would tell about
    other people."""

    name: str
    quota: Quota
    key: bytes
    is_told: bool = True


def meter(name: str, quota: Quota, *whom: str, shown: str = "", is_told: bool = True) -> Meter:
    """`shown` is what it is called to others, where that may change while it counts on. Parts are told apart by their lengths, so that
    none of them runs into the next."""
    digest = blake2b(digest_size=KEY_BYTES)
    for part in (name, str(quota.seconds), *whom):
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(4, "big") + raw)
    return Meter(shown or name, quota, digest.digest(), is_told)


@dataclass(frozen=True, slots=True)
class Tally:
    """How far a meter is: `used` counts this request too; the window ends in so many seconds."""

    meter: Meter
    used: int
    ends_in: float

    @property
    def is_over(self) -> bool:
        return self.used > self.meter.quota.count

    @property
    def remaining(self) -> int:
        return max(0, self.meter.quota.count - self.used)

    @property
    def wait(self) -> int:
        """Whole seconds, never 0: to wait for nothing would be to ask again at once."""
        return max(1, min(ceil(self.ends_in), self.meter.quota.seconds))


def full(meter: Meter, ends_in: float) -> Tally:
    """Where there is no room for one more count, it is as if it were used up: a limit that cannot be counted is not given up."""
    return Tally(meter, meter.quota.count + 1, ends_in)


def too_many(tallies: Iterable[Tally]) -> TooMany | None:
    """The refusal that they amount to."""
    over = next((each for each in tallies if each.is_over), None)
    if over is None:
        return None
    detail = f"too many requests: the limit `{over.meter.name}` is {over.meter.quota}"
    return TooMany(detail, retry_after=over.wait, hint=f"try again in {over.wait} s")
