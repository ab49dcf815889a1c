"""The functions of the rule language, in Python; the SQL adapter computes the same."""

import math
import re
from datetime import datetime

EARTH_RADIUS_KM = 6371.0
# What SQLite's strftime and PostgreSQL can both do. Week numbers (%W) and Julian days (%J) are not among them.
_FORMAT = re.compile(r"(?:[A-Za-z0-9 _.,:/-]|%[dfHjmMsSwY%]){1,100}")
_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def ascii_lower(text: str) -> str:
    """Letters beyond ASCII stay: the engines would fold them each in its own way."""
    return text.translate(_ASCII_LOWER)


def is_formattable(pattern: str) -> bool:
    return _FORMAT.fullmatch(pattern) is not None


def moved_by(modifier: str) -> int | None:
    """The seconds of `+2 days` and its like; None for what is none, and for what leaves the calendar whatever it moves."""
    found = _MOVE.fullmatch(modifier)
    seconds = None if found is None else int(found[1] + found[2]) * _UNITS[found[3]]
    return None if seconds is None or abs(seconds) > LONGEST_MOVE else seconds


def from_start(pattern: str, modifier: str) -> str | None:
    """The format that answers for any moment what the pattern answers for the start of its day, month or year; None where no
    format does (the weekday on which a month began) and where the modifier is none of these."""
    fixed = _FIXED.get(modifier)
    specifiers = re.findall(r"%(.)", pattern)
    if fixed is None or any(each not in "%Y" and each not in fixed and each not in _KEPT[modifier] for each in specifiers):
        return None
    return re.sub(r"%(.)", lambda found: fixed.get(found[1], found[0]), pattern)


# Ten thousand years: whatever is moved further leaves the calendar.
LONGEST_MOVE = 10_000 * 366 * 86_400
_MOVE = re.compile(r"([+-])(\d{1,9}) (second|minute|hour|day)s?")
_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_MIDNIGHT = {"H": "00", "M": "00", "S": "00", "f": "00.000"}
_FIXED = {
    "start of day": _MIDNIGHT,
    "start of month": {**_MIDNIGHT, "d": "01"},
    "start of year": {**_MIDNIGHT, "d": "01", "m": "01", "j": "001"},
}
_KEPT = {"start of day": "dmjw", "start of month": "m", "start of year": ""}


def strftime(pattern: str, moment: datetime) -> str:
    return re.sub(r"%(.)", lambda found: _SPECIFIERS[found[1]](moment), pattern)


_SPECIFIERS = {
    "d": lambda t: f"{t.day:02}",
    "f": lambda t: f"{t.second:02}.{t.microsecond // 1000:03}",
    "H": lambda t: f"{t.hour:02}",
    "j": lambda t: f"{t.timetuple().tm_yday:03}",
    "m": lambda t: f"{t.month:02}",
    "M": lambda t: f"{t.minute:02}",
    "s": lambda t: str(math.floor(t.timestamp())),
    "S": lambda t: f"{t.second:02}",
    "w": lambda t: str(t.isoweekday() % 7),
    "Y": lambda t: f"{t.year:04}",
    "%": lambda t: "%",
}


def geo_distance(lon_a: float, lat_a: float, lon_b: float, lat_b: float) -> float:
    """Kilometres along the surface of a sphere, by the haversine formula."""
    up, over = math.sin(math.radians(lat_b - lat_a) * 0.5), math.sin(math.radians(lon_b - lon_a) * 0.5)
    haversine = up * up + math.cos(math.radians(lat_a)) * math.cos(math.radians(lat_b)) * (over * over)
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, haversine)))
