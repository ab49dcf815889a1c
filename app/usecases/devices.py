"""Devices that were signed in before: handing out what they are known by, and counting their attempts apart from everybody else's.

Whoever has many addresses can use up what an identity may be tried with. Its owner gets in all the same, from a device that is known here.
"""

from app.usecases.limits import LimitUseCases
from domain.accounts.devices import Device, read_claim
from domain.actor import Actor
from domain.limits.policies import SIGN_IN_DEVICE
from domain.limits.visits import Visit
from ports.seals import Sealing

_ABOUT = "device"


class DeviceDesk:
    def __init__(self, seal: Sealing, limits: LimitUseCases) -> None:
        self._seal, self._limits = seal, limits

    def token(self, actor: Actor) -> str:
        """For the device on which this account has just shown that it may go on."""
        device = Device(actor.collection, actor.id, actor.epoch, actor.session or "")
        return device.token(self._seal.mark(device.content, about=_ABOUT))

    def spared(self, visit: Visit | None, collection: str) -> Device | None:
        """The device that asks, where it is known here and has attempts left, of which this is one. Counted before anything is looked at,
        like all attempts. Whether it is a device of the account that is tried is still to be asked; None is one of the many."""
        claim = read_claim(visit.device, collection) if visit else None
        if claim is None or not claim.holds(self._seal.mark(claim.device.content, about=_ABOUT)):
            return None
        known = claim.device
        return known if self._limits.spares(SIGN_IN_DEVICE, collection, known.account, known.session) else None
