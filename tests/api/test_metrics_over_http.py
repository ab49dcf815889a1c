"""`/metrics`: there for whoever has the token, and for nobody where the settings have none."""

import pytest

from adapters.outbound.prometheus_metrics import PrometheusObserver
from app import testing
from app.factory import create_app
from app.settings import Settings, SettingsError

TOKEN = "kQ3v9ZrX1mB7tLw5YcHd0sNe8GfJu2Pa"


@pytest.fixture
def watched(backend):
    observer = PrometheusObserver(backend.observer)
    return create_app(Settings(metrics_token=TOKEN), backend, observer, (), observer.exposition(backend.metrics.measures)).test_client()


def ask(client, token=TOKEN, path="/metrics"):
    return client.get(path, headers={"Authorization": f"Bearer {token}"} if token else {})


def test_requests_are_told_by_the_id_of_their_operation(watched):
    watched.get("/readyz")
    watched.get("/api/v1/collections/nobody-knows/records")
    watched.get("/api/v1/no/such/path")
    answer = ask(watched)
    text = answer.get_data(as_text=True)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    for operation, status in (("readyz", "2xx"), ("list_records", "4xx"), ("other", "4xx")):
        assert f'stillroom_request_seconds_count{{operation="{operation}",status="{status}"}} 1.0' in text
    assert "nobody-knows" not in text
    assert "stillroom_database_up 1.0" in text


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "a", TOKEN.lower(), "ä" * 32])
def test_nobody_else_reads_them(watched, token):
    answer = ask(watched, token)
    assert (answer.status_code, answer.get_json()["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert TOKEN not in answer.get_data(as_text=True)


def test_a_token_in_the_address_is_none(watched):
    assert ask(watched, "", f"/metrics?token={TOKEN}").status_code == 400


def test_without_a_token_in_the_settings_there_is_no_such_path(client, admin):
    for headers in ({}, admin, {"Authorization": "Bearer "}):
        assert client.get("/metrics", headers=headers).status_code == 404


def test_an_admin_is_no_watcher(watched, backend):
    backend.accounts.create_admin("ann@example.org", "correct horse battery")
    sent = {"identity": "ann@example.org", "password": "correct horse battery"}
    token = testing.client(backend).post("/api/v1/auth/_admins/sign-in", json=sent).get_json()["access_token"]
    assert ask(watched, token).status_code == 401


@pytest.mark.parametrize("token", ["short", "a" * 40, "ä" * 40, "kQ3v9ZrX1mB7tLw5 YcHd0sNe8GfJu2Pa"])
def test_a_weak_token_is_refused_at_the_start(token):
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({"STILLROOM_METRICS_TOKEN": token})
    assert token not in str(refused.value)
