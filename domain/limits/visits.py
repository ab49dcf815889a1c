"""One request as limits see it: where it came from, what it was counted by, and under which schema it was let in."""

from collections.abc import Callable, Sequence
from typing import Any

from domain.actor import Actor
from domain.limits.addresses import Network, client_address
from domain.limits.quotas import Tally


class Visit:
    """Made for each request, and written to while that is answered. `device` is the device token that came with it, as it was sent;
    `recheck` is called with the schema of each body: who was let in
    under an older one is counted by the present one."""

    __slots__ = ("_forwarded", "_peer", "_trusted", "device", "recheck", "tallies")

    def __init__(self, peer: str, forwarded: str = "", trusted: Sequence[Network] = (), *, device: str = "") -> None:
        self._peer, self._forwarded, self._trusted, self.device = peer, forwarded, trusted, device
        self.tallies: list[Tally] = []
        self.recheck: Callable[[Any], None] | None = None

    @property
    def address(self) -> str:
        return client_address(self._peer, self._forwarded, self._trusted)


def whom(actor: Actor, visit: Visit) -> tuple[str, ...]:
    """Whom a limit counts: an account wherever it is, a guest by address."""
    return ("guest", visit.address) if actor.is_guest else ("account", actor.collection, actor.id)
