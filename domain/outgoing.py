"""Where requests of ours may go that others have a say in: to public addresses, over TLS.

What a name resolves to, and that it is the address judged here that is connected to, is left to the adapter that connects.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

# What is given out to networks. Everything else stands for another address (mapped, translated) or for a place inside.
_GIVEN_OUT = IPv6Network("2000::/3")
_LONGEST = 2_000
# Browsers, proxies and libraries read backslashes, blanks and what is not ASCII each in their own way: none is taken.
_PLAIN = re.compile(r"[!-\[\]-~]+")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]+")
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Target:
    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def read_target(url: str, *, loopback: bool = False) -> Target:
    """ValueError, with what is wrong, for an address that we do not ask. With `loopback`, for development, `http` is taken as well."""
    if len(url) > _LONGEST or not _PLAIN.fullmatch(url):
        raise ValueError("an address is written in plain ASCII, without blanks and backslashes")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError("no address of a server") from error
    if parts.scheme != "https" and not (loopback and parts.scheme == "http"):
        raise ValueError("it begins with https://")
    if "@" in parts.netloc or "#" in url:
        raise ValueError("it has no user, no password and no fragment")
    if not parts.hostname or not _HOST.fullmatch(parts.hostname) or port == 0:
        raise ValueError("no address of a server")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], path)


def may_connect(target: Target, addresses: Sequence[str], *, loopback: bool = False) -> bool:
    """Whether all that a name resolves to may be asked: one inside among public ones is how a name is bent to reach it."""
    judged = [ip_address(each) for each in addresses]
    if target.scheme != "https":
        return bool(judged) and loopback and all(each.is_loopback for each in judged)
    return bool(judged) and all(_is_public(each) or (loopback and each.is_loopback) for each in judged)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast and not address.is_reserved
    # An address of 6to4 or Teredo carries an IPv4 address that a gateway would take it to.
    carries_another = address.sixtofour is not None or address.teredo is not None
    return address in _GIVEN_OUT and address.is_global and not carries_another
