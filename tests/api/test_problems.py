"""Every refusal, whoever raised it, is one RFC 9457 problem with the right status and headers, and shows nothing of the inside."""

import io
import json

import pytest

from app.settings import Settings
from domain import errors
from ports.observer import RequestFailed
from tests.api.doors import Asked, Noted, client, problem, records

RECORDS = "/api/v1/collections/posts/records"

KINDS = [
    (errors.invalid("/title", "required", "`title` is required", hint="give it one"), 400, {}),
    (errors.Unauthenticated("sign in"), 401, {"WWW-Authenticate": "Bearer"}),
    (errors.Forbidden("no"), 403, {}),
    (errors.NotFound("gone"), 404, {}),
    (errors.Conflict("taken", code="not_unique"), 409, {}),
    (errors.PreconditionFailed("changed"), 412, {}),
    (errors.TooLarge("too much"), 413, {}),
    (errors.UnsupportedMedia("what is this"), 415, {}),
    (errors.TooMany("slower", retry_after=7), 429, {"Retry-After": "7"}),
    (errors.Unavailable("later", retry_after=3), 503, {"Retry-After": "3"}),
    (errors.OutOfSpace("full"), 507, {}),
    (errors.invalid("/a\ud800", "unknown_field", "no field `a\ud800`"), 400, {}),
]


@pytest.mark.parametrize("raised, status, headers", KINDS)
def test_each_kind_of_problem_has_its_status(raised, status, headers):
    answer = client(records=records(list=raised)).get(RECORDS)
    told = problem(answer)
    assert (answer.status_code, told["code"], told.get("hint")) == (status, raised.code, raised.hint)
    assert headers.items() <= dict(answer.headers).items()
    assert len(told["errors"]) == len(raised.faults)


def test_a_fault_says_where():
    raised = errors.Invalid("two", code="invalid_record", faults=(errors.Fault("/a", "required", "x"), errors.Fault("/b", "too_long", "y")))
    told = problem(client(records=records(create=raised)).post(RECORDS, json={}))
    assert told["errors"] == [{"pointer": "/a", "code": "required", "detail": "x"}, {"pointer": "/b", "code": "too_long", "detail": "y"}]


NOT_OURS = [
    ("GET", "/", 404),
    ("GET", "/nothing", 404),
    ("GET", "/api/v1/nothing", 404),
    ("GET", "/console", 404),
    ("GET", "/.git/config", 404),
    ("GET", "/static/x", 404),
    ("GET", f"{RECORDS}/", 404),
    ("GET", "/api/v1//collections", 404),
    ("GET", "//api/v1/collections", 404),
    ("GET", "/api/v1/collections/", 404),
    ("GET", "/api/v1/docs/", 404),
    ("GET", "/api/v1/docs/index.html", 404),
    ("GET", "/api/v1/docs/..%2f__init__.py", 404),
    ("PUT", RECORDS, 405),
    ("TRACE", RECORDS, 405),
    ("TRACE", "/livez", 405),
    ("CONNECT", "/livez", 405),
    ("POST", "/livez", 405),
    ("BREW", RECORDS, 405),
    ("DELETE", "/api/v1/openapi.json", 405),
]


@pytest.mark.parametrize("method, path, status", NOT_OURS)
def test_paths_and_methods_that_are_not_served(method, path, status):
    answer = client().open(path, method=method)
    problem(answer)
    assert answer.status_code == status
    assert ("Allow" in answer.headers) == (status == 405)


def test_a_405_says_what_is_allowed():
    answer = client().put(RECORDS)
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST", "PATCH", "DELETE"}
    assert "GET" in problem(answer)["hint"]


def test_options_answers_what_is_allowed():
    answer = client().options(RECORDS)
    assert (answer.status_code, "POST" in answer.headers["Allow"]) == (200, True)


BESIDE = [
    ("/api/v1/collections/plan", {"POST"}),
    ("/api/v1/collections/undo", {"POST"}),
    ("/api/v1/collections/changes", {"GET", "HEAD"}),
    ("/api/v1/collections/plans", {"GET", "HEAD", "PATCH", "DELETE"}),
    (f"{RECORDS}/aggregate", {"GET", "HEAD"}),
    (f"{RECORDS}/aggregated", {"GET", "HEAD", "PATCH", "DELETE"}),
]


@pytest.mark.parametrize("path, methods", BESIDE)
def test_an_address_beside_others_answers_to_its_own_methods_alone(path, methods):
    assert set(client().options(path).headers["Allow"].split(", ")) == {"OPTIONS", *methods}
    assert (client().patch(path, json={}).status_code == 405) == ("PATCH" not in methods)


def test_head_answers_as_get_without_the_body():
    door = client()
    head, get = door.head(RECORDS), door.get(RECORDS)
    assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", str(len(get.data)))


def test_a_token_that_is_no_good_is_told_to_those_who_sent_one():
    answer = client().get(RECORDS, headers={"Authorization": "Bearer wrong"})
    assert (problem(answer)["code"], answer.headers["WWW-Authenticate"]) == ("invalid_token", 'Bearer error="invalid_token"')


def test_what_nobody_foresaw_shows_and_logs_no_values():
    noted, secret = Noted(), "hunter2-in-a-driver-message"

    def fail(*_, **__):
        try:
            raise KeyError(secret)
        except KeyError as cause:
            raise RuntimeError(f"DETAIL: Key (email)=({secret}) exists") from cause

    answer = client(noted, records=records(create=fail)).post(RECORDS, json={"title": secret})
    told = problem(answer)
    failed, = noted.of(RequestFailed)
    assert (answer.status_code, told["code"], failed.request_id) == (500, "internal_error", told["request_id"])
    assert secret not in answer.get_data(as_text=True)
    assert secret not in failed.trace
    assert "builtins.KeyError" in failed.trace
    assert "builtins.RuntimeError" in failed.trace
    assert "adapters/inbound/rest/records.py" in failed.trace


def test_an_error_outside_flask_is_a_problem_too():
    noted = Noted()
    door = client(noted)

    def broken(environ, start_response):
        raise OSError("/secret/path")

    door.application.wsgi_app._application = broken
    answer = door.get("/livez")
    assert (answer.status_code, problem(answer)["code"], len(noted.of(RequestFailed))) == (500, "internal_error", 1)
    assert "/secret" not in noted.of(RequestFailed)[0].trace


def test_debug_mode_shows_no_more(monkeypatch):
    monkeypatch.setenv("FLASK_DEBUG", "1")
    answer = client(records=records(list=RuntimeError("inside"))).get(RECORDS)
    assert (answer.status_code, "inside" in answer.get_data(as_text=True)) == (500, False)
    problem(answer)


BODIES = [
    (b'{"a":1,"a":2}', "application/json", 400, "duplicate_key"),
    (b"[1]", "application/json", 400, "not_an_object"),
    (b"", "application/json", 400, "empty_body"),
    (b"{}{}", "application/json", 400, "invalid_json"),
    (b'{"a":NaN}', "application/json", 400, "invalid_number"),
    (b"[" * 1000, "application/json", 413, "too_deep"),
    (b'{"a":"' + b"x" * 2000 + b'"}', "application/json", 413, "too_large"),
    (b"a=1", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
    (b"{}", "text/plain", 415, "unsupported_media_type"),
    (b"<a/>", "application/xml", 415, "unsupported_media_type"),
    (b"{}", None, 415, "unsupported_media_type"),
]


@pytest.mark.parametrize("body, media_type, status, code", BODIES)
@pytest.mark.parametrize("method, path", [("POST", RECORDS), ("PATCH", f"{RECORDS}/r1"), ("POST", "/api/v1/collections")])
def test_bodies_are_refused_before_anything_is_asked(method, path, body, media_type, status, code):
    asked = Asked(create=None, update=None)
    door = client(settings=Settings(max_body=1500), records=asked)
    answer = door.open(path, method=method, data=body, content_type=media_type)
    if code == "not_an_object" and path.endswith("collections"):
        return  # what a definition is, the use case says
    assert (answer.status_code, problem(answer)["code"], asked.calls) == (status, code, [])


def test_a_body_without_a_length_is_limited_too():
    body = io.BytesIO(b'{"a":"' + b"x" * 5000 + b'"}')
    environ = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    door = client(settings=Settings(max_body=1500))
    answer = door.post(RECORDS, input_stream=body, content_type="application/json", environ_overrides=environ)
    assert (answer.status_code, problem(answer)["code"]) == (413, "too_large")


def test_a_problem_in_a_head_request_has_no_body():
    answer = client(records=records(list=errors.NotFound("gone"))).head(RECORDS)
    assert (answer.status_code, answer.data, answer.content_type) == (404, b"", "application/problem+json")


def test_a_problem_is_json_for_every_reader():
    told = client(records=records(list=errors.NotFound("é \u2028"))).get(RECORDS).data
    assert json.loads(told.decode("utf-8"))["detail"] == "é \u2028"
