"""What is worth noticing, as types; logging and metrics adapters decide what of it to show."""

import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


class Observation:
    """One thing that happened. Holds no secret and no value of a record."""


@dataclass(frozen=True, slots=True)
class SchemaReloaded(Observation):
    version: int


@dataclass(frozen=True, slots=True)
class CommitFailed(Observation):
    """The outcome of the transaction is unknown."""

    reason: str
    members: int


@dataclass(frozen=True, slots=True)
class Retried(Observation):
    """A unit of work was run again."""

    reason: str
    attempt: int


@dataclass(frozen=True, slots=True)
class RequestRefusedByRule(Observation):
    """Why a request got its 403 or 404; for the development log. `because` are the parts of the rule that did not hold, as texts of
    the rule: no values."""

    collection: str
    action: str
    rule: str | None
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestServed(Observation):
    """A request was answered. `path` is without the query, which may hold a private filter; `size` are the body's bytes,
    None where they were streamed. `operation` is the id of what was asked for, "" where nothing documented was."""

    request_id: str
    method: str
    path: str
    status: int
    milliseconds: float
    size: int | None
    actor_kind: str
    actor_id: str
    operation: str = ""


@dataclass(frozen=True, slots=True)
class RequestFailed(Observation):
    """A request ended in an error that nobody foresaw. `trace` says where, and repeats no value."""

    request_id: str
    trace: str


@dataclass(frozen=True, slots=True)
class RecordsExpired(Observation):
    """Their date had passed, so they were deleted."""

    collection: str
    count: int


@dataclass(frozen=True, slots=True)
class ExpiryHeldUp(Observation):
    """A record whose date has passed stays, because others refer to it by a relation that restricts; told once by each process."""

    collection: str
    id: str


@dataclass(frozen=True, slots=True)
class TrashPurged(Observation):
    """Deleted records whose time in the trash was over are gone for good."""

    count: int


@dataclass(frozen=True, slots=True)
class HousekeepingFailed(Observation):
    """A part of it could not be done; the next run tries again. `trace` says where, and repeats no value."""

    part: str
    trace: str


@dataclass(frozen=True, slots=True)
class SubscriberFailed(Observation):
    """It is told the same event again, later and later. `trace` says where, and repeats no value."""

    subscriber: str
    kind: str
    event: int
    attempt: int
    trace: str


@dataclass(frozen=True, slots=True)
class JobFailed(Observation):
    """A run of it failed. `trace` says where, and repeats no value; or how the process ended that it ran in."""

    job: str
    id: str
    attempt: int
    trace: str


@dataclass(frozen=True, slots=True)
class JobLost(Observation):
    """Whoever ran it was not heard of any more; it is run again unless that happened too often."""

    job: str
    id: str
    times: int
    given_up: bool


@dataclass(frozen=True, slots=True)
class WorkerEnded(Observation):
    """A process that runs jobs is gone, and another one takes its place after a while."""

    reason: str
    seconds: float


@dataclass(frozen=True, slots=True)
class CarrierAway(Observation):
    """Nobody hears of waiting jobs by Redis; who runs them looks into the database until it is back. `reason` names the error."""

    reason: str


@dataclass(frozen=True, slots=True)
class CarrierBack(Observation):
    """Jobs are carried again."""


@dataclass(frozen=True, slots=True)
class CallsRefused(Observation):
    """Somebody wrote into the queues of jobs in Redis what we did not; it was thrown away. `reason` is of the last one."""

    count: int
    reason: str


@dataclass(frozen=True, slots=True)
class LimitsAlone(Observation):
    """The counter that all machines share does not answer; each machine counts by itself until it does. `reason` names the error."""

    reason: str


@dataclass(frozen=True, slots=True)
class LimitsShared(Observation):
    """Limits are counted over all machines again."""


@dataclass(frozen=True, slots=True)
class FilesAway(Observation):
    """The store of files fails, or is full; told once until it works again. `reason` is what it said, or the error."""

    reason: str


@dataclass(frozen=True, slots=True)
class FilesBack(Observation):
    """The store of files works again."""


@dataclass(frozen=True, slots=True)
class LimitReached(Observation):
    """Somebody asked more often than they may. Who it was is not told: for a guest it would be an address, for a sign-in what people
    type there."""

    limit: str


class Observer(Protocol):
    def observe(self, observation: Observation) -> None:
        """Takes note; never raises and never waits."""
        ...

    def wants(self, kind: type[Observation]) -> bool:
        """Whether anybody would see one: what takes statements to find out is found out for those alone."""
        ...


def trace(error: BaseException) -> Iterator[str]:
    """Where it happened, from the first cause on. Neither messages nor variables: a driver's message repeats values of the
    record, and what a log holds is read by more people than the record is."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from trace(cause)
    yield f"{type(error).__module__}.{type(error).__qualname__}"
    for frame in traceback.extract_tb(error.__traceback__, limit=-40):
        yield f"  {frame.filename}:{frame.lineno} in {frame.name}"
