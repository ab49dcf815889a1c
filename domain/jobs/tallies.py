"""How runs of jobs end, counted where the jobs are: over all processes and machines, and for as long as the database is there. What is
counted is bounded by the jobs that are declared, never by what they are asked with."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

DONE, FAILED, DEAD, LOST = "done", "failed", "dead", "lost"

# Milliseconds that a run took, at most; from a job that asks the database once to one that runs into its time limit.
BOUNDS = (5, 25, 100, 500, 1_000, 5_000, 30_000, 120_000, 600_000)
# A run that took longer than all of them, and one that nobody measured: its process was ended.
LONGER, UNMEASURED = 0, -1


@dataclass(frozen=True, slots=True)
class Tally:
    """`runs` of a job that ended like this, each within so many milliseconds; `took` and `waited` are milliseconds of all together."""

    job: str
    outcome: str
    within: int
    runs: int
    took: int
    waited: int


def one_run(job: str, outcome: str, seconds: float | None, waited: int) -> Tally:
    took = None if seconds is None else round(seconds * 1000)
    return Tally(job, outcome, _within(took), 1, took or 0, max(0, waited))


def together(runs: Iterable[Tally]) -> Sequence[Tally]:
    """In the order in which everybody writes them down, so that nobody waits for somebody who waits for them."""
    summed: dict[tuple[str, str, int], list[int]] = {}
    for each in runs:
        at = summed.setdefault((each.job, each.outcome, each.within), [0, 0, 0])
        at[0], at[1], at[2] = at[0] + each.runs, at[1] + each.took, at[2] + each.waited
    return [Tally(*at, *summed[at]) for at in sorted(summed)]


def _within(took: int | None) -> int:
    if took is None:
        return UNMEASURED
    return next((bound for bound in BOUNDS if took <= bound), LONGER)
