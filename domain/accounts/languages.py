"""Which language somebody reads, as their account and their request say it."""

import re
from collections.abc import Iterable, Sequence

_TAG = re.compile(r"([A-Za-z]{2,3})(?:-[A-Za-z0-9]{1,8})*(?:\s*;\s*q=([01](?:\.[0-9]{0,3})?))?")
# More is no person's choice.
_LONGEST, _MOST = 300, 10


def preferred(header: str) -> tuple[str, ...]:
    """The languages of an Accept-Language header (RFC 9110, 12.5.4), best first, without regions; what cannot be read is left out."""
    ranked = []
    for at, part in enumerate(header[:_LONGEST].split(",")[:_MOST]):
        found = _TAG.fullmatch(part.strip())
        quality = float(found[2] or 1) if found else 0
        if found and quality > 0:
            ranked.append((-quality, at, found[1].lower()))
    return tuple(dict.fromkeys(tag for _, _, tag in sorted(ranked)))


def languages_of(own: str | None, asked: Sequence[str]) -> tuple[str, ...]:
    """Of an account that says its language, and whose request said others: its own first. Texts have no regions."""
    first = (own.partition("-")[0].lower(),) if own else ()
    return tuple(dict.fromkeys((*first, *asked)))


def chosen(wanted: Sequence[str], there: Iterable[str], default: str) -> str:
    known = set(there)
    return next((each for each in wanted if each in known), default)
