"""Instants and calendar days, and instants that the backend stamps by itself."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

from domain.schema.fields.base import NOW, Field, Tools, Unfit, checked_bounds, field_type
from domain.schema.kinds import Kind

_INSTANT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?\s?(Z|[+-]\d\d:\d\d)?)?", re.ASCII
)


def read_instant(text: str) -> datetime | None:
    """The UTC instant of an ISO 8601 text or of `YYYY-MM-DD[ HH:MM[:SS[.sss]]][Z]`; None for anything else, also for
    fractions finer than a millisecond: storing those would lose them."""
    match = _INSTANT.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    millis = (fraction or "").rstrip("0")
    if len(millis) > 3:
        return None
    try:
        local = datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            int(millis.ljust(3, "0")) * 1000,
            UTC,
        )
        return local - _offset(zone)
    except (ValueError, OverflowError):
        return None


def _offset(zone: str | None) -> timedelta:
    if zone in (None, "Z"):
        return timedelta()
    hours, minutes = int(zone[1:3]), int(zone[4:6])
    if hours > 23 or minutes > 59:
        raise ValueError("no such offset")
    return timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)


def write_instant(instant: datetime) -> str:
    """`YYYY-MM-DDTHH:MM:SS.mmmZ`: 24 characters that sort, compare and print as they are."""
    utc = instant.astimezone(UTC)
    return f"{utc.year:04}-{utc.month:02}-{utc.day:02}T{utc.hour:02}:{utc.minute:02}:{utc.second:02}.{utc.microsecond // 1000:03}Z"


@field_type
@dataclass(frozen=True, slots=True, kw_only=True)
class DateField(Field):
    """An instant, UTC with milliseconds."""

    type: ClassVar[str] = "date"
    kind: ClassVar[Kind] = Kind.DATE
    absent_text: ClassVar[bool] = True
    magic_defaults: ClassVar[frozenset[str]] = frozenset({NOW})
    min: str | None = None
    max: str | None = None

    def check_options(self) -> None:
        Field.check_options(self)
        checked_bounds(self.min, self.max, lambda t: isinstance(t, str) and read_instant(t) is not None, "a date")

    def accept(self, value: Any, tools: Tools) -> str:
        if value == "":
            return ""
        instant = read_instant(value) if isinstance(value, str) else None
        if instant is None:
            raise Unfit(
                "not_date",
                "this must be an ISO 8601 date and time to the millisecond, for example 2026-11-22T13:00:00.000Z",
            )
        written = write_instant(instant)
        if self.min is not None and written < _bound(self.min):
            raise Unfit("too_small", f"not before {self.min}")
        if self.max is not None and written > _bound(self.max):
            raise Unfit("too_large", f"not after {self.max}")
        return written


def _bound(text: str) -> str:
    """A bound in the form in which instants are stored and compared."""
    instant = read_instant(text)
    return text if instant is None else write_instant(instant)


def read_day(text: Any) -> str | None:
    if not isinstance(text, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None


@field_type
@dataclass(frozen=True, slots=True, kw_only=True)
class DayField(Field):
    """A day of the calendar, without a time and without a zone; compared with instants it stands for its first one in UTC."""

    type: ClassVar[str] = "day"
    kind: ClassVar[Kind] = Kind.DAY
    absent_text: ClassVar[bool] = True
    magic_defaults: ClassVar[frozenset[str]] = frozenset({NOW})
    min: str | None = None
    max: str | None = None

    def check_options(self) -> None:
        Field.check_options(self)
        checked_bounds(self.min, self.max, lambda t: read_day(t) is not None, "a day, YYYY-MM-DD")

    def accept(self, value: Any, tools: Tools) -> str:
        if value == "":
            return ""
        day = read_day(value)
        if day is None:
            raise Unfit("not_day", "this must be a day, for example 2026-11-22")
        if self.min is not None and day < self.min:
            raise Unfit("too_small", f"not before {self.min}")
        if self.max is not None and day > self.max:
            raise Unfit("too_large", f"not after {self.max}")
        return day


@field_type
@dataclass(frozen=True, slots=True, kw_only=True)
class AutodateField(Field):
    """An instant that the backend writes: when the record is made (`on_create`), with each change (`on_update`), or both."""

    type: ClassVar[str] = "autodate"
    kind: ClassVar[Kind] = Kind.DATE
    absent_text: ClassVar[bool] = True
    read_only: ClassVar[bool] = True
    on_create: bool = True
    on_update: bool = False

    def check_options(self) -> None:
        Field.check_options(self)
        if (
            not isinstance(self.on_create, bool)
            or not isinstance(self.on_update, bool)
            or not (self.on_create or self.on_update)
        ):
            raise Unfit("invalid_option", "an autodate is written `on_create`, `on_update` or both")
        if self.required or self.default is not None:
            raise Unfit("invalid_option", "an autodate has no `required` and no `default`: the backend writes it")
