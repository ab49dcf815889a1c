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
