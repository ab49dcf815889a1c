"""Invitations: an admin asks somebody by their address to have an account, and says what of it is not for them to choose."""

from collections.abc import Collection as Names
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from domain.accounts.one_time import INVITATION, LIFETIMES
from domain.errors import Conflict, Fault, Invalid, NotFound, Problem
from domain.schema.collection import OLD_PASSWORD, PASSWORD
from domain.schema.fields.times import write_instant

# One that nobody took is listed for so long after it is over, so that it can be sent again.
LISTED_AFTER = timedelta(days=30)
_NOT_PRESET = ("id", "email", "verified", PASSWORD, OLD_PASSWORD)


@dataclass(frozen=True, slots=True)
class Invitation:
    """`collection` is an id. `values` are preset by the admin whose id is `by`."""

    id: str
    collection: str
    email: str
    values: Mapping[str, Any]
    created: str
    expires: str
    by: str

    def as_object(self) -> dict[str, Any]:
        told = {"id": self.id, "email": self.email, "values": dict(self.values)}
        return {**told, "created": self.created, "expires": self.expires, "by": self.by}


def ends(at: datetime) -> str:
    return write_instant(at + LIFETIMES[INVITATION])


def check_names(names: Iterable[str], preset: Names[str] = ()) -> None:
    """Invalid where `values` name what has its own place, or what whoever invites has chosen already."""
    faults = [Fault(_at(name), "read_only", f"`{name}` is not chosen here") for name in names
              if name in _NOT_PRESET or name[-1:] in ("+", "-")]  # fmt: skip
    faults += [Fault(_at(name), "not_writable", f"`{name}` was chosen by whoever invited you") for name in names if name in preset]
    if faults:
        raise Invalid(faults[0].detail, code=faults[0].code if len(faults) == 1 else None, faults=tuple(faults))


def in_values(problem: Invalid) -> Invalid:
    """The same refusal, told of what lies in `values`."""
    moved = tuple(replace(each, pointer=f"/values{each.pointer}") for each in problem.faults)
    return Invalid(problem.detail, code=problem.code, hint=problem.hint, faults=moved)


def _at(name: str) -> str:
    return "/values/" + name[:80].replace("~", "~0").replace("/", "~1")


def already_invited() -> Problem:
    fault = Fault("/email", "not_unique", "this address is invited already")
    return Conflict(fault.detail, code="not_unique", hint="send that invitation again, or withdraw it", faults=(fault,))


def not_invited() -> NotFound:
    return NotFound("there is no such invitation; it may be accepted or withdrawn")
