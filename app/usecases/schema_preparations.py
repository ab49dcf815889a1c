"""What a change can do before others have to wait for it: the values that it needs are made aside, a batch at a time, each batch in
a transaction like any other writer's.

What a preparation leaves behind where its process dies is in nobody's way, and goes with the next change of the collection."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from app.usecases.schema_changes import Intended
from domain.errors import Problem, Unavailable
from domain.schema.preparing import MOST_UNPREPARED, Preparation, asides
from ports.clock import Ids
from ports.schema import Unprepared
from ports.unit_of_work import Stores, UnitOfWork

T = TypeVar("T")
Intend = Callable[[Stores], Intended]

# Records go on changing while the others are prepared, so it is gone over them again; what is left then is made while others wait.
_ROUNDS = 5
_FEW = 500


class SchemaPreparations:
    def __init__(self, work: UnitOfWork, ids: Ids) -> None:
        self._work, self._ids = work, ids

    @contextmanager
    def prepared(self, intend: Intend) -> Iterator[Preparation | None]:
        """For the change that is made inside; None where nothing is worth it. `intend` is what the change asks as well."""
        preparation = self._begun(intend)
        if preparation is None:
            yield None
            return
        try:
            # What is not done in time is made inside the change.
            with suppress(Unavailable):
                self._fill(preparation)
            yield preparation
        except BaseException:
            # Else the next change sweeps; the reason is what counts here.
            with suppress(Problem):
                self._work.change_schema(lambda stores: stores.collections.put_away(preparation))
            raise

    def _begun(self, intend: Intend) -> Preparation | None:
        preparation = self._work.read(lambda stores: self._worth_it(stores, intend(stores)))
        if preparation is None or self._is_in_vain(preparation):
            return None
        self._work.change_schema(lambda stores: stores.collections.set_aside(preparation))
        return preparation

    def _worth_it(self, stores: Stores, intended: Intended) -> Preparation | None:
        """Nothing for renames: they would have to be followed here too, and can be a change by themselves."""
        if intended.old is None or intended.new is None or intended.renames:
            return None
        store, old = stores.collections, intended.old
        found = store.preparable(old, tuple(asides(intended.steps)))
        if not found or store.count(old) <= MOST_UNPREPARED:
            return None
        return Preparation(self._ids.new(), old, found)

    def _is_in_vain(self, preparation: Preparation) -> bool:
        """Where records stand against the change, which tells of them; not known where it takes too long to find out."""
        old, conversions = preparation.collection, [each for each in preparation.asides if each.is_conversion]
        with suppress(Unavailable):
            return self._work.read(
                lambda stores: any(stores.collections.misfits(old, each.before, each.after).count for each in conversions)
            )
        return False

    def _fill(self, preparation: Preparation) -> None:
        for _ in range(_ROUNDS):
            if self._round(preparation) < _FEW:
                return

    def _round(self, preparation: Preparation) -> int:
        """How many were made."""
        made, after = 0, ""
        while batch := self._next(preparation, after):
            self._work.run(lambda stores: stores.collections.prepare(preparation, batch))
            made, after = made + batch.count, batch.last
        return made

    def _next(self, preparation: Preparation, after: str) -> Unprepared | None:
        return self._work.read(lambda stores: stores.collections.unprepared(preparation, after), snapshot=True)
