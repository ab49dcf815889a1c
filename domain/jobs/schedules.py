"""When jobs come round by themselves, and what becomes of times that went by while nobody looked.

Times are milliseconds since 1970. A tick is a time at which a job is due; each is handled once, by whoever moves the schedule on.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, get_args

from domain.errors import Invalid, did_you_mean, invalid

# One run for all that were missed, none for them, or each of them.
Missed = Literal["once", "skip", "all"]
MISSED = get_args(Missed)
# A tick that is handled later than this was missed: nobody was there to look.
LATE = timedelta(minutes=1)
# Of `all`: what was missed for longer is passed over.
MOST_MISSED = 100
SHORTEST = timedelta(seconds=1)
LONGEST = timedelta(days=366)

_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,79}")
_INTERVAL = re.compile(r"([1-9][0-9]{0,8}) (second|minute|hour|day|week)s?")
_PARTS = ("job", "arguments", "every", "cron", "zone", "missed", "paused")


@dataclass(frozen=True, slots=True)
class Timing:
    """Either `every`, counted from when the schedule was made, or `cron`, as the clocks of `zone` show it."""

    every: timedelta | None = None
    cron: str = ""
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Schedule:
    """`is_declared` is of an extension's own; `next` is None while it is paused, or where it never ticks again."""

    name: str
    job: str
    timing: Timing
    arguments: Mapping[str, Any] = field(default_factory=dict)
    missed: str = "once"
    is_declared: bool = False
    is_paused: bool = False
    next: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Rounds:
    """How many schedules go round and how many are paused; for `late` milliseconds the tick that is due longest has been due."""

    going: int
    paused: int
    late: int


@dataclass(frozen=True, slots=True)
class Move:
    """`runs` are the ticks that a job is enqueued for, `next` the one after them."""

    runs: tuple[int, ...]
    next: int | None


# The first tick after a moment.
After = Callable[[int], int | None]


def move(schedule: Schedule, now: int, after: After) -> Move:
    """What is to be done about a schedule whose `next` has come."""
    ticks: list[int] = []
    tick = schedule.next
    while tick is not None and tick <= now and len(ticks) < MOST_MISSED:
        ticks.append(tick)
        tick = after(tick)
    if tick is not None and tick <= now:
        tick = after(now)
    return Move(_chosen(schedule.missed, ticks, now), tick)


def _chosen(missed: str, ticks: list[int], now: int) -> tuple[int, ...]:
    if missed == "all":
        return tuple(ticks)
    latest = ticks[-1:]
    if missed == "skip" and latest and now - latest[0] > _milliseconds(LATE):
        return ()
    return tuple(latest)


def after_interval(every: timedelta, moment: int, since: int) -> int:
    """Ticks lie `every` apart, beginning at `since`."""
    step = _milliseconds(every)
    return since + ((moment - since) // step + 1) * step


def read_interval(text: str) -> timedelta:
    """From words such as `15 minutes`; ValueError for others."""
    found = _INTERVAL.fullmatch(text)
    if not found:
        raise ValueError('an interval is like "30 seconds", "5 minutes", "1 hour", "1 day" or "2 weeks"')
    interval = timedelta(**{f"{found[2]}s": int(found[1])}) if int(found[1]) < 10**7 else LONGEST * 2
    if not SHORTEST <= interval <= LONGEST:
        raise ValueError("an interval is a second at least and a year at most")
    return interval


def interval_text(every: timedelta) -> str:
    seconds = round(every.total_seconds())
    for name, length in (("week", 604_800), ("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds % length == 0:
            count = seconds // length
            return f"{count} {name}{'s' if count > 1 else ''}"
    return f"{seconds} second{'s' if seconds > 1 else ''}"


def read_schedule(name: str, body: Mapping[str, Any]) -> Schedule:
    """As an admin wrote it; Invalid with a pointer for each part that cannot be. Whether there is such a job, and such a zone, is told
    by those who know them."""
    for key in body:
        if key not in _PARTS:
            raise invalid(f"/{key[:80]}", "unknown_field", f"there is no `{key[:80]}` here", hint=did_you_mean(key, list(_PARTS)))
    if not _NAME.fullmatch(name):
        told = "a schedule's name is of a to z, 0 to 9, `_`, `-` and `.`, begins with a letter, and has 80 characters at most"
        raise invalid("", "invalid_schedule", told)
    missed, paused = body.get("missed", "once"), body.get("paused", False)
    if missed not in MISSED:
        raise invalid("/missed", "invalid_schedule", f"`missed` is one of {', '.join(MISSED)}")
    if not isinstance(paused, bool):
        raise invalid("/paused", "wrong_type", "`paused` is true or false")
    job, arguments = body.get("job"), body.get("arguments", {})
    if not isinstance(job, str) or not job:
        raise invalid("/job", "required", "`job` is the name of a registered job")
    if not isinstance(arguments, dict):
        raise invalid("/arguments", "not_an_object", "`arguments` are an object, by name")
    return Schedule(name, job, read_timing(body), arguments, str(missed), is_paused=paused)


def read_timing(body: Mapping[str, Any]) -> Timing:
    every, cron, zone = body.get("every"), body.get("cron"), body.get("zone", "UTC")
    if (every is None) == (cron is None):
        raise invalid("", "invalid_schedule", 'either `every` ("15 minutes") or `cron` ("0 6 * * 1-5") is given')
    for name, value in (("every", every), ("cron", cron), ("zone", zone)):
        if value is not None and not isinstance(value, str):
            raise invalid(f"/{name}", "wrong_type", f"`{name}` is a text")
    if cron is not None:
        return Timing(None, " ".join(cron.split()), zone)
    if "zone" in body:
        raise invalid("/zone", "invalid_schedule", "an interval has no time zone: it is as long everywhere")
    try:
        return Timing(read_interval(str(every)))
    except ValueError as wrong:
        raise invalid("/every", "invalid_schedule", str(wrong)) from wrong


def unfit_timing(why: str, part: str = "cron") -> Invalid:
    hint = 'for example "30 6 * * 1-5", which is half past six from Monday to Friday'
    return invalid(f"/{part}", "invalid_schedule", why, hint=hint if part == "cron" else "for example Europe/Berlin")


def _milliseconds(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)
