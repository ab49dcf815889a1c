"""Documents that describe what one actor may know: made once for each schema and outlook, and asked about by their tags."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock
from typing import Any

import orjson
from flask import Response, request

from adapters.inbound.web.conditional import none_match
from adapters.inbound.web.responses import empty_response, json_response
from app.usecases.outlines import Known

# Kept by the asker's own browser and asked about each time: it is for whoever asks.
REVALIDATED = "private, no-cache"
# Bytes of documents that a process keeps; the one that was made last is kept whatever its size.
MOST_KEPT = 32 * 2**20


@dataclass(frozen=True, slots=True)
class Written:
    body: bytes
    etag: str


class Documents:
    """Those that were made last, each for all who may know the same of the same schema. Many who ask at once wait for one that makes it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Written] = OrderedDict()
        self._lock = Lock()

    def of(self, known: Known, make: Callable[[], dict[str, Any]]) -> Written:
        found = self._kept.get(known.key)
        return found or self._made(known, make)

    def _made(self, known: Known, make: Callable[[], dict[str, Any]]) -> Written:
        with self._lock:
            found = self._kept.get(known.key)
            if found is None:
                found = self._kept[known.key] = _written(make())
                while len(self._kept) > 1 and sum(len(each.body) for each in self._kept.values()) > MOST_KEPT:
                    self._kept.popitem(last=False)
        return found


def _written(document: dict[str, Any]) -> Written:
    body = orjson.dumps(document)
    return Written(body, f'"{hashlib.blake2b(body, digest_size=8).hexdigest()}"')


def revalidated(document: Written) -> Response:
    headers = [("ETag", document.etag), ("Cache-Control", REVALIDATED), ("Vary", "Authorization, Cookie")]
    if none_match(request.environ.get("HTTP_IF_NONE_MATCH"), document.etag):
        return empty_response(304, headers)
    return json_response(document.body, headers=headers)
