"""Keys that accounts make for themselves: a program that bears one is the account, as far as the key goes.

It may do what the account may, of that only what its scopes say, and only with records for which its own rule holds. What makes the account
whose it is (password, address, factors, sessions, keys) is not within it. What keys look like is said in `api_keys`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.accounts.api_keys import ApiKey, digest, minted, read_key
from domain.accounts.impersonation import check_itself
from domain.accounts.roles import may, role_refused
from domain.actor import Actor
from domain.errors import Conflict, Forbidden, NotFound, Unauthenticated
from domain.records.visibility import is_nameable
from domain.rules.tree import TRUE, Condition
from domain.schema.collection import Collection, Schema
from domain.schema.fields import Field

# People tell by it that the key is some account's, and scanners that it is ours.
PREFIX = "sra_"


@dataclass(frozen=True, slots=True)
class OwnKey:
    """`collection` is the id of the account's, `key.by` is the account."""

    collection: str
    key: ApiKey

    def actor(self, name: str) -> Actor:
        """In the collection of this name. The epoch says nothing: that the key's is its account's is compared where both are."""
        return Actor("account", self.key.by, name, 0, scopes=self.key.scopes, rules=self.key.rules, key=self.key.id)

    def as_object(self, names: Mapping[str, str]) -> dict[str, Any]:
        return {name: value for name, value in self.key.as_object(names).items() if name != "by"}


def minted_for_account(secret: bytes) -> str:
    return minted(secret, PREFIX)


def digest_of(text: str) -> str:
    return digest(text, PREFIX)


def read_own_key(body: Mapping[str, Any], known: Schema, *, id: str, account: str, collection: str, at: datetime) -> OwnKey:
    """`known` are the collections that the account may know of: of others not even a hint tells."""
    return OwnKey(collection, read_key(body, known, id=id, by=account, at=at))


def whose(actor: Actor, collection: str, account: str | None, doing: str) -> str:
    """The account whose keys the actor may see and revoke: its own, or, for an admin, the one that was named."""
    check_itself(actor)
    if actor.is_guest:
        raise Unauthenticated("sign in to see your keys")
    if (actor.collection, actor.id) == (collection, actor.id if account is None else account):
        return actor.id
    if actor.passes_rules and account is not None:
        if not may(actor, doing):
            raise role_refused(actor, doing)
        return account
    if account is not None:
        raise NotFound("there is no such account, or its keys are not yours")
    hint = "name one by `account`" if actor.passes_rules else f"ask /api/v1/auth/{actor.collection}/api-keys"
    raise Forbidden("this token is of another collection", hint=hint)


def check_room(collection: Collection, standing: int) -> None:
    """Before one more is made."""
    if collection.api_keys is None:
        detail = f"accounts of `{collection.name}` make no keys"
        raise Forbidden(detail, code="no_own_keys", hint="ask those who run this backend to set `api_keys` of the collection")
    if standing >= collection.api_keys.max:
        detail = f"an account of `{collection.name}` has at most {collection.api_keys.max} keys"
        raise Conflict(detail, code="too_many_keys", hint="revoke one that you need no more")


class OnItsOwn:
    """What the rule of such a key may name: fields of the record itself, of those that everybody sees who sees the record. Nothing can be
    found out by it that its account could not read, whatever it reads at the time."""

    def may_name(self, collection: Collection, field: Field) -> bool:
        return is_nameable(collection, field) and field.rules.view == ""

    def guard(self, collection: Collection) -> Condition | None:
        """It leads nowhere else: of two rules each could go through the other's collection."""
        return None

    def field_guard(self, collection: Collection, field: Field) -> Condition:
        return TRUE
