"""When schedules tick, what of missed ticks is made good, and what cannot be a schedule."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters.outbound.cronsim_calendar import CronsimCalendar
from domain.errors import Invalid
from domain.jobs.schedules import (
    MOST_MISSED,
    Move,
    Schedule,
    Timing,
    after_interval,
    interval_text,
    move,
    read_interval,
    read_schedule,
)

MINUTE = 60_000
EVERY_MINUTE = Timing(timedelta(minutes=1))


def waiting(next, missed):
    return Schedule("digest", "digest", EVERY_MINUTE, missed=missed, next=next)


def after(moment):
    return after_interval(timedelta(minutes=1), moment, 0)


@pytest.mark.parametrize("missed", ["once", "skip", "all"])
def test_a_tick_that_has_just_come_is_run_once(missed):
    assert move(waiting(5 * MINUTE, missed), 5 * MINUTE + 400, after) == Move((5 * MINUTE,), 6 * MINUTE)


@pytest.mark.parametrize("missed, runs", [("once", (9,)), ("skip", (9,)), ("all", (5, 6, 7, 8, 9))])
def test_of_missed_ticks_the_policy_decides(missed, runs):
    decided = move(waiting(5 * MINUTE, missed), 9 * MINUTE + 1000, after)
    assert decided == Move(tuple(each * MINUTE for each in runs), 10 * MINUTE)


def test_with_skip_nothing_is_run_that_is_late():
    hourly = lambda moment: after_interval(timedelta(hours=1), moment, 0)
    hour = 60 * MINUTE
    assert move(waiting(5 * hour, "skip"), 7 * hour + 2 * MINUTE, hourly) == Move((), 8 * hour)
    assert move(waiting(5 * hour, "once"), 7 * hour + 2 * MINUTE, hourly) == Move((7 * hour,), 8 * hour)


def test_what_was_missed_for_very_long_is_passed_over():
    decided = move(waiting(MINUTE, "all"), 10_000 * MINUTE, after)
    assert (len(decided.runs), decided.runs[0], decided.next) == (MOST_MISSED, MINUTE, 10_001 * MINUTE)


def test_one_that_never_ticks_again_ends():
    assert move(waiting(MINUTE, "once"), 2 * MINUTE, lambda moment: None) == Move((MINUTE,), None)


@pytest.mark.parametrize(
    "text, seconds", [("1 second", 1), ("90 seconds", 90), ("5 minutes", 300), ("1 hour", 3600), ("2 weeks", 1_209_600)]
)
def test_intervals_are_words(text, seconds):
    assert read_interval(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "0 seconds", "-1 day", "1 month", "5 min", "400 days", "99999999 weeks", "1.5 hours", "1 day "])
def test_what_is_no_interval_is_refused(text):
    with pytest.raises(ValueError, match="interval"):
        read_interval(text)


@pytest.mark.parametrize("text", ["1 second", "90 seconds", "5 minutes", "1 hour", "3 days", "2 weeks"])
def test_intervals_are_told_as_they_are_read(text):
    assert interval_text(read_interval(text)) == text


@pytest.mark.parametrize(
    "name, body, pointer",
    [
        ("Digest", {"job": "digest", "every": "1 day"}, ""), ("d", {"every": "1 day"}, "/job"), ("d", {"job": "digest"}, ""),
        ("d", {"job": "digest", "every": "1 day", "cron": "* * * * *"}, ""), ("d", {"job": "digest", "evry": "1 day"}, "/evry"),
        ("d", {"job": "digest", "every": "1 day", "zone": "UTC"}, "/zone"), ("d", {"job": "digest", "every": "soon"}, "/every"),
        ("d", {"job": "digest", "every": "1 day", "missed": "never"}, "/missed"), ("d", {"job": "digest", "cron": 5}, "/cron"),
        ("d", {"job": "digest", "every": "1 day", "paused": 1}, "/paused"), ("d", {"job": 7, "every": "1 day"}, "/job"),
        ("d", {"job": "digest", "every": "1 day", "arguments": []}, "/arguments"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_schedule_is_refused_by_name(name, body, pointer):
    with pytest.raises(Invalid) as refused:
        read_schedule(name, body)
    assert refused.value.faults[0].pointer == pointer


# --- the calendar


def at(text):
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def ticks(cron, zone, begin, count):
    calendar, moment, found = CronsimCalendar(), at(begin), []
    for _ in range(count):
        moment = calendar.after(cron, zone, moment)
        found.append(datetime.fromtimestamp(moment / 1000, UTC).isoformat(timespec="minutes").removesuffix("+00:00"))
    return found


def test_an_expression_ticks_by_the_clocks_of_its_zone():
    assert ticks("30 6 * * 1-5", "Europe/Berlin", "2026-11-20T00:00+00:00", 2) == ["2026-11-20T05:30", "2026-11-23T05:30"]
    assert ticks("30 6 * * 1-5", "UTC", "2026-11-20T00:00+00:00", 1) == ["2026-11-20T06:30"]


def test_a_time_that_clocks_leave_out_ticks_right_after_and_one_that_comes_twice_ticks_once():
    """Berlin, 29 March 2026: after 01:59 comes 03:00; 25 October 2026: 02:00 to 02:59 come twice."""
    assert ticks("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00+00:00", 2) == ["2026-03-29T01:00", "2026-03-30T00:30"]
    assert ticks("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00+00:00", 2) == ["2026-10-25T00:30", "2026-10-26T01:30"]


def test_an_expression_without_an_hour_ticks_by_time_that_passes():
    assert ticks("*/30 * * * *", "Europe/Berlin", "2026-10-24T23:45+00:00", 5) == [
        "2026-10-25T00:00", "2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T01:30", "2026-10-25T02:00",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "cron, zone, told",
    [
        ("* * * *", "UTC", "five parts"), ("* * * * * *", "UTC", "five parts"), ("61 * * * *", "UTC", "cron"), ("", "UTC", "five parts"),
        ("0 0 30 2 *", "UTC", "cron"), ("0 6 * * *", "Europe/Bonn", "time zone"), ("0 6 * * *", "../etc/passwd", "time zone"),
        ("0 6 * * *", "", "time zone"), ("@daily", "UTC", "five parts"), (f"{'1,' * 120}1 * * * *", "UTC", "five parts"),
    ],
)  # fmt: skip
def test_what_never_comes_or_means_nothing_is_refused(cron, zone, told):
    with pytest.raises(Invalid, match=told):
        CronsimCalendar().check(cron, zone)
