"""Schedules on every database: of each tick one makes a job, however many look, whatever was missed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from time import sleep, time

import pytest

from app.testing import backend, client
from app.usecases.schedules import ScheduleStuck
from domain.actor import SYSTEM
from domain.errors import Conflict, Invalid, NotFound
from stillroom import Extension

PROCESSES, ROUNDS = 4, 6


@pytest.fixture
def room(database_url):
    with backend(database=database_url) as room:
        room.jobs.register("note", lambda text="x": text)
        yield room


def due_at(room, name, moment):
    """As if its next tick were this one; the clock is the database's."""
    schedule = next(each for each in room.schedules.list(actor=SYSTEM) if each.name == name)
    assert room.work.run(lambda stores: stores.schedules.move(schedule, moment, schedule.last or 0))


def now():
    return round(time() * 1000)


def keys(room):
    return sorted(room.jobs.inspect(each.id, actor=SYSTEM).key for each in room.jobs.list({}, actor=SYSTEM))


def put(room, name="s", **body):
    return room.schedules.put(name, {"job": "note", "every": "1 hour", **body}, actor=SYSTEM)


def test_nothing_is_made_before_its_time(room):
    made = put(room)
    assert (room.schedules.tick(), keys(room)) == (0, [])
    assert timedelta(minutes=59) < timedelta(milliseconds=made.next - now()) <= timedelta(hours=1)


def test_of_many_that_look_at_once_one_makes_the_job(database_url, room):
    """Each has a unit of work of its own, as processes have."""
    if "memory" in database_url:
        pytest.skip("a database in memory has one process")
    put(room)
    others = [backend(database=database_url) for _ in range(PROCESSES)]
    for other in others:
        other.jobs.register("note", lambda text="x": text)
    ticks = []
    try:
        for _ in range(ROUNDS):
            ticks.append(now() - 1)
            due_at(room, "s", ticks[-1])
            barrier = Barrier(PROCESSES)

            def look(other, barrier=barrier):
                barrier.wait()
                return other.schedules.tick()

            with ThreadPoolExecutor(PROCESSES) as threads:
                assert sum(threads.map(look, others)) == 1
    finally:
        for other in others:
            other.close()
    assert keys(room) == sorted(f"s {tick}" for tick in ticks)


def test_a_tick_and_its_job_are_there_together_or_not_at_all(room):
    """A process that ends between the two cannot be: they are one transaction."""
    put(room)
    moment = now() - 1
    due_at(room, "s", moment)
    due = room.work.read(lambda stores: stores.schedules.due(9))

    class Ended(Exception):
        pass

    def body(stores):
        room.schedules._moved(due[0], stores)
        raise Ended

    with pytest.raises(Ended):
        room.work.run(body)
    assert keys(room) == []
    assert (room.schedules.tick(), keys(room)) == (1, [f"s {moment}"])


def test_one_that_was_held_up_after_it_looked_makes_no_second_job(room):
    """As a process that is stopped between its look and its transaction, while another goes on: once within the tick, once past it."""
    put(room)
    moment = now() - 1
    due_at(room, "s", moment)
    (stale,) = room.work.read(lambda stores: stores.schedules.due(9))
    assert room.schedules.tick() == 1
    assert room.work.run(lambda stores: room.schedules._moved(stale, stores)) == 0
    due_at(room, "s", moment + 1)
    assert room.work.run(lambda stores: room.schedules._moved(stale, stores)) == 0
    assert (room.schedules.tick(), keys(room)) == (1, [f"s {moment}", f"s {moment + 1}"])


@pytest.mark.parametrize("days", [-700, 700])
def test_a_process_whose_own_clock_is_wrong_goes_by_the_databases(room, days):
    room.clock.advance(days=days)
    made = put(room)
    assert timedelta(minutes=59) < timedelta(milliseconds=made.next - now()) <= timedelta(hours=1)
    assert room.schedules.tick() == 0
    moment = now() - 1
    due_at(room, "s", moment)
    assert (room.schedules.tick(), room.schedules.tick(), keys(room)) == (1, 0, [f"s {moment}"])


@pytest.mark.parametrize("missed, runs", [("once", [3]), ("all", [1, 2, 3]), ("skip", [])])
def test_what_was_missed_is_made_good_as_it_was_said(room, missed, runs):
    put(room, missed=missed)
    hour = 3_600_000
    moment = now() - 2 * hour - 120_000
    due_at(room, "s", moment)
    assert room.schedules.tick() == len(runs)
    assert keys(room) == sorted(f"s {moment + (each - 1) * hour}" for each in runs)
    (after,) = room.schedules.list(actor=SYSTEM)
    assert after.next == moment + 3 * hour


def test_a_paused_one_waits_and_misses_nothing(room):
    put(room, every="1 second")
    room.schedules.pause("s", paused=True, actor=SYSTEM)
    sleep(1.2)
    assert room.schedules.tick() == 0
    resumed = room.schedules.pause("s", paused=False, actor=SYSTEM)
    assert (resumed.next > now(), room.schedules.tick()) == (True, 0)


def test_one_that_fails_keeps_no_other_waiting_and_is_tried_again(room):
    put(room, "a_broken")
    put(room, "b_sound", arguments={"text": "y"})
    for name in ("a_broken", "b_sound"):
        due_at(room, name, now() - 1)
    task = room.jobs._tasks.pop("note")
    room.jobs.register("other", lambda: None)
    assert room.schedules.tick() == 0
    stuck = [each for each in room.observer.observations if isinstance(each, ScheduleStuck)]
    assert {each.schedule for each in stuck} == {"a_broken", "b_sound"}
    room.jobs._tasks["note"] = task
    assert room.schedules.tick() == 2


def test_what_a_job_does_not_take_is_refused_before(room):
    for body, code in (({"job": "nothing"}, "unknown_job"), ({"arguments": {"x": 1}}, "invalid_job"),
                       ({"every": "soon"}, "invalid_schedule"),
                       ({"every": None, "cron": "0 6 * * *", "zone": "Mars/Phobos"}, "invalid_schedule")):  # fmt: skip
        with pytest.raises(Invalid) as refused:
            put(room, **body)
        assert refused.value.code == code
    assert room.schedules.list(actor=SYSTEM) == []


def test_what_extensions_declare_is_settled_at_the_start_and_goes_on(database_url):
    if "memory" in database_url:
        pytest.skip("it ends with its process")

    def started(**schedules):
        blog = Extension("blog")
        for name, timing in schedules.items():
            blog.job(name, **timing)(lambda backend: None)
        room = backend(database=database_url, extensions=[blog])
        room.schedules.settle()
        return room

    with started(digest={"cron": "0 6 * * *", "zone": "Europe/Berlin"}, sweep={"every": "1 hour"}) as room:
        first = {each.name: each for each in room.schedules.list(actor=SYSTEM)}
        assert [each.is_declared for each in first.values()] == [True, True]
        room.schedules.put("mine", {"job": "digest", "every": "1 day"}, actor=SYSTEM)
        with pytest.raises(Conflict, match="an extension declares"):
            room.schedules.put("sweep", {"job": "sweep", "every": "1 day"}, actor=SYSTEM)
        with pytest.raises(Conflict):
            room.schedules.remove("digest", actor=SYSTEM)
        room.schedules.pause("digest", paused=True, actor=SYSTEM)
    with started(digest={"cron": "0 7 * * *"}, sweep={"every": "1 hour"}) as room:
        second = {each.name: each for each in room.schedules.list(actor=SYSTEM)}
        assert (second["sweep"].next, second["digest"].timing.cron, second["digest"].is_paused) == (first["sweep"].next, "0 7 * * *", True)
    with started(sweep={"every": "1 hour"}) as room:
        assert [each.name for each in room.schedules.list(actor=SYSTEM)] == ["mine", "sweep"]


@pytest.mark.parametrize("timing", [{"every": "soon"}, {"cron": "never"}, {"cron": "0 6 * * *", "zone": "Nowhere"}])
def test_an_extension_with_an_impossible_schedule_does_not_start(timing):
    blog = Extension("blog")
    blog.job("digest", **timing)(lambda backend: None)
    with pytest.raises(Invalid):
        backend(extensions=[blog])


def test_it_is_told_and_changed_over_http(room):
    web = client(room)
    room.accounts.create_admin("root@example.org", "correct horse battery")
    signed = web.post("/api/v1/auth/_admins/sign-in", json={"identity": "root@example.org", "password": "correct horse battery"})
    headers = {"Authorization": f"Bearer {signed.get_json()['access_token']}"}
    ask = lambda method, path="", body=None: web.open(f"/api/v1/schedules{path}", method=method, json=body, headers=headers)
    body = {"job": "note", "cron": "30 6 * * 1-5", "zone": "Europe/Berlin", "arguments": {"text": "good morning"}}
    made = ask("PUT", "/morning", body).get_json()
    assert (made["cron"], made["zone"], made["every"], len(made["next"])) == ("30 6 * * 1-5", "Europe/Berlin", None, 5)
    assert made["paused"] is False
    assert ask("GET").get_json()["items"] == [made]
    job = ask("POST", "/morning/run").get_json()["job"]
    assert room.jobs.inspect(job, actor=SYSTEM).arguments == {"text": "good morning"}
    assert ask("POST", "/morning/pause").status_code == 204
    assert (ask("GET").get_json()["items"][0]["next"], ask("POST", "/morning/resume").status_code) == ([], 204)
    assert ask("PUT", "/morning", {**body, "cron": "61 * * * *"}).get_json()["errors"][0]["pointer"] == "/cron"
    assert (ask("DELETE", "/morning").status_code, ask("DELETE", "/morning").status_code) == (204, 404)


def test_one_that_is_not_there_is_told_so(room):
    for ask in (lambda: room.schedules.pause("x", paused=True, actor=SYSTEM), lambda: room.schedules.run("x", actor=SYSTEM)):
        with pytest.raises(NotFound, match="no such schedule"):
            ask()
