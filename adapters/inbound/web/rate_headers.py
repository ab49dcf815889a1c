"""What an answer tells of the limits that its request was counted by (draft-ietf-httpapi-ratelimit-headers): quota and window as
`RateLimit-Policy`, what is left and for how long as `RateLimit`."""

from collections.abc import Sequence

from adapters.inbound.web.headers import Headers
from domain.limits.quotas import Tally


def rate_headers(tallies: Sequence[Tally]) -> Headers:
    """Names of limits are ours or those of collections, so they need no escaping in a structured field."""
    latest = {each.meter.name: each for each in tallies}
    policies = (f'"{name}";q={each.meter.quota.count};w={each.meter.quota.seconds}' for name, each in latest.items())
    limits = (f'"{name}";r={each.remaining};t={each.wait}' for name, each in latest.items())
    return [("RateLimit-Policy", ", ".join(policies)), ("RateLimit", ", ".join(limits))]
