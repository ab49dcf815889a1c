"""What the database knows of the backend's state, on every database, in the text that is told of it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.outbound.prometheus_metrics import PrometheusObserver
from app.testing import Noticed, backend
from app.usecases.metrics import SOURCES, MetricsUseCases
from domain.actor import SYSTEM
from domain.jobs.outcomes import GiveUp
from domain.rules.values import RequestFacts
from ports.observer import LimitReached, RequestServed

FACTS = RequestFacts("POST")
SOON = timedelta(milliseconds=1)


@pytest.fixture
def room(database_url):
    with backend(database=database_url) as room:
        yield room


def told(room, observer=None):
    """By name and labels, asked anew."""
    observer = observer or PrometheusObserver(Noticed())
    asked = MetricsUseCases(room.work, room.clock, room.observer)
    families = text_string_to_metric_families(observer.exposition(asked.measures)().decode())
    return {(each.name, *sorted(each.labels.items())): each.value for family in families for each in family.samples}


def by_queue(queue, state):
    return ("queue", queue), ("state", state)


def test_jobs_are_counted_by_queue_and_state_with_the_age_of_the_oldest(room):
    room.jobs.register("note", lambda: None, queue="slow")
    room.jobs.register("fail", _fails, tries=1)
    found = told(room)
    assert found["stillroom_database_up",] == 1
    assert not any(name == "stillroom_jobs" for name, *_ in found)
    for _ in range(3):
        room.jobs.enqueue("note")
    room.jobs.enqueue("note", at=timedelta(hours=1))
    room.jobs.enqueue("fail")
    room.mail.send("bea@example.org", "News", "None.", at=timedelta(hours=1))
    [held] = room.job_runs.claim(1, {"slow"})
    room.job_runs.drain(queues={"default"})
    found = told(room)
    assert {key[1:]: value for key, value in found.items() if key[0] == "stillroom_jobs"} == {
        by_queue("slow", "waiting"): 3, by_queue("slow", "running"): 1, by_queue("default", "dead"): 1, by_queue("mail", "waiting"): 1,
    }  # fmt: skip
    assert 0 <= found["stillroom_jobs_oldest_seconds", *by_queue("slow", "waiting")] < 60
    assert found["stillroom_jobs_oldest_seconds", *by_queue("mail", "waiting")] == 0, "what is not due yet waits for nothing"
    room.job_runs.give_back(held.holder, [held.job.id])


def test_runs_are_counted_by_how_they_end_and_by_what_they_took(room):
    room.jobs.register("note", lambda: None)
    room.jobs.register("fail", _fails, tries=2, wait=SOON)
    room.jobs.register("hopeless", _gives_up)
    for _ in range(3):
        room.jobs.enqueue("note")
    room.jobs.enqueue("fail")
    room.jobs.enqueue("hopeless")
    while told(room).get(("stillroom_jobs", *by_queue("default", "waiting"))):
        room.job_runs.drain()
    found = told(room)
    ended = {key[1:]: value for key, value in found.items() if key[0] == "stillroom_job_runs_total"}
    assert ended == {
        (("job", "note"), ("outcome", "done")): 3, (("job", "fail"), ("outcome", "failed")): 1, (("job", "fail"), ("outcome", "dead")): 1,
        (("job", "hopeless"), ("outcome", "dead")): 1,
    }  # fmt: skip
    assert found["stillroom_job_run_seconds_count", ("job", "note")] == 3
    assert found["stillroom_job_run_seconds_bucket", ("job", "note"), ("le", "+Inf")] == 3
    assert found["stillroom_job_run_seconds_bucket", ("job", "note"), ("le", "600.0")] == 3
    assert found["stillroom_job_wait_seconds_total", ("job", "note")] >= 0


def test_a_run_is_counted_by_whoever_ends_it_and_once(room):
    """One that was lost is no run that took anything, and who comes too late adds nothing."""
    room.jobs.register("note", lambda: None)
    room.jobs.enqueue("note")
    room.job_runs.lease = SOON
    [late] = room.job_runs.claim(1)
    outcome = room.job_runs.run(late)
    while not room.job_runs.drain():
        pass
    room.job_runs.settle([(late, outcome)])
    found = told(room)
    counted = {dict(key[1:])["outcome"]: value for key, value in found.items() if key[0] == "stillroom_job_runs_total"}
    assert counted == {"lost": 1, "done": 1}
    assert found["stillroom_job_run_seconds_count", ("job", "note")] == 1


def _fails() -> None:
    raise ValueError("a secret")


def _gives_up() -> None:
    raise GiveUp("there is no such post")


def test_events_are_counted_by_subscriber_with_the_age_of_the_oldest(room):
    room.collections.create({"name": "posts", "fields": [{"name": "title", "type": "text"}]}, actor=SYSTEM)
    heard = []
    room.events.subscribe("blog.follow", ("records.created",), heard.append)
    room.events.drain()
    for _ in range(3):
        room.records.create("posts", {"title": "x"}, actor=SYSTEM, facts=FACTS)
    room.clock.advance(minutes=2)
    found = told(room)
    # On PostgreSQL that of the collection may still be among them.
    assert found["stillroom_events_unheard", ("subscriber", "blog.follow")] in (3, 4)
    assert found["stillroom_events_oldest_seconds", ("subscriber", "blog.follow")] >= 119
    room.events.drain()
    found = told(room)
    assert found["stillroom_events_unheard", ("subscriber", "blog.follow")] == 0
    assert found["stillroom_events_oldest_seconds", ("subscriber", "blog.follow")] == 0


def test_where_the_database_does_not_answer_the_rest_is_told(room, monkeypatch):
    observer = PrometheusObserver(Noticed())
    observer.observe(LimitReached("mail"))
    monkeypatch.setattr(type(room.work), "read", _broken)
    assert told(room, observer) == {("stillroom_database_up",): 0, ("stillroom_noticed_total", ("kind", "limit_reached")): 1} | {
        key: value for key, value in told(room, observer).items() if key[0] == "stillroom_noticed_created"
    }


def _broken(*_, **__):
    raise OSError("gone")


def test_schedules_that_nobody_looks_at_are_late(room):
    room.jobs.register("noted", lambda: None)
    for name, paused in (("one", False), ("other", False), ("third", True)):
        room.schedules.put(name, {"job": "noted", "every": "1 day", "paused": paused}, actor=SYSTEM)
    state = lambda: room.work.read(lambda stores: stores.schedules.rounds())
    assert (state().going, state().paused, state().late) == (2, 1, 0)

    def overslept(stores):
        due = stores.schedules.hold("one")
        stores.schedules.put(replace(due, next=stores.schedules.now() - 7000))

    room.work.run(overslept)
    told = {each.name: each.values for each in room.metrics.measures()}
    assert told["stillroom_schedules"] == {("going",): 2, ("paused",): 1}
    assert 7 <= told["stillroom_schedules_late_seconds"][()] < 60


def test_the_database_is_asked_once_in_five_seconds(room, monkeypatch):
    asked = []
    read = type(room.work).read
    monkeypatch.setattr(type(room.work), "read", lambda *given, **more: asked.append(1) or read(*given, **more))
    assert room.metrics.measures() is room.metrics.measures()
    assert len(asked) == len(SOURCES)


def test_requests_are_counted_by_operation_and_never_by_path():
    logged = Noticed()
    observer = PrometheusObserver(logged)
    for status, operation in ((200, "list_records"), (204, "list_records"), (404, ""), (500, "get_record")):
        observer.observe(RequestServed("r1", "GET", "/secret/path", status, 3.0, None, "guest", "", operation))
    text = observer.exposition(lambda: ())().decode()
    counted = {(each.labels["operation"], each.labels["status"]): each.value for family in text_string_to_metric_families(text)
               for each in family.samples if each.name == "stillroom_request_seconds_count"}  # fmt: skip
    assert counted == {("list_records", "2xx"): 2, ("other", "4xx"): 1, ("get_record", "5xx"): 1}
    assert "secret" not in text
    assert len(logged.observations) == 4
