"""One request, one effect, however often it is sent: the first answer is kept in the transaction of its effect, and a request that finds it
there is undone and answered with it.

Use cases that write take a `keep` and call it as the last thing in their transaction. So a key costs one statement; it is looked up only
where something stood against the request, which may be its own first effect.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

from domain.actor import Actor
from domain.errors import Conflict, Problem, Unauthenticated, Unavailable
from domain.idempotency import Answer, Asked, expiry
from domain.records.reading import guard_of
from domain.schema.fields.times import write_instant
from ports.clock import Clock
from ports.unit_of_work import Stores, UnitOfWork

T = TypeVar("T")


class Keep(Protocol):
    """Keeps what a write comes to, inside of its transaction, and hands it on."""

    def __call__(self, stores: Stores, result: T, /) -> T: ...


def unkept(stores: Stores, result: T, /) -> T:
    """Of a request without a key."""
    return result


class _AnsweredBefore(Conflict):
    """Another request under this key was first; this one is undone."""


class IdempotencyUseCases:
    def __init__(self, work: UnitOfWork, clock: Clock) -> None:
        self._work, self._clock = work, clock

    def once(self, asked: Callable[[], Asked], do: Callable[[Keep], T], form: Callable[[T], Answer], *, actor: Actor) -> Answer:
        """The answer of `form` to what `do` made, or the one that was kept when the same was asked before. Mismatched where the key
        stands for another request. What was refused changed nothing and is not kept. `asked` is called once the request is read."""
        made: list[Answer] = []

        def keep(stores: Stores, result: T) -> T:
            made[:] = [form(result)]
            self._put(stores, asked(), made[0])
            return result

        try:
            result = do(keep)  # type: ignore[arg-type]  # it is called with this one T
        except (Unauthenticated, Unavailable):
            raise  # neither rests on what an earlier request did, and what has ended is shown no answer
        except Problem:
            found = self._work.read(lambda stores: self._found(stores, asked(), actor))
            if found is None:
                raise
            return found
        return made[0] if made else form(result)

    def _put(self, stores: Stores, asked: Asked, answer: Answer) -> None:
        now = self._clock.now()
        if not stores.answers.put(asked, answer, now=write_instant(now), expires=write_instant(expiry(now))):
            # Told to a client only where that answer expired in between.
            raise _AnsweredBefore("the answer to this Idempotency-Key has just expired", hint="send the request again")

    def _found(self, stores: Stores, asked: Asked, actor: Actor) -> Answer | None:
        """Once it is sure that the actor still stands."""
        stores.records.check_guard(guard_of(actor))
        kept = stores.answers.find(asked.scope, write_instant(self._clock.now()))
        return None if kept is None else kept.answer_to(asked)
