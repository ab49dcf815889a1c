"""Forms with files (multipart/form-data), part by part as they come: no file is held in memory or spooled to disk here.

What the parts mean is the business of domain.records.forms. Werkzeug's decoder finds the parts; its own parser would keep them.
"""

from collections.abc import Iterator
from typing import IO, Any

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from domain.errors import Invalid, TooLarge, UnsupportedMedia
from domain.records.forms import Part

MEDIA_TYPE = "multipart/form-data"
_CHUNK = 65_536
# What the decoder may hold at once: a chunk, and the headers of a part or what is no part at all.
_MOST_HELD = 4 * _CHUNK
_MOST_PARTS = 2_000
_LONGEST_BOUNDARY = 200


def is_form(request: Request) -> bool:
    return request.mimetype == MEDIA_TYPE


def parts_of(request: Request, stream: IO[bytes] | Any) -> Iterator[Part]:
    """Each part's chunks are read before the next part is asked for; what was left of them is passed over."""
    if request.environ.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        raise UnsupportedMedia("compressed bodies are not read here", hint="send the body without Content-Encoding")
    boundary = request.mimetype_params.get("boundary", "").encode("latin-1", "replace")
    if not 1 <= len(boundary) <= _LONGEST_BOUNDARY:
        raise Invalid("the form has no boundary", code="invalid_form", hint="let your HTTP client write the Content-Type")
    events = _events(MultipartDecoder(boundary, _MOST_HELD, max_parts=_MOST_PARTS), stream)
    for event in events:
        if isinstance(event, (Field, File)):
            if not isinstance(event.name, str) or not event.name:
                raise Invalid("a part of the form has no name", code="invalid_form")
            chunks = _chunks(events)
            yield Part(event.name, event.filename if isinstance(event, File) else None, chunks)
            for _ in chunks:
                pass


def _chunks(events: Iterator[Event]) -> Iterator[bytes]:
    for event in events:
        if not isinstance(event, Data):
            raise Invalid("the form is broken", code="invalid_form")
        if event.data:
            yield event.data
        if not event.more_data:
            return


def _events(decoder: MultipartDecoder, stream: Any) -> Iterator[Event]:
    try:
        while True:
            event = decoder.next_event()
            if isinstance(event, Epilogue):
                return
            if isinstance(event, NeedData):
                decoder.receive_data(stream.read(_CHUNK) or None)
            else:
                yield event
    except RequestEntityTooLarge:
        raise TooLarge("a form has at most so many parts, and parts short headers", code="too_many_values") from None
    except ValueError:
        raise Invalid("the form is broken, or it ends too early", code="invalid_form", hint="send it again") from None
