"""What a job may be registered with and asked with: a mistake is named when it is made, not when it runs."""

from datetime import timedelta
from typing import Any, Literal

import pytest

from domain.errors import Conflict, Invalid
from domain.jobs.job import (
    CANCELLED,
    DEAD,
    DONE,
    RUNNING,
    WAITING,
    Job,
    check_cancel,
    check_drop,
    check_key,
    check_queue,
    check_retry,
)
from domain.jobs.outcomes import Failed, shortened, wait_for_next
from domain.jobs.retrying import LONGEST_WAIT, wait_after
from domain.jobs.tasks import MOST_BYTES, MOST_DEEP, UnfitTask, fits, task_of, written


def nothing() -> None: ...


def job(state=WAITING, tries=0):
    return Job("j1", "note", "default", {}, state, 0, 0, 0, tries=tries)


UNFIT = {
    "priority": 11, "tries": 0, "wait": timedelta(0), "timeout": timedelta(milliseconds=99), "once": "twice", "kept": timedelta(-1),
}  # fmt: skip


@pytest.mark.parametrize(("option", "value"), UNFIT.items())
def test_an_option_out_of_range_is_refused(option, value):
    with pytest.raises(UnfitTask, match="`note`"):
        task_of("note", nothing, **{option: value})


@pytest.mark.parametrize("name", ["", "Note", "a b", "a.b.c", "x" * 41, "1a", "a."])
def test_an_odd_name_is_refused(name):
    with pytest.raises(UnfitTask, match="a job's name"):
        task_of(name, nothing)


@pytest.mark.parametrize("queue", ["", "Mail", "a-b", "x" * 41, "1", "a:b"])
def test_an_odd_queue_is_refused(queue):
    with pytest.raises(Invalid, match="name of a queue"):
        check_queue(queue)


def test_what_json_does_not_carry_is_no_argument():
    def dated(at_all: timedelta) -> None: ...
    def reserved(key: str) -> None: ...
    def open_ended(**more: Any) -> None: ...
    def keyed(by: dict[int, str]) -> None: ...

    for function, told in ((dated, "does not carry"), (reserved, "`key`"), (open_ended, "by name"), (keyed, "does not carry")):
        with pytest.raises(UnfitTask, match=told):
            task_of("note", function)


FITTING = [
    (str, "a", 1), (int, 1, True), (int, 1, 1.5), (float, 1, "1"), (float, 1.5, False), (bool, True, 1), (None, None, 0),
    (list[int], [1], ["1"]), (dict[str, int], {"a": 1}, {"a": "1"}), (str | None, None, 1), (Literal["a", 1], 1, True),
    (list, [1, "a"], {}), (dict, {"a": 1}, []), (list[dict[str, bool]], [{"a": True}], [{"a": 1}]),
]  # fmt: skip


@pytest.mark.parametrize(("annotation", "good", "bad"), FITTING)
def test_a_value_fits_its_annotation_or_not(annotation, good, bad):
    assert (fits(good, annotation), fits(bad, annotation)) == (True, False)


def test_what_is_kept_as_json_is_bounded_and_the_same_again():
    assert written({"a": ["é", 1.5, None, True]}, "it") == '{"a":["é",1.5,null,true]}'
    deep: Any = 1
    for _ in range(MOST_DEEP + 1):
        deep = [deep]
    for value, code in (
        ("x" * MOST_BYTES, "job_too_large"), ("é" * (MOST_BYTES // 2), "job_too_large"), (deep, "invalid_job"),
        (float("nan"), "invalid_job"), ({1, 2}, "invalid_job"), ("\ud800", "invalid_job"),
    ):  # fmt: skip
        with pytest.raises(Invalid) as refused:
            written(value, "it")
        assert refused.value.code == code


@pytest.mark.parametrize("key", ["", "x" * 201, "a\nb", "\0"])
def test_an_odd_key_is_refused(key):
    with pytest.raises(Invalid, match="printable"):
        check_key(key)


def test_waits_double_up_to_an_hour_and_are_spread():
    first = timedelta(seconds=1)
    assert [wait_after(tries, first, 0.5).total_seconds() for tries in (1, 2, 3, 12, 13, 1000)] == [1, 2, 4, 2048, 3600, 3600]
    assert (wait_after(1, first, 0.0), wait_after(1, first, 1.0)) == (timedelta(seconds=0.75), timedelta(seconds=1.25))
    # Whoever asks for longer gets it.
    assert wait_after(3, timedelta(days=1), 0.5) == timedelta(days=1) > LONGEST_WAIT


def test_the_last_try_is_followed_by_none():
    task = task_of("note", nothing, tries=3)
    waits = [wait_for_next(task, job(tries=tries), Failed("down"), 0.5) for tries in range(4)]
    assert waits == [timedelta(seconds=1), timedelta(seconds=2), None, None]
    assert wait_for_next(task, job(tries=0), Failed("for good", is_final=True), 0.5) is None
    assert len(shortened("x" * 10_000)) == 500


WHAT_MAY_BE_DONE = {WAITING: "cancel drop", RUNNING: "cancel", DONE: "drop", DEAD: "retry drop", CANCELLED: "retry drop"}


@pytest.mark.parametrize(("state", "may"), WHAT_MAY_BE_DONE.items())
def test_what_may_be_done_with_a_job_depends_on_its_state(state, may):
    for name, check in (("cancel", check_cancel), ("retry", check_retry), ("drop", check_drop)):
        if name in may.split():
            check(job(state))
        else:
            with pytest.raises(Conflict, match=state):
                check(job(state))
