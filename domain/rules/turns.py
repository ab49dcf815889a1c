"""The way that a name of the request goes: one part after another, from the actor's record or from the body through relations.

Where a name starts at the actor, its collection is not known before the request: each part may stand in several collections.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from domain.rules.scope import Scope
from domain.schema.collection import Collection
from domain.schema.fields import Field, RelationField


@dataclass(frozen=True, slots=True)
class Turn:
    """One part of such a name: the collections that have a field of that name where it stands, each with its field; or with `back`
    the collection whose relation points there."""

    fields: tuple[tuple[Collection, Field], ...] = ()
    back: tuple[Collection, RelationField] | None = None

    @property
    def is_many(self) -> bool:
        return self.back is not None or any(field.many for _, field in self.fields)


def turns(parts: Sequence[str], start: Sequence[Collection], scope: Scope) -> Iterator[Turn]:
    holders = start
    for part in parts:
        turn = _turn(part, holders, scope)
        yield turn
        holders = targets_of(turn, scope)


def targets_of(turn: Turn, scope: Scope) -> Sequence[Collection]:
    """The collections in which a next part would stand."""
    if turn.back is not None:
        return (turn.back[0],)
    found = (scope.collection_of(field.collection) for _, field in turn.fields if isinstance(field, RelationField))
    return [each for each in found if each is not None]


def accounts_of(scope: Scope) -> Sequence[Collection]:
    """The collections that an actor may be of."""
    accounts = [each for each in scope.schema.collections.values() if each.is_accounts]
    if scope.collection.is_accounts and scope.collection.name not in scope.schema.collections:
        accounts.append(scope.collection)
    return accounts


def _turn(part: str, holders: Sequence[Collection], scope: Scope) -> Turn:
    fields = tuple((each, each.every_field[part]) for each in holders if part in each.every_field)
    return Turn(fields) if fields else Turn(back=scope.back(part, [each.name for each in holders]))
