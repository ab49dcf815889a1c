"""Conditional requests (RFC 9110): entity tags that name a record's version, and the conditions that clients put on them.

A tag is `"v{version}-{created}-{extra}"`. `extra` is what an answer depends on besides the record, so a tag of a GET changes
with the schema or with what the actor may see; If-Match reads version and `created` alone, so it accepts every such tag.
"""

import hashlib
import re
from functools import lru_cache

from domain.errors import invalid
from domain.records.changes import IfMatch

MAX_TAGS = 50

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_OURS = re.compile(r"v([1-9][0-9]{0,17})-([0-9]{17})(?:-[0-9a-f]{8})?")
_DIGITS = str.maketrans("", "", "-T:.Z")
# A version that no record has: what a tag stands for that we never gave.
_NEVER = IfMatch(0)


def format_etag(version: int, created: str, extra: str | None) -> str | None:
    """The header's value; None where an answer has no validator."""
    if extra is None:
        return None
    return f'"v{version}-{created.translate(_DIGITS)}-{_digest(extra)}"'


def parse_if_match(header: str | None) -> tuple[IfMatch, ...] | None:
    """The records that the client means; None asks nothing, as `*` does: whether there is a record is seen anyway. A weak tag
    never matches here (RFC 9110, 13.1.1)."""
    if header is None or header.strip() == "*":
        return None
    return tuple(_NEVER if weak else _meant(text) for weak, text in _tags(header, "If-Match"))


def none_match(header: str | None, etag: str | None) -> bool:
    """Whether If-None-Match says that the client has this answer already; compared weakly."""
    if header is None or etag is None:
        return False
    if header == etag or header.strip() == "*":
        return True
    return any(f'"{text}"' == etag for _, text in _tags(header, "If-None-Match"))


def _tags(header: str, name: str) -> list[tuple[str, str]]:
    tags: list[tuple[str, str]] = _TAG.findall(header)
    if not tags or len(tags) > MAX_TAGS or _TAG.sub("", header).strip(" \t,"):
        raise invalid(name, "invalid_header", f'{name} is * or at most {MAX_TAGS} entity tags, such as "v3-…" in its quotes')
    return tags


def _meant(text: str) -> IfMatch:
    ours = _OURS.fullmatch(text)
    return IfMatch(int(ours[1]), _instant(ours[2])) if ours else _NEVER


def _instant(digits: str) -> str:
    """`20261122130000000` as the instant that it was made of."""
    d = digits
    return f"{d[:4]}-{d[4:6]}-{d[6:8]}T{d[8:10]}:{d[10:12]}:{d[12:14]}.{d[14:]}Z"


@lru_cache(maxsize=1024)
def _digest(extra: str) -> str:
    return hashlib.blake2b(extra.encode(), digest_size=4).hexdigest()
