"""Writing to SQLite: one body after another, and one durable COMMIT for all that came meanwhile.

An fsync costs more than everything else in a write. So the thread that has written does not commit while
others wait at the lock: the next one goes on in the same transaction, inside a savepoint of its own, and
the last one commits for all. Nobody is answered or refused before that: a refusal may rest on a row of
another member, which is lost if the commit fails.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from time import monotonic
from typing import Generic, TypeVar

from adapters.outbound.sql.errors import commit_failed
from adapters.outbound.sql.links import Link
from adapters.outbound.sql.locks import OpenDoor, Queue, Turnstile, remaining
from domain.errors import Unavailable
from ports.observer import CommitFailed, Observer, Retried

T = TypeVar("T")

# A member whose commit does not come looks after it by itself: whoever was to
# do it may have given up at the lock.
_LOOK_AFTER = 0.25


@dataclass(slots=True)
class Group:
    """The members of one transaction. `failure` of its COMMIT is what all of them
    hear; `lost`: SQLite threw it away."""

    members: int = 0
    kept: int = 0
    lost: bool = False
    failure: BaseException | None = None
    done: Event = field(default_factory=Event)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    group: Group
    value: T | None = None
    error: BaseException | None = None

    def result(self) -> T:
        if self.group.failure is not None:
            raise commit_failed(self.group.failure) from self.group.failure
        if self.error is not None:
            raise self.error
        if self.group.lost:
            raise Unavailable("the database gave this change up", retry_after=1)
        return self.value  # type: ignore[return-value]


class SharedWriter:
    """`refresh(link)` is called inside each new transaction and makes the link fit the schema found there."""

    def __init__(
        self,
        open_link: Callable[[], Link],
        refresh: Callable[[Link], None],
        turnstile: Turnstile | OpenDoor,
        observer: Observer,
        *,
        size: int,
        patience: float,
    ) -> None:
        self._open, self._refresh, self._turnstile, self._observer = open_link, refresh, turnstile, observer
        self._size, self._patience = size, patience
        self._queue = Queue()
        self._link: Link | None = None
        self._group: Group | None = None
        self._closed = False

    def run(self, body: Callable[[Link], T], *, alone: bool, limit: float) -> T:
        outcome = self._take_part(body, alone, limit)
        if outcome.group.lost and not alone:
            self._observer.observe(Retried("transaction_lost", 1))
            outcome = self._take_part(body, True, limit)
        return outcome.result()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Nobody else writes, in any process; no transaction of ours is open."""
        until = monotonic() + self._patience
        with self._turn(until):
            self._commit_open_group()
            self._turnstile.acquire(remaining(until))
            try:
                yield
            finally:
                self._turnstile.release()

    def close(self) -> None:
        with self._queue:
            self._commit_open_group()
            self._forget_link()
            self._turnstile.close()
            self._closed = True

    def _take_part(self, body: Callable[[Link], T], alone: bool, limit: float) -> Outcome[T]:
        until = monotonic() + self._patience
        with self._turn(until):
            if alone:
                self._commit_open_group()
            link, group = self._open_group(until)
            try:
                outcome = self._member(link, group, body, limit)
            finally:
                if alone or self._queue.waiting == 0 or group.members >= self._size:
                    self._commit_open_group()
        self._await(group)
        return outcome

    @contextmanager
    def _turn(self, until: float) -> Iterator[None]:
        self._queue.enter(remaining(until))
        try:
            if self._closed:
                raise Unavailable("the backend is stopping", code="stopping")
            yield
        finally:
            self._queue.leave()

    def _open_group(self, until: float) -> tuple[Link, Group]:
        if self._group is not None and self._link is not None:
            return self._link, self._group
        self._turnstile.acquire(remaining(until))
        try:
            link = self._begin()
        except BaseException:
            self._forget_link()
            self._turnstile.release()
            raise
        self._group = Group()
        return link, self._group

    def _begin(self) -> Link:
        """Everything in the transaction is done under the schema that it begins
        with: nobody can change it meanwhile."""
        if self._link is None:
            self._link = self._open()
        self._link.session.start_limit(self._patience)
        self._link.session.command("BEGIN IMMEDIATE")
        self._refresh(self._link)
        return self._link

    def _member(self, link: Link, group: Group, body: Callable[[Link], T], limit: float) -> Outcome[T]:
        group.members += 1
        link.session.start_limit(limit)
        outcome = self._attempt(link, group, body)
        if not link.connection.in_transaction:
            self._give_up()
        elif outcome.error is None:
            group.kept += 1
        return outcome

    def _attempt(self, link: Link, group: Group, body: Callable[[Link], T]) -> Outcome[T]:
        try:
            with link.session.savepoint():
                value = body(link)
                link.session.check_time()
        except BaseException as error:  # noqa: BLE001 - told to whom it belongs once the group is done
            return Outcome(group, error=error)
        return Outcome(group, value)

    def _give_up(self) -> None:
        """A full disk, an interrupt or RAISE(ROLLBACK) undid everybody's work:
        each member tries once more, alone."""
        group, self._group = self._group, None
        self._turnstile.release()
        if group is not None:
            group.lost = True
            group.done.set()

    def _commit_open_group(self) -> None:
        group, self._group = self._group, None
        if group is None or self._link is None:
            return
        try:
            # Where every member was refused there is nothing to make durable, and no fsync to wait for.
            self._link.command("COMMIT" if group.kept else "ROLLBACK")
        except BaseException as error:  # noqa: BLE001 - whatever it was, nobody may be told that this went well
            group.failure = error
            self._observer.observe(CommitFailed(type(error).__name__, group.members))
            self._forget_link()
        finally:
            self._turnstile.release()
            group.done.set()

    def _forget_link(self) -> None:
        """After a failed COMMIT nothing that the connection holds in memory is trusted."""
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def _await(self, group: Group) -> None:
        while not group.done.wait(_LOOK_AFTER):
            with self._queue:
                self._commit_open_group()
