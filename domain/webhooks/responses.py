"""What receivers answer besides a status."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def retry_after(value: str | None, now: datetime) -> int | None:
    """For how many milliseconds it asks to be left alone (RFC 9110, 10.2.3: seconds or a date); None where it does not, or not so that
    it could be understood."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit() and len(value) <= 9:
        return int(value) * 1000
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0, round((moment - now).total_seconds() * 1000))


def excerpt_of(body: bytes, longest: int) -> str:
    """The beginning, as a line that can be shown: control characters are none, and both databases keep it."""
    text = body[: longest * 4].decode("utf-8", "replace")
    return "".join(each if each.isprintable() else " " for each in text)[:longest].strip()
