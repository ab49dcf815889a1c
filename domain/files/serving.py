"""How a file is handed out: what a browser may do with it, who may keep a copy, and which part of it was asked for."""

import re
from dataclasses import dataclass
from urllib.parse import quote

from domain.errors import NotSatisfiable
from domain.files.types import UNKNOWN, may_be_shown

Headers = list[tuple[str, str]]

# Nothing in a file runs, loads or frames anything, whatever a browser takes it for.
POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"
# A file never changes under its name. Nobody may hold it much longer than its record does.
SHARED = "public, max-age=3600"
OWN = "private, no-store"
_RANGE = re.compile(r"bytes\s*=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Range:
    """From `start` to before `end`."""

    start: int
    end: int


def wanted_range(header: str | None, size: int) -> Range | None:
    """None where the whole file is answered: no range, several (which a server may answer so), or another unit. NotSatisfiable where it
    begins behind the end (RFC 9110, 14)."""
    found = _RANGE.fullmatch(header.strip()) if header else None
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        return _last(int(found[2]), size)
    start, last = int(found[1]), int(found[2]) if found[2] else size - 1
    if found[2] and last < start:
        return None  # no range at all, as the RFC has it
    if start >= size:
        raise NotSatisfiable(size)
    return Range(start, min(last + 1, size))


def _last(count: int, size: int) -> Range:
    if not count or not size:
        raise NotSatisfiable(size)
    return Range(max(0, size - count), size)


def disposition(original: str, media_type: str, *, download: bool = False) -> str:
    """RFC 6266: a plain name for those that know no other, and the real one."""
    kind = "inline" if may_be_shown(media_type) and not download else "attachment"
    plain = re.sub(r'[^A-Za-z0-9 ._-]', "_", original).strip() or "file"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(original, safe='')}"


def content_type(media_type: str) -> str:
    """What could run is told as bytes: a browser that follows no header but this one saves it too."""
    if media_type == "text/plain":
        return "text/plain; charset=utf-8"
    return UNKNOWN if media_type in _RUNS else media_type


_RUNS = frozenset({"text/html", "image/svg+xml", "application/xml", "application/xhtml+xml", "text/javascript"})


def protecting(media_type: str, *, shared: bool, lasting: bool = True) -> Headers:
    """Pages of other origins may show pictures and the like that everybody may see; nothing else of ours."""
    everywhere = shared and may_be_shown(media_type) and media_type != "text/plain"
    return [
        ("Content-Security-Policy", POLICY),
        ("X-Content-Type-Options", "nosniff"),
        ("Cross-Origin-Resource-Policy", "cross-origin" if everywhere else "same-origin"),
        ("Cache-Control", OWN if not shared else SHARED if lasting else "no-store"),
    ]
