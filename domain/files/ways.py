"""Who sends the bytes of a file, once it is known that somebody may have it: we do, the store by a signed link, or the proxy before us."""

from dataclasses import dataclass

SERVER, REDIRECT, ACCEL, SENDFILE = "server", "redirect", "x-accel-redirect", "x-sendfile"
WAYS = (SERVER, REDIRECT, ACCEL, SENDFILE)
# Long enough to begin a download; a link that leaks is of no use to anybody soon after.
LINK_SECONDS = 60
# What nginx calls the folder of files, in a location that it keeps to itself.
_INTERNAL = "/stillroom-files"


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """`target` is a URL with REDIRECT, else what the proxy is told."""

    way: str
    target: str


def by_proxy(way: str, root: str, path: str) -> Elsewhere:
    """Keys need no quoting, so neither does `path`."""
    return Elsewhere(way, f"{_INTERNAL}/{path}" if way == ACCEL else f"{root}/{path}")
