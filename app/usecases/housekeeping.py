"""What the backend does by itself, round after round: records whose date has passed are deleted, and the trash forgets what its time
is over for; so do sessions, the keys that signed their tokens, and the answers that are kept for requests sent again. Any number of
processes may do it at once: what one is at work on, the others pass over."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from app.usecases.anonymous import unused
from app.usecases.deletion import delete_with_relations
from app.usecases.events import EventUseCases
from app.usecases.files import FileUseCases
from app.usecases.invitations import sweep_invitations
from app.usecases.job_runs import JobRuns
from app.usecases.resumable import ResumableUploads
from app.usecases.webhook_sending import WebhookSending
from domain.accounts.tokens import retired
from domain.actor import SYSTEM
from domain.errors import Conflict, Forbidden, Invalid, Unavailable
from domain.schema.collection import Collection
from domain.schema.fields.times import write_instant
from domain.schema.retention import last_expired
from ports.clock import Clock, Ids
from ports.observer import ExpiryHeldUp, HousekeepingFailed, Observer, RecordsExpired, TrashPurged, trace
from ports.unit_of_work import Stores, UnitOfWork

# So many go in one transaction: other writers wait for as long as that takes.
_BATCH = 100
_PURGED_AT_ONCE = 500
# So many held-up records are remembered, that each is told once; beyond it some are told again.
_REMEMBERED = 10_000

T = TypeVar("T")
Stopped = Callable[[], bool]
Place = tuple[str, str]  # a value and an id: where a sweep goes on


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did. `held` stay because others refer to them by a relation that restricts; `forgotten` are answers that were kept
    for requests sent again; `failed` are the parts that could not be done."""

    expired: int = 0
    held: int = 0
    purged: int = 0
    forgotten: int = 0
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Batch:
    deleted: int = 0
    held: tuple[str, ...] = ()
    last: Place | None = None


class HousekeepingUseCases:
    def __init__(
        self, work: UnitOfWork, events: EventUseCases, jobs: JobRuns, webhooks: WebhookSending, files: FileUseCases,
        resumable: ResumableUploads, clock: Clock, ids: Ids, observer: Observer, *, audit_kept: timedelta,
    ) -> None:  # fmt: skip
        self._events, self._jobs, self._webhooks, self._files, self._audit_kept = events, jobs, webhooks, files, audit_kept
        self._resumable = resumable
        self._work, self._clock, self._ids, self._observer = work, clock, ids, observer
        self._told: dict[Place, None] = {}

    def run(self, *, stopped: Stopped = lambda: False) -> Round:
        """One round. It ends early, between two transactions, once `stopped()`. What fails is observed and does not keep the rest
        from being done."""
        expired, held, failed = 0, 0, list[str]()
        for name in self._try("collections", self._expiring, failed) or ():
            swept = self._try(f"expiry of {name}", lambda: self._expire(name, stopped), failed)  # noqa: B023 - called at once
            expired, held = expired + (swept or (0, 0))[0], held + (swept or (0, 0))[1]
        self._try("anonymous accounts", lambda: self._drop_anonymous(stopped), failed)
        purged = self._try("trash", lambda: self._purge(stopped), failed) or 0
        self._try("uploads", lambda: self._resumable.sweep(stopped=stopped), failed)
        self._try("files", lambda: self._files.sweep(stopped=stopped), failed)
        self._try("events", lambda: self._events.forget(stopped=stopped), failed)
        self._try("jobs", lambda: self._jobs.forget(stopped=stopped), failed)
        self._try("webhooks", lambda: self._webhooks.look_after(stopped=stopped), failed)
        self._try("sessions", lambda: self._sweep_sessions(stopped), failed)
        self._try("keys", self._retire_keys, failed)
        forgotten = self._try("answers", lambda: self._forget(stopped), failed) or 0
        self._try("one-time secrets", self._sweep, failed)
        self._try("audit trail", self._forget_audit, failed)
        self._try("statistics", self._work.learn, failed)
        self._try("log", self._work.scrub, failed)
        return Round(expired, held, purged, forgotten, tuple(failed))

    def _try(self, part: str, body: Callable[[], T], failed: list[str]) -> T | None:
        try:
            return body()
        except Exception as error:  # noqa: BLE001 - the next part, and the next round, may go well
            self._observer.observe(HousekeepingFailed(part, "\n".join(trace(error))))
            failed.append(part)
            return None

    # --- expiry

    def _expiring(self) -> list[str]:
        """The collections in which something is due: asked without a transaction that writers would wait for."""
        now = self._now()
        schema = self._work.read(lambda stores: stores.current())
        names = [each.name for each in schema.collections.values() if each.expires]
        return [name for name in names if self._work.read(lambda stores: _due(stores, name, now, None, 1))]  # noqa: B023 - called at once

    def _expire(self, name: str, stopped: Stopped) -> tuple[int, int]:
        deleted, held, after = 0, 0, None
        while not stopped():
            batch = self._next_batch(name, after)
            deleted, held = deleted + batch.deleted, held + len(batch.held)
            if batch.deleted:
                self._observer.observe(RecordsExpired(name, batch.deleted))
            self._tell(name, batch.held)
            if batch.last is None:
                break
            after = batch.last
        return deleted, held

    def _next_batch(self, name: str, after: Place | None) -> _Batch:
        """Where so many take longer than a write may, one at a time, for as long as it takes: it must go some day."""
        now = self._now()
        try:
            return self._work.run(lambda stores: self._batch(stores, name, now, after, _BATCH))
        except Unavailable as refused:
            if refused.code != "too_slow":
                raise
        return self._work.run(lambda stores: self._batch(stores, name, now, after, 1), unhurried=True)

    def _batch(self, stores: Stores, name: str, now: str, after: Place | None, limit: int) -> _Batch:
        due = _due(stores, name, now, after, limit)
        if not due:
            return _Batch()
        collection, ids = stores.schema.collection(name), [id for _, id in due]
        held = self._delete(collection, ids, now)
        return _Batch(len(due) - len(held), held, due[-1] if len(due) == limit else None)

    def _drop_anonymous(self, stopped: Stopped) -> None:
        """What is held by others' relations is tried again in the next round."""
        schema = self._work.read(lambda stores: stores.current())
        for name in [each.name for each in schema.collections.values() if each.anonymous]:
            while not stopped() and self._work.run(lambda stores: self._dropped(stores, name)) == _BATCH:  # noqa: B023 - called at once
                pass

    def _dropped(self, stores: Stores, name: str) -> int:
        ids = unused(stores, name, self._clock.now(), _BATCH)
        held = self._delete(stores.schema.collection(name), ids, self._now()) if ids else ()
        return len(ids) - len(held)

    def _delete(self, collection: Collection, ids: list[str], now: str) -> tuple[str, ...]:
        """All of them at once; where some are held by others, each by itself. Those that stay."""
        if self._deleted(collection, ids, now):
            return ()
        return tuple(id for id in ids if not self._deleted(collection, [id], now))

    def _deleted(self, collection: Collection, ids: list[str], now: str) -> bool:
        try:
            self._work.run(lambda stores: delete_with_relations(stores, collection, ids, actor=SYSTEM, now=now, new_ids=self._ids))
        except (Conflict, Forbidden, Invalid):  # the last two by a hook
            return False
        return True

    def _tell(self, name: str, held: tuple[str, ...]) -> None:
        for id in held:
            if (name, id) not in self._told:
                self._told[name, id] = None
                self._observer.observe(ExpiryHeldUp(name, id))
        while len(self._told) > _REMEMBERED:
            del self._told[next(iter(self._told))]

    # --- trash

    def _purge(self, stopped: Stopped) -> int:
        now, purged = self._now(), 0
        while not stopped() and self._work.read(lambda stores: stores.trash.overdue(now)):
            count = self._work.run(lambda stores: stores.trash.purge(now, _PURGED_AT_ONCE))
            purged += count
            if count < _PURGED_AT_ONCE:
                break
        if purged:
            self._observer.observe(TrashPurged(purged))
        return purged

    # --- what signing in leaves behind

    def _sweep_sessions(self, stopped: Stopped) -> None:
        now = self._now()
        while not stopped() and self._work.read(lambda stores: stores.sessions.overdue(now)):
            if self._work.run(lambda stores: stores.sessions.sweep(now, _PURGED_AT_ONCE)) < _PURGED_AT_ONCE:
                break

    def _retire_keys(self) -> None:
        """Nothing asks for them any more, so no process needs to hear of it."""
        kept = self._work.read(lambda stores: stores.keys.signing_keys())
        gone = retired([(each.kid, each.created) for each in kept], self._clock.now())
        if gone:
            self._work.run(lambda stores: stores.keys.remove_signing_keys(gone))

    # --- answers

    def _forget(self, stopped: Stopped) -> int:
        now, forgotten = self._now(), 0
        while not stopped() and self._work.read(lambda stores: stores.answers.overdue(now)):
            count = self._work.run(lambda stores: stores.answers.sweep(now, _PURGED_AT_ONCE))
            forgotten += count
            if count < _PURGED_AT_ONCE:
                break
        return forgotten

    def _sweep(self) -> None:
        """Links, codes, letters that hold them, invitations, keys of accounts and begun sign-ins whose time is over; they open nothing any
        more."""
        now = self._now()
        while self._work.run(lambda stores: stores.one_time.sweep(now, _PURGED_AT_ONCE)) == _PURGED_AT_ONCE:
            pass
        while self._work.run(lambda stores: stores.mailbox.sweep(now, _PURGED_AT_ONCE)) == _PURGED_AT_ONCE:
            pass
        while self._work.run(lambda stores: stores.own_keys.sweep(now, _PURGED_AT_ONCE)) == _PURGED_AT_ONCE:
            pass
        while self._work.run(lambda stores: stores.identities.sweep(now, _PURGED_AT_ONCE)) == _PURGED_AT_ONCE:
            pass
        while self._work.run(lambda stores: sweep_invitations(stores, self._clock, _PURGED_AT_ONCE)) == _PURGED_AT_ONCE:
            pass

    def _forget_audit(self) -> None:
        before = write_instant(self._clock.now() - self._audit_kept)
        while self._work.run(lambda stores: stores.audit.forget(before, _PURGED_AT_ONCE)) == _PURGED_AT_ONCE:
            pass

    def _now(self) -> str:
        return write_instant(self._clock.now())


def _due(stores: Stores, name: str, now: str, after: Place | None, limit: int) -> list[Place]:
    """None where the collection is gone by now, or expires no more."""
    collection = stores.schema.collections.get(name)
    if collection is None or collection.expires is None:
        return []
    field = collection.every_field[collection.expires.field]
    return list(stores.records.due(collection, field.name, last_expired(field, now), after, limit))
