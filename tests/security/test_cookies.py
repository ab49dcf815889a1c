"""A browser's session in cookies: what other sites may make it ask, and what its own pages must show (W01, W02, W16, T11)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from http.cookies import Morsel, SimpleCookie
from typing import Any

import pytest

from tests.security.target import API, COLLECTIONS, PASSWORD, Seen, Target, address

USERS = f"{API}/auth/users"
ACCESS, REFRESH, CSRF = (f"__Host-stillroom_{name}" for name in ("access", "refresh", "csrf"))
# Identifies nobody, and stays: by it the device is told from the rest of the world when it signs in again.
DEVICE = "__Host-stillroom-device"


@dataclass
class Browser:
    """Keeps cookies as a browser does, and sends them with every request of whatever page."""

    target: Target
    cookies: dict[str, Morsel[str]] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: Any = None, *, token: bool = False, **headers: str) -> Seen:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={kept.value}" for name, kept in self.cookies.items())
        if token:
            sent["X-CSRF-Token"] = self.cookies[CSRF].value
        raw = {} if body is None else {"body": body}
        return self.target.ask(method, path, headers=sent, **raw)

    def sign_in(self, **headers: str) -> Seen:
        body = {"identity": address("dora"), "password": PASSWORD, "mode": "cookie"}
        return self.keep(self.ask("POST", f"{USERS}/sign-in", body, **headers))

    def keep(self, seen: Seen) -> Seen:
        for each in seen.cookies:
            parsed: SimpleCookie = SimpleCookie(each)
            for name, morsel in parsed.items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel
        return seen


@pytest.fixture
def dora(target: Target) -> Iterator[str]:
    id = target.make("users", email=address("dora"), password=PASSWORD, name="dora")
    yield id
    target.records("DELETE", "users", id, by="admin")


@pytest.fixture
def browser(target: Target, dora: str) -> Browser:
    made = Browser(target)
    assert made.sign_in().status == 201
    return made


def test_cookies_are_out_of_reach_of_pages_other_hosts_and_plain_http(browser: Browser) -> None:
    """W16."""
    assert set(browser.cookies) == {ACCESS, REFRESH, CSRF, DEVICE}
    for name, kept in browser.cookies.items():
        assert (kept["secure"], kept["path"], kept["samesite"], kept["domain"]) == (True, "/", "Lax", ""), name
        assert bool(kept["httponly"]) is (name != CSRF)
    assert (browser.cookies[ACCESS]["max-age"], browser.cookies[REFRESH]["max-age"]) == ("900", "2592000")


def test_a_page_is_told_no_token(target: Target, dora: str) -> None:
    browser = Browser(target)
    signed = browser.sign_in()
    assert set(signed.body) == {"expires_in", "csrf_token", "account"}
    assert signed.body["csrf_token"] == browser.cookies[CSRF].value
    for name in (ACCESS, REFRESH):
        assert browser.cookies[name].value.encode() not in signed.content


def test_cookies_read_and_with_the_token_write(browser: Browser, dora: str) -> None:
    assert browser.ask("GET", f"{USERS}/me").body["id"] == dora
    changed = browser.ask("PATCH", f"{COLLECTIONS}/users/records/{dora}", {"name": "Dora"}, token=True)
    assert (changed.status, changed.body["name"]) == (200, "Dora")


OTHERS = (
    {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site", "Referer": "http://127.0.0.1/"},
)  # fmt: skip


def test_other_sites_change_nothing_with_a_visitors_cookies(browser: Browser, dora: str) -> None:
    """W01: without the token, with another one, or with the right one from another origin."""
    path = f"{COLLECTIONS}/users/records/{dora}"
    with browser.target.unchanged():
        wrong = ("", "A" * 43, browser.cookies[ACCESS].value)
        tries: list[dict[str, Any]] = [{}, *({"X-CSRF-Token": each} for each in wrong)]
        tries += [{**each, "X-CSRF-Token": browser.cookies[CSRF].value} for each in OTHERS]
        for headers in tries:
            for method, at, body in (("PATCH", path, {"name": "x"}), ("DELETE", path, None), ("POST", f"{USERS}/sign-out", None),
                    ("POST", f"{USERS}/refresh", None), ("DELETE", f"{USERS}/sessions", None),
                    ("POST", f"{COLLECTIONS}/posts/records", {"title": "x"})):  # fmt: skip
                seen = browser.ask(method, at, body, **headers)
                assert (seen.status, seen.code) == (403, "csrf_refused"), (method, at, headers, seen)
    assert browser.ask("GET", f"{USERS}/me").status == 200


@pytest.mark.parametrize("type_, raw", [
    ("application/x-www-form-urlencoded", b"name=x"), ("multipart/form-data; boundary=x", b"--x--"), ("text/plain", b'{"name": "x"}'),
    ("", b""),
])  # fmt: skip
def test_forms_of_other_sites_change_nothing(browser: Browser, dora: str, type_: str, raw: bytes) -> None:
    """W01, W04: what a page can send without asking first."""
    cookies = {"Cookie": "; ".join(f"{name}={kept.value}" for name, kept in browser.cookies.items())}
    headers = {**cookies, "Content-Type": type_, "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    with browser.target.unchanged():
        for method, path in (("POST", f"{COLLECTIONS}/posts/records"), ("PATCH", f"{COLLECTIONS}/users/records/{dora}"),
                             ("POST", f"{USERS}/sign-out"), ("POST", f"{USERS}/refresh")):  # fmt: skip
            assert browser.target.ask(method, path, raw=raw, headers=headers).status in (403, 415), (method, path)
    assert browser.ask("GET", f"{USERS}/me").status == 200


@pytest.mark.parametrize("headers", OTHERS)
def test_other_sites_sign_nobody_in(target: Target, dora: str, headers: dict[str, str]) -> None:
    """W02: nobody finds himself in the account of somebody else."""
    seen = Browser(target).sign_in(**headers)
    assert (seen.status, seen.code, seen.cookies) == (403, "csrf_refused", [])


def test_a_session_that_was_planted_is_not_taken_over(target: Target, dora: str) -> None:
    """T11: whatever cookies there are before, signing in opens another session, with other tokens."""
    thief = Browser(target)
    thief.sign_in()
    victim = Browser(target, dict(thief.cookies))
    assert victim.sign_in().status == 201
    for name in (ACCESS, REFRESH, CSRF):
        assert victim.cookies[name].value != thief.cookies[name].value
    ids = {each["id"] for each in victim.ask("GET", f"{USERS}/sessions").body["items"]}
    assert len(ids) == 2


def test_made_up_cookies_are_nobody(target: Target) -> None:
    for value in ("x", "", "a.b.c", "null", "srt_" + "A" * 65):
        for name in (ACCESS, REFRESH, CSRF, "__Host-stillroom_other"):
            seen = target.ask("GET", f"{USERS}/me", headers={"Cookie": f"{name}={value}"})
            assert seen.status == 401, (name, value)


def test_a_token_and_cookies_at_once_are_refused(browser: Browser) -> None:
    for token in (browser.target.tokens["bob"], browser.cookies[ACCESS].value, "x"):
        for method, path in (("GET", f"{USERS}/me"), ("POST", f"{USERS}/sign-out"), ("POST", f"{USERS}/refresh")):
            seen = browser.ask(method, path, token=True, Authorization=f"Bearer {token}")
            assert (seen.status, seen.code) == (400, "two_identities")
    both = browser.ask("POST", f"{USERS}/refresh", {"refresh_token": browser.cookies[REFRESH].value}, token=True)
    assert (both.status, both.code) == (400, "two_identities")


def test_a_session_goes_on_in_cookies(browser: Browser) -> None:
    del browser.cookies[ACCESS]  # as a browser does after fifteen minutes
    waiting = browser.ask("GET", f"{USERS}/me")
    assert (waiting.status, waiting.code) == (401, "token_expired")
    before = browser.cookies[REFRESH].value, browser.cookies[CSRF].value
    moved = browser.keep(browser.ask("POST", f"{USERS}/refresh", token=True))
    assert moved.status == 201
    assert (browser.cookies[REFRESH].value != before[0], browser.cookies[CSRF].value) == (True, before[1])
    assert browser.ask("GET", f"{USERS}/me").status == 200


def test_signing_out_takes_the_cookies_away(browser: Browser) -> None:
    access = browser.cookies[ACCESS].value
    assert browser.keep(browser.ask("POST", f"{USERS}/sign-out", token=True)).status == 204
    assert set(browser.cookies) == {DEVICE}
    assert browser.target.ask("GET", f"{USERS}/me", token=access).status == 401


def test_an_ended_session_takes_its_cookies_away_when_it_is_refreshed(browser: Browser, dora: str) -> None:
    browser.target.ask("DELETE", f"{USERS}/sessions?account={dora}", by="admin")
    assert browser.ask("GET", f"{USERS}/me").code == "session_ended"
    assert browser.keep(browser.ask("POST", f"{USERS}/refresh", token=True)).status == 401
    assert set(browser.cookies) == {DEVICE}
    assert browser.ask("GET", f"{COLLECTIONS}/posts/records").status == 200
