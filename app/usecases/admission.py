"""Who may go on being signed in: a change of what the rules `auth` and `second_factor` read of an account, or of an admin's role, has
them asked again, and an account that is disabled is out."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.usecases.own_key_ends import keep_own_keys
from app.usecases.rulebook import Rulebook
from domain.accounts import roles
from domain.accounts.roles import ROLE
from domain.actor import ADMINS, OWNER, Actor
from domain.records.changes import Changes
from domain.rules.walk import own_fields
from domain.schema.account_fields import DISABLED
from domain.schema.collection import Collection, Schema
from ports.unit_of_work import Stores


def asks_anew(rulebook: Rulebook, schema: Schema, collection: Collection, asked: Changes) -> bool:
    """Whether the change touches what decides who may sign in. Its tokens end then; its sessions go on, through a refresh, which
    asks the rule. What the rule reads of other records is found out by the next refresh."""
    if collection.name == ADMINS and ROLE in asked.values:
        return True  # tokens say the role
    if collection.is_accounts and DISABLED in asked.values:
        return True
    texts = (collection.rules.auth, collection.rules.second_factor) if collection.is_accounts else ()
    named = (*asked.values, *asked.increments, *asked.lists)
    return any(not own_fields(rulebook.condition(schema, collection, text).condition).isdisjoint(named) for text in texts if text)


def keep_sessions(
    stores: Stores, collection: Collection, id: str, actor: Actor, *, all_of_them: bool, admitted: Callable[[], bool]
) -> None:
    """After the account's epoch has grown. Who changes the sign-in data of one's own account ends all other sessions of it; that one
    goes on, with new tokens, and so do the keys that the account made for its programs: a password is changed for many reasons, and
    who fears for a key sees them listed. What somebody else changes ends them. Nothing of theirs is refreshed, so that the `auth` rule is
    asked here: whether the account is `admitted` still."""
    if all_of_them:
        stores.sessions.carry_over(collection, id, None)
        keep_own_keys(stores, collection, id, standing=collection.api_keys is not None and admitted())
        return
    in_session = (actor.collection, actor.id) == (collection.name, id) and bool(actor.session)
    if in_session:
        stores.sessions.carry_over(collection, id, actor.session)
    keep_own_keys(stores, collection, id, standing=in_session)


def shut_out(stores: Stores, collection: Collection, id: str) -> tuple[str, ...]:
    """The account is disabled: nothing of it stands that could go on, whatever becomes of it later. The ids of keys that went with it."""
    stores.sessions.forget(collection, [id])
    stores.one_time.end(collection, id)
    stores.own_keys.forget(collection, [id])
    return tuple(stores.api_keys.remove_made_by(id)) if collection.name == ADMINS else ()


def keep_an_owner(stores: Stores, collection: Collection, ids: Sequence[str], values: Mapping[str, Any]) -> None:
    """Before admins are changed to these values, or deleted where there are none. Owners are held, so of two who demote each other
    at the same time one is refused."""
    if collection.name == ADMINS and (not values or values.get(ROLE, OWNER) != OWNER or values.get(DISABLED)):
        roles.keep_an_owner(stores.accounts.owners(collection), ids)
