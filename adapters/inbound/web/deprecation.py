"""Old names in answers: what a client is told of them in headers."""

from calendar import timegm
from datetime import UTC, datetime
from email.utils import formatdate

from domain.schema.aliases import Deprecated

Headers = list[tuple[str, str]]
_DOCUMENT = "/api/v1/openapi.json"


def deprecation_headers(deprecated: Deprecated | None, collection: str = "") -> Headers:
    """RFC 9745 (since when), RFC 8594 (until when it works) and links to the document and to what takes the place of the path.
    `collection` is the name that was asked for."""
    if deprecated is None:
        return []
    links = [f'<{_DOCUMENT}>; rel="deprecation"; type="application/json"']
    if deprecated.successor and deprecated.successor != collection:
        links.append(f'</api/v1/collections/{deprecated.successor}/records>; rel="successor-version"')
    since, until = _seconds(deprecated.since), _seconds(deprecated.until)
    return [("Deprecation", f"@{since}"), ("Sunset", formatdate(until, usegmt=True)), *(("Link", link) for link in links)]


def _seconds(moment: str) -> int:
    """Of a day, or an instant as it is stored."""
    return timegm(datetime.fromisoformat(moment).replace(tzinfo=UTC).timetuple())
