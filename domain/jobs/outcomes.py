"""How one run of a job ended, as whoever ran it says."""

from dataclasses import dataclass
from datetime import timedelta

from domain.jobs.job import Job
from domain.jobs.retrying import wait_after
from domain.jobs.tasks import Task

# What a person may read of an error besides its kind.
_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Succeeded:
    """`result` is JSON; `remark` says why what was answered is not in it. `seconds` is how long it took, where somebody saw it."""

    result: str | None
    remark: str = ""
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """`is_final`: no other try would go better."""

    reason: str
    is_final: bool = False
    seconds: float | None = None


class GiveUp(Exception):
    """Raised by a job that no other try can help: it is dead at once. What it says is shown to admins, and may hold no secret."""


Outcome = Succeeded | Failed


def wait_for_next(task: Task, job: Job, failed: Failed, chance: float) -> timedelta | None:
    """After a run that failed just now; None where it was the last one."""
    tries = job.tries + 1
    return None if failed.is_final or tries >= task.tries else wait_after(tries, task.wait, chance)


def shortened(reason: str) -> str:
    return reason[:_LONGEST_REASON]
