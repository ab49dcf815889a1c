"""Where a request came from, as far as that can be known: headers say what their sender likes, unless a proxy of ours wrote them."""

import ipaddress
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# A provider gives each customer at least this much: whoever has one address of it has them all.
_IPV6_CUSTOMER = 64
_MOST_HOPS = 32


def client_address(peer: str, forwarded: str, trusted: Sequence[Network]) -> str:
    """The address that limits count. From the peer on, hops that are trusted proxies are passed over, last first: what they wrote about
    the one before them is true, what that one wrote is not. Without proxies the header is not even read."""
    address = _read(peer)
    if address is None or not trusted or not _among(address, trusted):
        return bucket(address, peer)
    for hop in reversed(forwarded.split(",")[-_MOST_HOPS:]):
        before = _read(hop)
        if before is None:
            break
        address = before
        if not _among(address, trusted):
            break
    return bucket(address, peer)


def bucket(address: Address | None, peer: str) -> str:
    """Addresses of one customer count as one."""
    if address is None:
        return peer
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, _IPV6_CUSTOMER), strict=False))
    return str(address)


def read_networks(text: str) -> tuple[Network, ...]:
    """`10.0.0.0/8, 192.0.2.7, ::1`. ValueError where a part is neither an address nor a network."""
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


def _read(text: str) -> Address | None:
    """Also as `[::1]:443` and `192.0.2.7:443`, which some proxies write; IPv4 inside IPv6 is IPv4."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


def _among(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)
