"""The checks of the experiments, on histories that are made up: what is wrong in one way is found, and nothing else."""

from dataclasses import replace

import pytest

from domain.jobs.job import DEAD, DONE, WAITING, Job
from tests.faults.jobs.experiment import Found


def job(name, thing, state=DONE, tries=0):
    return Job(f"{name}-{thing}", name, "default", {"thing": thing}, state, 0, 0, 0, tries=tries)


def run(what, thing, pid=1, moment=1.0):
    return [what, thing, str(pid), str(moment)]


GOOD = Found(
    jobs=[job("good", "a"), job("follow", "a"), job("bad", "b", DEAD, 3), job("follow", "b")],
    things={"a", "b"},
    runs=[
        run("begin", "a"), run("end", "a"), run("begin", "after-a"), run("end", "after-a"), run("begin", "after-b"), run("end", "after-b"),
        *(run(what, "b") for _ in range(3) for what in ("begin", "fail")),
    ],
    heard=[["a", "1"], ["b", "1"], ["a", "1"], ["a", "2"], ["b", "2"]],
    asked=[("a", "good-a"), ("b", "bad-b")],
    ends={},
)  # fmt: skip
KILLED = replace(GOOD, runs=[run("begin", "a", 9, 0.5), *GOOD.runs], ends={9: 0.7})

WRONG = {
    "a record without its job": (replace(GOOD, jobs=GOOD.jobs[1:]), "a has 0 jobs"),
    "a record with two": (replace(GOOD, jobs=[*GOOD.jobs, job("good", "a")]), "a has 2 jobs"),
    "an event that nothing followed": (replace(GOOD, jobs=GOOD.jobs[:3]), "b is followed by 0 jobs"),
    "one that two followed": (replace(GOOD, jobs=[*GOOD.jobs, job("follow", "b")]), "b is followed by 2 jobs"),
    "a job without its record": (replace(GOOD, things={"a"}), "a job of b, which is not there"),
    "an answer that is gone": (replace(GOOD, asked=[("c", "good-c")]), "c was answered and is gone"),
    "one that is not over": (replace(GOOD, jobs=[job("good", "a", WAITING), *GOOD.jobs[1:]]), "a is waiting and not done"),
    "one that is said to be done": (replace(GOOD, runs=GOOD.runs[:1] + GOOD.runs[2:]), "a is done, but its runs say otherwise"),
    "one that was given up too soon": (
        replace(GOOD, jobs=[*GOOD.jobs[:2], job("bad", "b", DEAD, 2), GOOD.jobs[3]]), "b was given up after 2 tries",
    ),
    "two runs at once": (replace(GOOD, runs=[run("begin", "a", 9, 0.5), *GOOD.runs]), "a began again while it ran"),
    "one that was killed too late": (replace(KILLED, ends={9: 2.0}), "a began again while it ran"),
    "runs that nobody began": (replace(GOOD, jobs=[job("good", "a", tries=2), *GOOD.jobs[1:]]), "2 runs more than began"),
    "failures that do not count": (
        replace(GOOD, runs=[run("begin", "a"), run("fail", "a"), *GOOD.runs]), "a failed 1 times and counts 0",
    ),
    "an event that nobody heard": (replace(GOOD, heard=GOOD.heard[:1]), "of b was heard"),
    "events out of order": (replace(GOOD, heard=[["a", "2"], *GOOD.heard]), "of a was heard: [2, 1]"),
}  # fmt: skip


@pytest.mark.parametrize("found", [GOOD, KILLED], ids=["undisturbed", "killed"])
def test_what_is_right_has_no_faults(found):
    assert found.faults() == []


@pytest.mark.parametrize(("found", "told"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_found(found, told):
    assert any(told in fault for fault in found.faults()), found.faults()
