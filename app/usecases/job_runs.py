"""Running jobs: who claims them, what comes of a run, and what becomes of those whose worker is gone. Processes and their lives are
`app.runner`'s business."""

import random
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from threading import Event, Thread
from time import monotonic

from app.usecases.jobs import JobUseCases
from domain.errors import Invalid, Problem
from domain.jobs import tallies
from domain.jobs.job import DEAD, DEAD_KEPT, Claim, Job
from domain.jobs.outcomes import Failed, GiveUp, Outcome, Succeeded, shortened, wait_for_next
from domain.jobs.retrying import MOST_LOST
from domain.jobs.tallies import Tally, one_run, together
from domain.jobs.tasks import written
from ports.carrier import Carrier
from ports.clock import Ids
from ports.observer import HousekeepingFailed, JobFailed, JobLost, Observer, trace
from ports.unit_of_work import Stores, UnitOfWork

# What dies with its machine is taken over after this time.
LEASE = timedelta(seconds=30)
_FORGOTTEN_AT_ONCE = 500


class JobRuns:
    def __init__(
        self, work: UnitOfWork, jobs: JobUseCases, carrier: Carrier, ids: Ids, observer: Observer, *, lease: timedelta = LEASE
    ) -> None:
        self._work, self._jobs, self._carrier, self._ids, self._observer, self.lease = work, jobs, carrier, ids, observer, lease

    @property
    def longest_wait(self) -> float:
        """Of those who have nothing to do, between two looks."""
        return self._carrier.longest_wait

    def called(self, at_most: int, queues: Collection[str] | None, patience: float) -> int:
        """How many jobs the carrier says to wait; 0 where it says nothing for so many seconds. Then nobody knows: `claim` finds out."""
        known = queues if queues is not None else {self._jobs.tasks[each].queue for each in self._jobs.runnable}
        return self._carrier.offered(known, at_most, patience)

    def claim(self, limit: int, queues: Collection[str] | None = None, *, names: Collection[str] | None = None) -> Sequence[Claim]:
        """The next ones that this process knows how to run, or of these `names` alone. They are held for `lease`."""
        known = self._jobs.runnable
        names = known if names is None else [each for each in names if each in known]
        prospect = self._work.read(lambda stores: stores.jobs.prospect(names, queues))
        if prospect.lapsed:
            self._lapse()
        elif not prospect.ready:
            return ()
        holder = self._ids.new()
        return self._work.run(lambda stores: stores.jobs.claim(holder, self.lease, names, queues, limit))

    def timeout(self, claim: Claim) -> float:
        return self._jobs.tasks[claim.job.name].timeout.total_seconds()

    def run(self, claim: Claim) -> Outcome:
        """Never raises what the job raises; what ends the process is for whoever watches it."""
        began = monotonic()
        try:
            answered = self._jobs.call(claim)
        except Exception as error:  # noqa: BLE001 - whatever it was, the job is tried again
            took = monotonic() - began
            self._observer.observe(JobFailed(claim.job.name, claim.job.id, claim.job.tries + 1, "\n".join(trace(error))))
            return Failed(_reason(error), isinstance(error, GiveUp), took)
        took = monotonic() - began
        try:
            return Succeeded(None if answered is None else written(answered, "the result"), seconds=took)
        except Invalid as unfit:
            # What was to be done is done: run once more it would be done twice, and answer the same.
            return Succeeded(None, unfit.detail, took)

    def settle(self, outcomes: Sequence[tuple[Claim, Outcome]]) -> None:
        """Keeps what came of them, in one transaction; nothing for those that another holds by now."""

        def body(stores: Stores) -> None:
            ended = (self._settled(stores, claim, outcome) for claim, outcome in outcomes)
            stores.jobs.tally(together(each for each in ended if each is not None))

        self._work.run(body)

    def keep(self, holder: str, ids: Sequence[str]) -> frozenset[str]:
        """Which of them are still this holder's, and now for another while."""
        return self._work.run(lambda stores: stores.jobs.keep(holder, self.lease, ids))

    def give_back(self, holder: str, ids: Sequence[str]) -> None:
        if ids:
            self._work.run(lambda stores: stores.jobs.give_back(holder, ids))

    def ended(self, holder: str, id: str, reason: str) -> None:
        """This one ended the process that it ran in, or had to be ended with it."""
        claim = self._work.read(lambda stores: stores.jobs.held(holder, id))
        if claim is not None:
            self._observer.observe(JobFailed(claim.job.name, id, claim.job.tries + 1, reason))
            self.settle([(claim, Failed(reason))])

    def drain(
        self, *, limit: int = 100, queues: Collection[str] | None = None, names: Collection[str] | None = None,
        hold: bool = False, stopped: Callable[[], bool] = lambda: False,
    ) -> int:  # fmt: skip
        """Runs here what is due, until nothing is; how many runs that were. For tests and for those who want no processes. `hold` is for
        runs that may take longer than the lease."""
        count = 0
        while not stopped() and (claims := self.claim(self._at_once(limit, queues, names), queues, names=names)):
            for claim in claims:
                with self._held(claim) if hold else nullcontext():
                    outcome = self.run(claim)
                self.settle([(claim, outcome)])
            count += len(claims)
        return count

    @contextmanager
    def _held(self, claim: Claim) -> Iterator[None]:
        over = Event()
        Thread(target=self._keep_until, args=(over, claim), name="stillroom-hold", daemon=True).start()
        try:
            yield
        finally:
            over.set()

    def _keep_until(self, over: Event, claim: Claim) -> None:
        while not over.wait(self.lease.total_seconds() / 3):
            try:
                self.keep(claim.holder, [claim.job.id])
            except Exception as error:  # noqa: BLE001 - the next attempt may go well
                self._observer.observe(HousekeepingFailed("jobs", "\n".join(trace(error))))

    def _at_once(self, limit: int, queues: Collection[str] | None, names: Collection[str] | None) -> int:
        """Whoever wants certain jobs alone would take calls from those who want the others."""
        return limit if names is not None else self.called(limit, queues, 0.0) or limit

    def forget(self, *, stopped: Callable[[], bool] = lambda: False) -> int:
        """Removes jobs that are over and were kept long enough; how many that were."""
        removed, count = 0, _FORGOTTEN_AT_ONCE
        while count == _FORGOTTEN_AT_ONCE and not stopped():
            count = self._work.run(lambda stores: stores.jobs.forget(_FORGOTTEN_AT_ONCE))
            removed += count
        return removed

    def _settled(self, stores: Stores, claim: Claim, outcome: Outcome) -> Tally | None:
        """None where another has it by now: whoever ends it counts it."""
        how, is_ours = self._noted(stores, claim, outcome)
        job = claim.job
        return one_run(job.name, how, outcome.seconds, (job.started or job.due) - job.due) if is_ours else None

    def _noted(self, stores: Stores, claim: Claim, outcome: Outcome) -> tuple[str, bool]:
        task = self._jobs.tasks[claim.job.name]
        if isinstance(outcome, Succeeded):
            return tallies.DONE, stores.jobs.done(claim, outcome.result, outcome.remark, task.kept)
        wait = wait_for_next(task, claim.job, outcome, random.random())
        if wait is None:
            return tallies.DEAD, stores.jobs.dead(claim, outcome.reason, DEAD_KEPT)
        return tallies.FAILED, stores.jobs.again(claim, wait, outcome.reason)

    def _lapse(self) -> None:
        def body(stores: Stores) -> Sequence[Job]:
            lost = stores.jobs.lapse(MOST_LOST, DEAD_KEPT)
            stores.jobs.tally(together(one_run(each.name, tallies.LOST, None, 0) for each in lost))
            return lost

        for job in self._work.run(body):
            self._observer.observe(JobLost(job.name, job.id, job.lost, job.state == DEAD))


def _reason(error: Exception) -> str:
    """For the people who run this backend: what a Problem says is written for readers, any other message may repeat anything."""
    if isinstance(error, Problem):
        return shortened(f"{type(error).__name__}: {error.detail}")
    if isinstance(error, GiveUp):
        return shortened(str(error) or "it gave up")
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {frames[-1].name}, line {frames[-1].lineno}" if frames else ""
    return shortened(f"{type(error).__name__}{where}")
