"""One observation of each request, written as one JSON line, which holds no secret."""

import io
import json

import pytest

from adapters.outbound.logging_observer import LoggingObserver
from app.settings import Settings
from domain.errors import Forbidden
from ports.observer import CommitFailed, RequestRefusedByRule, RequestServed, Retried, SchemaReloaded
from tests.api.doors import Asked, Noted, client, records

RECORDS = "/api/v1/collections/posts/records"


def logged(level="info"):
    stream = io.BytesIO()
    return LoggingObserver(level, stream), lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_says_who_asked_what_and_what_it_cost():
    observer, lines = logged()
    answer = client(observer).get(f"{RECORDS}?filter=secret", headers={"Authorization": "Bearer anns"})
    line, = lines()
    assert line.pop("ms") >= 0
    assert line.pop("time").endswith("Z")
    assert line == {
        "event": "request", "level": "info", "request_id": answer.headers["X-Request-Id"], "method": "GET", "path": RECORDS,
        "status": 200, "bytes": len(answer.data), "actor": "account", "actor_id": "ann",
    }  # fmt: skip


SERVED = [
    ("GET", "/livez", 200, "guest"),
    ("GET", "/nothing", 404, "guest"),
    ("GET", "/api/v1/docs/swagger-ui-bundle.js", 200, "guest"),
    ("TRACE", "/livez", 405, "guest"),
    ("DELETE", f"{RECORDS}/r1", 204, "guest"),
]


@pytest.mark.parametrize("method, path, status, actor", SERVED)
def test_every_request_is_noted_once(method, path, status, actor):
    noted = Noted()
    client(noted).open(path, method=method)
    served, = noted.of(RequestServed)
    assert (served.method, served.path, served.status, served.actor_kind) == (method, path, status, actor)


def test_a_path_cannot_forge_a_line():
    observer, lines = logged()
    client(observer).get("/x%0a%7b%22event%22:%22request%22%7d%ff" + "y" * 5000)
    line, = lines()
    assert line["path"].startswith('/x\n{"event"')
    assert len(line["path"]) <= 500


SECRETS = ["hunter2-password", "anns", "Bearer", "s3ss10n-cookie", "tok3n-in-query", "private-filter"]


@pytest.mark.parametrize("outcome", [None, Forbidden("no"), RuntimeError("hunter2-password"), ValueError("private-filter")])
def test_no_secret_is_in_any_log(outcome, capsys, caplog):
    observer, lines = logged("debug")
    asks = records() if outcome is None else records(list=outcome, create=outcome)
    door = client(observer, settings=Settings(log_level="debug"), records=asks)
    headers = {"Authorization": "Bearer anns", "Cookie": "session=s3ss10n-cookie"}
    door.post(RECORDS, json={"password": "hunter2-password"}, headers=headers)
    door.post(RECORDS, data=b'{"password": "hunter2-password"', content_type="application/json", headers=headers)
    door.get(f"{RECORDS}?filter=private-filter", headers=headers)
    door.get(f"{RECORDS}?token=tok3n-in-query", headers=headers)
    door.get(RECORDS, headers={"Authorization": "Bearer wrong-anns"})
    assert len([line for line in lines() if line["event"] == "request"]) == 5
    written = json.dumps(lines()) + caplog.text + "".join(capsys.readouterr())
    assert [secret for secret in SECRETS if secret in written.replace('"ann"', "")] == []


LEVELS = [
    (RequestRefusedByRule("posts", "create", "author = @request.auth.id"), "debug", "request_refused_by_rule"),
    (Retried("serialization", 2), "debug", "retried"),
    (SchemaReloaded(8), "info", "schema_reloaded"),
    (CommitFailed("disk", 3), "error", "commit_failed"),
]


@pytest.mark.parametrize("observation, level, event", LEVELS)
def test_each_observation_shows_at_its_level(observation, level, event):
    names = ["debug", "info", "warning", "error"]
    for least in names:
        observer, lines = logged(least)
        observer.observe(observation)
        shows = names.index(level) >= names.index(least)
        assert [(line["event"], line["level"]) for line in lines()] == [(event, level)] * shows


def test_why_a_rule_refused_is_in_the_development_log():
    observer, lines = logged("debug")
    observer.observe(LEVELS[0][0])
    assert lines()[0] | {"time": ""} == {
        "event": "request_refused_by_rule", "level": "debug", "time": "", "collection": "posts", "action": "create",
        "rule": "author = @request.auth.id", "because": [],
    }  # fmt: skip


def test_requests_are_served_when_nobody_reads_the_log():
    stream = io.BytesIO()
    observer = LoggingObserver("info", stream)
    stream.close()
    assert client(observer, records=Asked(list=RuntimeError("x"))).get(RECORDS).status_code == 500
    assert client(observer).get("/livez").status_code == 200
