"""What admins may do, by their role: owners everything, editors what is in the backend, viewers look. Who else may do what, rules tell.

Every use case that is for admins asks `require` for what it is about to do, so no door can forget it.
"""

from collections.abc import Collection as Collected
from collections.abc import Mapping
from typing import Any

from domain.actor import ADMINS, OWNER, Actor
from domain.errors import Conflict, Forbidden, Unauthenticated
from domain.schema.account_fields import DISABLED
from domain.schema.collection import Collection
from domain.schema.fields import SelectField

EDITOR, VIEWER = "editor", "viewer"
ROLES = (OWNER, EDITOR, VIEWER)
# Not `role`: that is a name of the owner's own, and rules look for it in accounts.
ROLE = "admin_role"
# An admin that is made without one is what every admin was before there were roles.
ROLE_FIELD = SelectField(name=ROLE, values=ROLES, default=OWNER, required=True)

# What of an admin decides what it may do.
_POWER = (ROLE, DISABLED)

# What there is to be done. `run` is the backend itself: its admins, keys, audit trail and settings.
LOOK, EDIT, RUN = "look", "edit", "run"
_MAY: Mapping[str, frozenset[str]] = {OWNER: frozenset({LOOK, EDIT, RUN}), EDITOR: frozenset({LOOK, EDIT}), VIEWER: frozenset({LOOK})}
_WHO = {EDIT: "owners and editors", RUN: "owners"}


def may(actor: Actor, doing: str) -> bool:
    """An admin without a role may do nothing: nobody gets more by a role that is not known here."""
    return actor.kind == "system" or (actor.kind == "admin" and doing in _MAY.get(actor.role, ()))


def require(actor: Actor, doing: str, what: str) -> None:
    """`what` begins the sentence that others are told: "collections are"."""
    if actor.is_guest:
        raise Unauthenticated(f"{what} for admins: sign in as one")
    if not actor.passes_rules:
        raise Forbidden(f"{what} for admins")
    if not may(actor, doing):
        raise role_refused(actor, doing)


def role_refused(actor: Actor, doing: str) -> Forbidden:
    detail = f"this is for {_WHO.get(doing, 'admins with a role')}, and your role is {actor.role or 'none'}"
    return Forbidden(detail, hint="ask an owner to do it, or for another role")


def check_write(actor: Actor, collection: Collection, id: str | None, body: Mapping[str, Any]) -> None:
    """Whether this admin's role lets it write this record; what binds others are the collection's rules. Everybody may change their own
    address and password, and nobody but an owner anybody's role or state, their own least of all."""
    if not actor.passes_rules:
        return
    if collection.name != ADMINS:
        doing = EDIT
    else:
        own = id == actor.id and actor.collection == ADMINS and bool(body) and not any(key.rstrip("+-") in _POWER for key in body)
        doing = LOOK if own else RUN
    if not may(actor, doing):
        raise role_refused(actor, doing)


def keep_an_owner(owners: Collected[str], ids: Collected[str]) -> None:
    """`owners` are all who can sign in, held against other writers; these ids are about to be owners no more."""
    if owners and set(owners) <= set(ids):
        raise Conflict("this is the last owner, and a backend without one could not be run", hint="make another admin an owner first")
