"""Pages of other origins (CORS): those that are named read every class of answer, and nobody else reads any."""

from functools import cache

import pytest

from adapters.inbound.web.cross_origin import EXPOSED
from app.settings import Settings, SettingsError
from domain.errors import Unavailable
from domain.origins import Origins, read_origins
from tests.api.doors import client, records
from tests.api.test_headers import PATHS, RECORDS

APP = "https://app.example.org"
STRANGERS = ["https://evil.example", "null", f"{APP}.evil.example", "https://appxexample.org", f"{APP}:444", "http://app.example.org"]
EVERY = ["/livez", RECORDS, f"{RECORDS}/r1", "/api/v1/batch", "/api/v1/openapi.json", "/api/v1/auth/users/sign-in", "/nothing", "//twice"]


@cache
def door(origins=APP):
    return door_to(origins)


def door_to(origins=APP, **parts):
    return client(settings=Settings(cors_origins=read_origins(origins)), **parts)


def granted(answer):
    return {name: value for name, value in answer.headers if name.startswith("Access-Control-")}


def preflight(door, path, origin=APP, **more):
    return door.options(path, headers={"Origin": origin, "Access-Control-Request-Method": "PATCH", **more})


@pytest.mark.parametrize("method, path, status", [*PATHS, ("GET", "//twice", 404)])
def test_a_named_origin_reads_every_class_of_answer(method, path, status):
    answer = door().open(path, method=method, headers={"Origin": APP})
    assert answer.status_code == status
    assert granted(answer) == {
        "Access-Control-Allow-Origin": APP, "Access-Control-Allow-Credentials": "true",
        "Access-Control-Expose-Headers": ", ".join(EXPOSED),
    }  # fmt: skip
    assert "Origin" in answer.vary
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("broken, status", [(RuntimeError("x"), 500), (Unavailable("later"), 503)])
def test_it_reads_failures_too(broken, status):
    answer = door_to(records=records(list=broken)).get(RECORDS, headers={"Origin": APP})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (status, APP)


@pytest.mark.parametrize("origin", STRANGERS)
@pytest.mark.parametrize("method, path, status", PATHS)
def test_a_stranger_is_told_nothing_and_a_cache_to_keep_apart(origin, method, path, status):
    answer = door().open(path, method=method, headers={"Origin": origin})
    assert (answer.status_code, granted(answer)) == (status, {})
    assert "Origin" in answer.vary


def test_answers_to_no_origin_are_kept_apart_as_well():
    assert "Origin" in door().get("/livez").vary


@pytest.mark.parametrize("origin", STRANGERS)
def test_anyone_means_anyone_without_cookies(origin):
    answer = door("*").get(RECORDS, headers={"Origin": origin})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("path", EVERY)
def test_a_preflight_is_granted_at_every_path(path):
    answer = preflight(door(), path, **{"Access-Control-Request-Headers": "authorization, x-odd"})
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == APP
    assert {"PATCH", "DELETE"} <= set(answer.headers["Access-Control-Allow-Methods"].split(", "))
    accepted = answer.headers["Access-Control-Allow-Headers"]
    assert {"Authorization", "Content-Type", "If-Match", "Idempotency-Key", "X-CSRF-Token"} <= set(accepted.split(", "))
    assert "x-odd" not in accepted.lower()
    assert "Origin" in answer.vary


@pytest.mark.parametrize("origin", STRANGERS)
@pytest.mark.parametrize("path", EVERY)
def test_a_stranger_gets_no_preflight(origin, path):
    assert granted(preflight(door(), path, origin)) == {}


@pytest.mark.parametrize("origins", [APP, "*"])
def test_nobody_is_led_into_a_private_network(origins):
    answer = preflight(door(origins), RECORDS, **{"Access-Control-Request-Private-Network": "true"})
    assert "Access-Control-Allow-Origin" in answer.headers
    assert "Access-Control-Allow-Private-Network" not in answer.headers


def test_options_without_a_question_is_the_routes_own():
    answer = door().options(RECORDS, headers={"Origin": APP})
    assert "POST" in answer.headers["Allow"]


def test_mistakes_are_told_at_the_start():
    with pytest.raises(SettingsError, match=r"STILLROOM_CORS_ORIGINS .*ends with its host and port"):
        Settings.from_environment({"STILLROOM_CORS_ORIGINS": f"{APP}/"})
    assert Settings.from_environment({"STILLROOM_CORS_ORIGINS": APP}).cors_origins == Origins(frozenset({APP}))
