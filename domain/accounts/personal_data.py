"""What is an account's own: who may ask for all of it, and which records belong to it. How it is gathered, written and erased is left to
use cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.accounts.impersonation import check_itself
from domain.accounts.roles import RUN, may, role_refused
from domain.actor import Actor
from domain.errors import Forbidden, NotFound, Unauthenticated
from domain.records.exports import ExportLimits
from domain.schema.collection import Collection, Schema
from domain.schema.fields import RelationField

# Nothing is chosen by a filter here, so an account has what it has: what bounds an archive is the time and the room that it takes.
LIMITS = ExportLimits(rows=None, seconds=300.0, size=2**32)


@dataclass(frozen=True, slots=True)
class Belonging:
    """The records of one collection that point at accounts, by any of these relations."""

    collection: Collection
    relations: tuple[RelationField, ...]

    def seen_by(self, names: Sequence[str]) -> tuple[RelationField, ...]:
        """A relation that the account may not know of says nothing of what is its own."""
        return tuple(each for each in self.relations if each.name in names)


def belonging(schema: Schema, accounts: str) -> tuple[Belonging, ...]:
    """What may belong to accounts of this collection: whatever points at it directly, in the order of names."""
    found: dict[str, list[RelationField]] = {}
    for holder, relation in schema.referring(accounts):
        found.setdefault(holder.name, []).append(relation)
    return tuple(Belonging(schema.collection(name), tuple(found[name])) for name in sorted(found))


def pointing_at(relations: Sequence[RelationField], account: str) -> str:
    """As a filter. An id holds no quote."""
    return " || ".join(f"{each.name} {'?=' if each.many else '='} '{account}'" for each in relations)


def whose(actor: Actor, collection: str, account: str | None) -> str:
    """The account whose data is asked for: the actor's own, or, for owners, the one that was named."""
    if actor.is_guest:
        raise Unauthenticated("sign in to ask for your data")
    check_itself(actor)
    if (actor.collection, actor.id) == (collection, account):
        return actor.id
    if actor.passes_rules and account is not None:
        if not may(actor, RUN):
            raise role_refused(actor, RUN)
        return account
    if account is not None:
        raise NotFound("there is no such account, or its data is not yours")
    if actor.collection != collection:
        hint = "name an account by `account`" if actor.passes_rules else "ask under the collection of your account"
        raise Forbidden("this token is of another collection", hint=hint)
    return actor.id


def contents(account: str, collection: str, moment: str, gathered: Mapping[str, Any]) -> dict[str, Any]:
    """What an archive tells about itself."""
    return {"collection": collection, "account": account, "moment": moment, **gathered}
