"""What docs/accounts.md tells of sessions, cookies, tokens and keys, done over a real server as the page tells it."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import jwt
import pytest

from adapters.inbound.web.cookies import ACCESS, CSRF, REFRESH
from domain.accounts.refresh import GRACE, PREFIX
from domain.accounts.sessions import IDLE, LONGEST
from tests.docs.blocks import blocks, definitions, named, rows, section
from tests.e2e.server import ROOT, Server

USERS = "/api/v1/auth/users"
BEA = {"email": "bea@example.org", "password": "Bea counts the planes"}
PAGE = (ROOT / "docs" / "accounts.md").read_text(encoding="utf-8")


@pytest.fixture
def running(tmp_path) -> Iterator[Server]:
    server = Server(tmp_path / "data", workers=1)
    try:
        server.start()
        token = server.admin_token()
        for definition in definitions("accounts.md"):
            assert server.request("POST", "/api/v1/collections", definition, token).status == 201
        assert server.request("POST", "/api/v1/collections/users/records", {"name": "Bea", **BEA}).status == 201
        yield server
    finally:
        server.end()


def sign_in(running: Server, **more: str) -> dict[str, Any]:
    signed = running.request("POST", f"{USERS}/sign-in", {"identity": BEA["email"], "password": BEA["password"], **more})
    body: dict[str, Any] = signed.body
    return body


def test_a_session_is_refreshed_seen_and_ended_as_the_page_tells(running: Server) -> None:
    told = [json.loads(block) for block in blocks("accounts.md", "json")]
    signed = sign_in(running, device="Bea's phone")
    assert next(set(each) for each in told if "refresh_token" in each) == set(signed)
    assert signed["refresh_token"].startswith(PREFIX)
    claims = jwt.decode(signed["access_token"], options={"verify_signature": False})
    # What the library adds of its own, nobody asks for.
    assert set(claims) - {"jti", "type", "fresh"} == set(named(_sentence("Access tokens are JWTs")))

    again = running.request("POST", f"{USERS}/refresh", {"refresh_token": signed["refresh_token"]})
    assert set(again.body) == set(signed)
    retried = running.request("POST", f"{USERS}/refresh", {"refresh_token": signed["refresh_token"]})
    assert retried.body["refresh_token"] == again.body["refresh_token"]

    listed = running.request("GET", f"{USERS}/sessions", token=again.body["access_token"]).body["items"]
    row = next(each for each in rows(section("accounts.md", "## Sessions")) if each[0] == "`GET /api/v1/auth/{c}/sessions`")
    assert set(named(row[1])) == set(listed[0])
    assert (listed[0]["device"], listed[0]["current"]) == ("Bea's phone", True)
    assert running.request("DELETE", f"{USERS}/sessions", token=sign_in(running)["access_token"]).body == {"ended": 1}
    ended = running.request("GET", f"{USERS}/me", token=again.body["access_token"])
    assert (ended.status, ended.body["code"]) == (401, "session_ended")


def test_keys_rotate_as_the_page_tells(running: Server) -> None:
    before = sign_in(running)
    assert "stillroom keys rotate" in [line.strip() for line in PAGE.splitlines()]
    for arguments, status in (((), 200), (("--revoke",), 401)):
        assert running.command("keys", "rotate", *arguments).returncode == 0
        running.request("GET", "/readyz")
        running.request("GET", f"{USERS}/me", token=before["access_token"])  # the one that a process may still serve
        assert running.request("GET", f"{USERS}/me", token=before["access_token"]).status == status
    assert running.request("POST", f"{USERS}/refresh", {"refresh_token": before["refresh_token"]}).status == 200


def test_a_browser_is_signed_in_as_the_page_tells(running: Server) -> None:
    told = next(each for each in (json.loads(block) for block in blocks("accounts.md", "json")) if "csrf_token" in each)
    assert set(sign_in(running, mode="cookie")) == set(told)
    for name in (ACCESS, REFRESH, CSRF):
        assert f"`{name}`" in PAGE


def test_lifetimes_are_those_of_the_code() -> None:
    assert (timedelta(seconds=10), timedelta(days=30), timedelta(days=365)) == (GRACE, IDLE, LONGEST)
    for words in ("within ten seconds", "thirty days after its last refresh", "a year after its sign-in"):
        assert words in PAGE.replace("\n", " ")


def _sentence(start: str) -> str:
    return next(line for line in PAGE.splitlines() if line.startswith(start))
