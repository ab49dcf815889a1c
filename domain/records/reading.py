"""What a read asks of the store: which columns, under which condition, in which order, from where."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from domain.actor import Actor
from domain.rules.shape import Bound
from domain.rules.tree import Condition, Path
from domain.schema.collection import Collection
from domain.schema.words import Word


@dataclass(frozen=True, slots=True)
class Guard:
    """Who reads, so that the first statement of a request also tells whether that account still stands with this epoch, and the session
    of its token, or the key that it made for itself, if it has one."""

    collection: str
    id: str
    epoch: int
    session: str = ""
    key: str = ""

    @property
    def shape(self) -> tuple[str, bool, bool]:
        """What a statement is made of, the ids themselves aside."""
        return self.collection, bool(self.session), bool(self.key)


def guard_of(actor: Actor) -> Guard | None:
    """Guests and the system have no account that could have ended."""
    return Guard(actor.collection, actor.id, actor.epoch, actor.session, actor.key) if actor.collection else None


@dataclass(frozen=True, slots=True)
class Masks:
    """The names of fields with the shaped condition under which a record shows the value; where it fails, the field reads as
    null. The slots of all of them index `values`: they are ready by themselves, whatever else a statement asks."""

    conditions: tuple[tuple[str, Condition], ...] = ()
    values: tuple[Any, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.conditions)

    def of(self, columns: Sequence[str]) -> "Masks":
        """Those of these columns alone."""
        if not self.conditions:
            return self
        return Masks(tuple(each for each in self.conditions if each[0] in columns), self.values)


NO_MASKS = Masks()


@dataclass(frozen=True, slots=True)
class Reading:
    """`columns` are field names in answer order; those in `masks` are null where the record does not show them."""

    collection: Collection
    columns: tuple[str, ...]
    where: Bound
    masks: Masks = NO_MASKS


@dataclass(frozen=True, slots=True)
class SortKey:
    """Nulls are smallest: first when ascending, last when descending."""

    path: Path
    descending: bool = False


# The name that stands for how well a record answers a search, where a list is sorted by it; no field's name begins so.
RANK = "_rank"


@dataclass(frozen=True, slots=True)
class Search:
    """Each of `words` stands in one of `fields`, those in `masks` counting only in records that show them."""

    fields: tuple[str, ...]
    words: tuple[Word, ...]
    masks: Masks = NO_MASKS

    @property
    def shape(self) -> Any:
        """What a statement is made of, the words themselves aside."""
        return self.fields, tuple(word.open for word in self.words), self.masks.conditions


@dataclass(frozen=True, slots=True)
class Window:
    """`order` always ends with the id. `after` are the order's values of the row to go on from (keyset); `offset` skips rows instead."""

    order: tuple[SortKey, ...]
    limit: int
    after: tuple[Any, ...] | None = None
    offset: int = 0
    count: bool = False
    search: Search | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """At most `limit` rows. `last` are the order's values of the last row where more follow, else None; ready for JSON and for `after`."""

    rows: Sequence[Sequence[Any]]
    last: tuple[Any, ...] | None
    total: int | None = None
