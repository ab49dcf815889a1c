"""Device tokens: what a device keeps of its sign-ins, so that attempts of others cannot keep it out (OWASP calls them device cookies).

A token opens nothing. It says that whoever has it was signed in to this account, under this epoch; attempts that come with it are counted
by its session, and not together with those of the rest of the world. Once the epoch has grown, as by a new password, it says nothing:
whoever learnt an old password and took a thousand of them has nothing left. A session that goes on gets the next one by its refresh.
"""

import base64
import hmac
import re
from dataclasses import dataclass

HEADER = "X-Device-Token"
# By it people and scanners recognise a token that leaked.
PREFIX = "sdt_"
_TOKEN = re.compile(PREFIX + r"([0-9]{1,18})\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{43})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Device:
    """`collection` is the name of the account's."""

    collection: str
    account: str
    epoch: int
    session: str

    @property
    def content(self) -> str:
        """What is marked. None of the parts holds what is between them."""
        return f"{self.collection} {self.account} {self.epoch} {self.session}"

    def token(self, mark: bytes) -> str:
        return f"{PREFIX}{self.epoch}.{self.account}.{self.session}.{_base64(mark)}"

    def is_of(self, account: str, epoch: int) -> bool:
        return (self.account, self.epoch) == (account, epoch)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a token says of itself, until its mark was compared."""

    device: Device
    mark: str

    def holds(self, mark: bytes) -> bool:
        return hmac.compare_digest(self.mark, _base64(mark))


def read_claim(text: str, collection: str) -> Claim | None:
    """None where it is no such token: then the device is one that nobody knows, which is no reason to refuse anything."""
    found = _TOKEN.fullmatch(text)
    return Claim(Device(collection, found[2], int(found[1]), found[3]), found[4]) if found else None


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
