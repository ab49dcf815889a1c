"""What `create_app` composes by itself, and what it makes of what it is given."""

import importlib
import sys

import pytest
from flask import session

import app
from app import wiring
from app.factory import create_app
from app.settings import Settings, SettingsError
from tests.api.doors import Noted, backend


@pytest.fixture
def composed(tmp_path, monkeypatch):
    """The environment of a backend of its own; what is composed there is closed with the test, not with the process."""
    closers = []
    monkeypatch.setattr("atexit.register", closers.append)
    monkeypatch.setenv("STILLROOM_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("STILLROOM_MAX_BODY", "4096")
    monkeypatch.setenv("STILLROOM_LOG_LEVEL", "error")
    wiring.migrate(Settings.from_environment())
    yield
    for close in closers:
        close()
    assert closers, "nothing was composed"


def test_wsgi_serves_what_the_environment_says(composed, monkeypatch):
    monkeypatch.delitem(sys.modules, "wsgi", raising=False)
    served = importlib.import_module("wsgi").app.test_client()
    assert served.get("/readyz").get_json()["status"] == "ready"
    assert served.get("/api/v1/capabilities").get_json()["limits"]["body_bytes"] == 4096


def test_a_wrong_environment_is_refused(monkeypatch):
    monkeypatch.setenv("STILLROOM_PORT", "many")
    with pytest.raises(SettingsError):
        create_app()


def test_two_apps_share_nothing():
    first, second = create_app(backend=backend(), observer=Noted()), create_app(Settings(max_body=2000), backend(), Noted())
    assert first.config["MAX_CONTENT_LENGTH"] != second.config["MAX_CONTENT_LENGTH"]
    assert first.url_map is not second.url_map


def test_nothing_is_kept_in_cookies():
    made = create_app(backend=backend(), observer=Noted())
    with made.test_request_context("/livez"), pytest.raises(RuntimeError):
        session["a"] = 1
    assert "Set-Cookie" not in made.test_client().get("/livez", headers={"Cookie": "session=x"}).headers


def test_the_package_offers_create_app_and_nothing_more():
    assert app.create_app is create_app
    with pytest.raises(AttributeError):
        app.something_else  # noqa: B018
