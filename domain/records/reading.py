"""What a read asks of the store: which columns, under which condition, in which order, from where."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from domain.actor import Actor
from domain.rules.shape import Bound
from domain.rules.tree import Path
from domain.schema.collection import Collection


@dataclass(frozen=True, slots=True)
class Guard:
    """Who reads, so that the first statement of a request also tells whether that account still stands with this epoch."""

    collection: str
    id: str
    epoch: int


def guard_of(actor: Actor) -> Guard | None:
    """Guests and the system have no account that could have ended."""
    return Guard(actor.collection, actor.id, actor.epoch) if actor.collection else None


@dataclass(frozen=True, slots=True)
class Reading:
    """`columns` are field names in answer order. Those in `private` are null in every record but the one whose id is `self_id`
    (an account's e-mail address)."""

    collection: Collection
    columns: tuple[str, ...]
    where: Bound
    private: tuple[str, ...] = ()
    self_id: str = ""


@dataclass(frozen=True, slots=True)
class SortKey:
    """Nulls are smallest: first when ascending, last when descending."""

    path: Path
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """`order` always ends with the id. `after` are the order's values of the row to go on from (keyset); `offset` skips rows instead."""

    order: tuple[SortKey, ...]
    limit: int
    after: tuple[Any, ...] | None = None
    offset: int = 0
    count: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """At most `limit` rows. `last` are the order's values of the last row where more follow, else None; ready for JSON and for `after`."""

    rows: Sequence[Sequence[Any]]
    last: tuple[Any, ...] | None
    total: int | None = None
