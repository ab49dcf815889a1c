"""What a rule may ask about the request itself, looked up only when a rule asks."""

from collections.abc import Iterator, Mapping
from typing import Any

from flask import Request

from adapters.inbound.web.edge import VISIT
from adapters.inbound.web.errors import REQUEST_ID
from domain.rules.values import RequestFacts

_NO_QUERY: Mapping[str, str] = {}
_BARE = ("CONTENT_TYPE", "CONTENT_LENGTH")


def facts_of(request: Request, query: Mapping[str, str] = _NO_QUERY) -> RequestFacts:
    environ = request.environ
    return RequestFacts(
        method=request.method, query=query, headers=HeaderFacts(environ), visit=environ.get(VISIT), request_id=environ.get(REQUEST_ID, "")
    )


class HeaderFacts(Mapping[str, str]):
    """Headers by name in lower case with `_` for `-`, read from the WSGI environment where they lie."""

    __slots__ = ("_environ",)

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._environ = environ

    def __getitem__(self, name: str) -> str:
        if name != name.lower():
            raise KeyError(name)
        value: str = self._environ[_variable(name)]
        return value

    def __iter__(self) -> Iterator[str]:
        for name in self._environ:
            if name.startswith("HTTP_"):
                yield name[5:].lower()
            elif name in _BARE:
                yield name.lower()

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _variable(name: str) -> str:
    upper = name.upper()
    return upper if upper in _BARE else f"HTTP_{upper}"
