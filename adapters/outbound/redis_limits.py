"""Counts that all machines share: in Redis, one round trip for a whole request.

A script of ours rather than the `limits` library's: that asks once for the count and twice more for what is left of the window, for each
limit of a request. Keys say how and by which version they are counted, so that another strategy never meets a value of ours.
"""

from collections.abc import Sequence

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from domain.errors import Unavailable
from domain.limits.quotas import Meter, Tally

_PREFIX = b"stillroom:limits:fixed:1:"
# Asking may take so long, and connecting half as long; what waits for it is somebody's request.
_PATIENCE = 0.2
# Counts in order and stops at the first that is over, which is not counted. A key that lost its end (by a restored dump) gets one
# again.
_SCRIPT = """
local told = {}
for at, key in ipairs(KEYS) do
  local used = tonumber(redis.call('GET', key) or '0') + 1
  if used <= tonumber(ARGV[2 * at - 1]) then redis.call('INCR', key) end
  local left = redis.call('PTTL', key)
  if left < 0 then
    left = tonumber(ARGV[2 * at]) * 1000
    redis.call('PEXPIRE', key, left)
  end
  told[2 * at - 1], told[2 * at] = used, left
  if used > tonumber(ARGV[2 * at - 1]) then break end
end
return told
"""


class RedisLimits:
    """Nothing is connected before the first hit."""

    def __init__(self, url: str, *, patience: float = _PATIENCE) -> None:
        # No retries: after a failure somebody else counts, and soon.
        self._redis = redis.Redis.from_url(
            url, socket_timeout=patience, socket_connect_timeout=patience / 2, retry=Retry(NoBackoff(), 0)
        )
        self._script = self._redis.register_script(_SCRIPT)

    def hit(self, meters: Sequence[Meter]) -> Sequence[Tally]:
        numbers = [number for each in meters for number in (each.quota.count, each.quota.seconds)]
        try:
            told = self._script(keys=[_PREFIX + each.key.hex().encode() for each in meters], args=numbers)
        except (redis.RedisError, OSError) as error:
            raise Unavailable("limits cannot be counted at the moment") from error
        return [Tally(each, used, left / 1000) for each, used, left in zip(meters, told[::2], told[1::2], strict=False)]

    def close(self) -> None:
        self._redis.close()
