"""Answers that are kept for requests sent again, and tell of what is gone for good: they are emptied, and their requests not done again."""

import json
import re
from collections.abc import Collection as Names
from collections.abc import Iterable

from ports.unit_of_work import Stores

_AT_ONCE = 500
# Ids in the body of an answer stand as JSON texts.
_TEXTS = re.compile(rb'"([A-Za-z0-9_-]{1,64})"')


def erase_answers(stores: Stores, records: Names[str], email: str = "") -> int:
    """Those that tell of any of these records, or name the address; how many. What of a record is told is told with its id."""
    ids = frozenset(id.encode() for id in records)
    written = json.dumps(email)[1:-1].lower().encode()
    after, count = "", 0
    while page := stores.answers.page(after, _AT_ONCE):
        scopes = [scope for scope, body in page if _tells(body, ids, (email.lower().encode(), written))]
        stores.answers.erase(scopes)
        after, count = page[-1][0], count + len(scopes)
    return count


def _tells(body: bytes, ids: frozenset[bytes], addresses: Iterable[bytes]) -> bool:
    if not ids.isdisjoint(_TEXTS.findall(body)):
        return True
    lower = body.lower()
    return any(address in lower for address in addresses if address)
