"""Files that were made for one answer: sent in pieces with their length, and gone with the answer."""

from collections.abc import Iterable, Iterator
from typing import IO

from flask import Response

_PIECE = 65_536


def download(file: IO[bytes], name: str, media_type: str, more: Iterable[tuple[str, str]] = ()) -> Response:
    """`name` is safe in a header. The file is closed when it was sent or nobody waits for it any more."""
    disposition = ("Content-Disposition", f'attachment; filename="{name}"')
    headers = [disposition, ("Content-Length", str(file.seek(0, 2))), *more]
    file.seek(0)
    response = Response(_pieces(file), 200, headers, content_type=media_type)
    response.call_on_close(file.close)
    return response


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece
