"""The two forms that our answers have: JSON bytes, and nothing."""

from flask import Response

from adapters.inbound.web.bodies import MEDIA_TYPE
from adapters.inbound.web.headers import Headers


def json_response(body: bytes, status: int = 200, headers: Headers | None = None) -> Response:
    return Response(body, status, headers, content_type=MEDIA_TYPE)


def empty_response(status: int, headers: Headers | None = None) -> Response:
    """Of no type: there is nothing that could have one."""
    response = Response(status=status, headers=headers)
    del response.headers["Content-Type"]
    return response
