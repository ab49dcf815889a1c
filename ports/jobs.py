"""Jobs as rows: the truth about each of them, whoever carries them to a worker."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from domain.jobs.job import Claim, Depth, Job, QueueDepth
from domain.jobs.tallies import Tally


@dataclass(frozen=True, slots=True)
class Asked:
    """A job as it is enqueued. `due` is a moment in milliseconds, `after` a time from now on; without either it is due at once. `once`
    says for how long its key binds."""

    id: str
    name: str
    queue: str
    arguments: str
    priority: int
    once: str
    key: str | None = None
    due: int | None = None
    after: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Prospect:
    """`ready`: a job could be claimed; `lapsed`: somebody's hold has ended by itself."""

    ready: bool
    lapsed: bool


class JobStore(Protocol):
    """Whatever changes a running job takes the `holder` that its claim was given, and does nothing where another holds it by now.
    The clock is the database's own."""

    def add(self, job: Asked) -> bool:
        """One INSERT. False where one with the same key binds still; then nothing is added."""
        ...

    def bound(self, name: str, key: str) -> str | None:
        """The id of the job that this key binds to."""
        ...

    def waiting(self, at_most: int) -> int:
        """How many wait, due or not; no more than that many are counted."""
        ...

    def prospect(self, names: Collection[str], queues: Collection[str] | None) -> Prospect:
        """Whether there is anything to claim among these; keeps no writer waiting."""
        ...

    def claim(self, holder: str, lease: timedelta, names: Collection[str], queues: Collection[str] | None, limit: int) -> Sequence[Claim]:
        """The most urgent that are due, the highest priority first. Nobody else gets them before the lease is over."""
        ...

    def keep(self, holder: str, lease: timedelta, ids: Sequence[str]) -> frozenset[str]:
        """Holds these for longer; which of them the holder still has."""
        ...

    def done(self, claim: Claim, result: str | None, reason: str, kept: timedelta) -> bool: ...
    def again(self, claim: Claim, wait: timedelta, reason: str) -> bool:
        """A try failed, and the next one is due in `wait`."""
        ...

    def dead(self, claim: Claim, reason: str, kept: timedelta) -> bool:
        """The last try failed."""
        ...

    def give_back(self, holder: str, ids: Sequence[str]) -> int:
        """As if they had not been claimed."""
        ...

    def lapse(self, most_lost: int, kept: timedelta) -> Sequence[Job]:
        """Jobs whose holder let the lease end: waiting again, or dead where that has happened too often."""
        ...

    def progress(self, claim: Claim, told: str) -> bool: ...

    # --- for people

    def find(self, id: str) -> Job | None: ...
    def held(self, holder: str, id: str) -> Claim | None:
        """A job, where this holder has it."""
        ...

    def listed(self, wanted: Mapping[str, str], *, before: str | None, limit: int) -> Sequence[Job]:
        """The latest first; `wanted` is by state, name and queue, `before` the id of the last one that was seen."""
        ...

    def cancel(self, id: str, kept: timedelta) -> bool:
        """Nobody holds it from now on. False where it is over already."""
        ...

    def retry(self, id: str) -> bool:
        """Begins anew, due at once. False where it is neither dead nor cancelled; Conflict where another with its key binds."""
        ...

    def drop(self, id: str) -> bool:
        """False where it is running or not there."""
        ...

    def depths(self) -> Sequence[Depth]: ...
    def queues(self) -> Sequence[QueueDepth]:
        """Without looking at what is over."""
        ...

    def tally(self, runs: Sequence[Tally]) -> None:
        """Adds these to what was counted before."""
        ...

    def tallies(self) -> Sequence[Tally]: ...
    def forget(self, limit: int) -> int:
        """Removes what was kept for long enough; how many that were."""
        ...
