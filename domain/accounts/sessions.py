"""What a session is, how long it lasts, and what ends it. A session stands as long as it repeats the epoch of its account: a change
that must end sessions lets that grow, and every session and every token of before stands no more."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from domain.accounts.impersonation import check_itself
from domain.accounts.roles import LOOK, RUN, may, role_refused
from domain.actor import ADMINS, Actor
from domain.errors import Forbidden, NotFound, Unauthenticated, invalid
from domain.schema.collection import PASSWORD
from domain.schema.fields.times import write_instant
from domain.schema.identity import EMAIL

# Unused for so long, a session ends; and whatever happens, so long after its sign-in.
IDLE, LONGEST = timedelta(days=30), timedelta(days=365)
# What is told of a device is for people to recognise it by; nobody fills the table with it.
_LONGEST_NAME, _LONGEST_AGENT = 100, 300

def ends_sessions(identity: Iterable[str], changed: Iterable[str]) -> bool:
    """Whether a change of these parts of an account ends its sessions: with a new password, address or name to sign in by, whoever had
    the old one is out."""
    return not {PASSWORD, EMAIL, *identity}.isdisjoint(changed)


@dataclass(frozen=True, slots=True)
class Session:
    """`collection` is the id of a collection, which stays when that is renamed. `used` is when it was last opened or refreshed: requests
    themselves write nothing. `ends` is its last moment whatever happens, `expires` that of now, unless it is refreshed before.
    `method` is how the account proved itself, as rules call it: password, otp, oauth2, passkey."""

    id: str
    collection: str
    account: str
    epoch: int
    created: str
    used: str
    ends: str
    expires: str
    method: str
    device: str = ""
    agent: str = ""
    address: str = ""

    def as_object(self, *, current: bool) -> dict[str, Any]:
        told = {"id": self.id, "created": self.created, "used": self.used, "expires": self.expires, "method": self.method}
        return {**told, "device": self.device or None, "agent": self.agent or None, "address": self.address or None, "current": current}


@dataclass(frozen=True, slots=True)
class Device:
    """Where a session is used from, as far as anybody knows: what the client calls itself, and its address."""

    name: str = ""
    agent: str = ""
    address: str = ""


def device(name: str, agent: str, address: str) -> Device:
    """Invalid where the name is none. An agent is whatever the client sends: what could not be shown in a line is left out of it."""
    if len(name) > _LONGEST_NAME or not name.isprintable():
        raise invalid("/device", "invalid_device", f"the name of a device is one line of at most {_LONGEST_NAME} characters")
    return Device(name, "".join(each for each in agent if each.isprintable())[:_LONGEST_AGENT], address)


def opened(id: str, *, account: str, epoch: int, at: datetime, method: str, device: Device) -> Session:
    """Of no collection yet: its id is known inside of the transaction."""
    now, ends = write_instant(at), write_instant(at + LONGEST)
    return Session(id, "", account, epoch, now, now, ends, idle_end(at), method, device.name, device.agent, device.address)


def idle_end(at: datetime) -> str:
    return write_instant(at + IDLE)


def whose(actor: Actor, collection: str, account: str | None, doing: str) -> str:
    """The account of this collection whose sessions the actor may see and end: its own, or, for an admin, the one that was named."""
    check_itself(actor)
    if actor.is_guest:
        raise Unauthenticated("sign in to see your sessions")
    if account is None and actor.collection == collection:
        return actor.id
    if account is None:
        hint = "name one by `account`" if actor.passes_rules else f"ask /api/v1/auth/{actor.collection}/sessions"
        raise Forbidden("this token is of another collection", hint=hint)
    if (actor.collection, actor.id) == (collection, account):
        return account
    if actor.passes_rules:
        if not may(actor, doing if collection != ADMINS or doing == LOOK else RUN):
            raise role_refused(actor, doing)
        return account
    raise NotFound("there is no such account, or its sessions are not yours")


def within(session: Session, collection: str) -> Session:
    return replace(session, collection=collection)

