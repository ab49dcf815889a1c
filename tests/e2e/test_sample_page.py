"""examples/accounts.html in a real Chromium with a virtual authenticator, from another origin than the backend's, and in cookies."""

import re
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pyotp
import pytest

from tests.browser import browsing
from tests.e2e.server import ROOT, Server
from tests.e2e.test_passkeys_in_browser import VERIFYING
from tests.provider import CLIENT, SECRET, Person, serving
from tests.provider.server import Provider

USERS = {"name": "users", "type": "accounts", "rules": {"create": "", "view": "id = @request.auth.id"}}
BEA, PASSWORD = "bea@example.org", "Bea counts the planes"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture
def pages() -> Iterator[str]:
    """Where the examples are served; browsers know no passkeys of addresses by number."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(ROOT / "examples")))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class Visitor:
    """A person before the page."""

    def __init__(self, page: Any, running: Server) -> None:
        self._page, self._running, self.secret = page, running, ""

    def fill(self, form: str, **values: str) -> None:
        for name, value in values.items():
            self._page.fill(f"#{form} [name={name}]", value)
        self._page.click(f"#{form} button:not([type])")

    def press(self, id: str) -> None:
        self._page.click(f"#{id}")

    def sees(self, text: str) -> str:
        self._page.wait_for_function("(text) => document.body.innerText.includes(text)", arg=text)
        return str(self._page.inner_text("body"))

    def code(self, step: int) -> str:
        return pyotp.TOTP(self.secret).at(time.time() + 30 * step)

    def letter(self) -> str:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            found: list[str] = re.findall(r"verification\?token=([\w-]+)", self._running.output)
            if found:
                return found[-1]
            time.sleep(0.1)
        raise AssertionError("no letter came")

    def sign_in(self) -> None:
        self.fill("sign-in", identity=BEA, password=PASSWORD)


def test_the_sample_page_goes_through_an_account(server: Callable[..., Server], pages: str, tmp_path: Path) -> None:
    # By name: what the browser keeps for the way to a provider is for the host that it comes back to.
    running = server(workers=1, STILLROOM_HOST="localhost", STILLROOM_CORS_ORIGINS=pages, STILLROOM_LOOPBACK_PROVIDERS="on")
    assert running.request("POST", "/api/v1/collections", USERS, running.admin_token()).status == 201
    with serving() as provider, browsing(pages) as watched:
        page = watched.page
        page.set_default_timeout(20_000)
        devtools = page.context.new_cdp_session(page)
        devtools.send("WebAuthn.enable")
        devtools.send("WebAuthn.addVirtualAuthenticator", {"options": VERIFYING})
        page.goto(f"{pages}/accounts.html?api={running.url.replace('127.0.0.1', 'localhost')}")
        visitor = Visitor(page, running)
        _signs_up(visitor)
        _sets_up_an_app(visitor)
        _sets_up_a_passkey(visitor)
        _ends_another_session(visitor, running)
        _takes_its_data(page, visitor, tmp_path)
        visitor.press("sign-out")
        visitor.sees("Signed out.")
        _comes_by_a_provider(visitor, running, provider, f"{pages}/accounts.html")
        visitor.press("sign-out")
        visitor.sees("Signed out.")
        # Neither of these signs anybody in.
        assert {each["name"] for each in page.context.cookies()} <= {"__Host-stillroom-device", "__Host-oauth"}
    # Refusals that are part of the way are all that the browser complained of.
    assert [each for each in watched.complaints if "status of 40" not in each] == []


def _signs_up(visitor: Visitor) -> None:
    visitor.fill("sign-up", email=BEA, password=PASSWORD)
    visitor.sees("A letter is on its way")
    visitor.fill("verify", token=visitor.letter())
    visitor.sees("Your address is proved")
    visitor.sign_in()
    assert "not proved" not in visitor.sees(f"Signed in as {BEA}")


def _sets_up_an_app(visitor: Visitor) -> None:
    visitor.press("app-begin")
    visitor._page.wait_for_selector("#qr svg")
    visitor.secret = visitor._page.inner_text("#secret")
    visitor.fill("app-confirm", code=visitor.code(-1))
    assert len(re.findall(r"^\w{4}-\w{4}-\w{4}-\w{4}$", visitor.sees("The app counts"), re.M)) == 10
    visitor.press("sign-out")
    visitor.sees("Signed out.")
    visitor.sign_in()
    visitor.sees("One more thing")
    visitor.fill("second", code=visitor.code(0))
    visitor.sees("Signed in as")


def _sets_up_a_passkey(visitor: Visitor) -> None:
    visitor.fill("passkey-add", name="my laptop")
    visitor.sees("The passkey is yours.")
    visitor.press("sign-out")
    visitor.sees("Signed out.")
    visitor.press("passkey-in")
    visitor.sees("passkey, ")
    visitor.press("sign-out")
    visitor.sees("Signed out.")
    visitor.sign_in()
    visitor.sees("One more thing")
    visitor.press("second-passkey")
    visitor.sees("Signed in as")


def _ends_another_session(visitor: Visitor, running: Server) -> None:
    asked = running.request("POST", "/api/v1/auth/users/sign-in", {"identity": BEA, "password": PASSWORD, "device": "somebody else's"})
    proof = {"ticket": asked.body["ticket"], "code": visitor.code(1)}
    token = running.request("POST", "/api/v1/auth/users/factors/confirm", proof).body["access_token"]
    assert running.request("GET", "/api/v1/auth/users/me", None, token).status == 200
    visitor._page.reload()
    visitor.sees("somebody else's")
    visitor._page.click("#sessions li:has-text(\"somebody else's\") button")
    visitor._page.wait_for_function("() => !document.body.innerText.includes(\"somebody else's\")")
    assert running.request("GET", "/api/v1/auth/users/me", None, token).body["code"] == "session_ended"


def _comes_by_a_provider(visitor: Visitor, running: Server, provider: Provider, home: str) -> None:
    """It vouches for the address, so the account is Bea's; and she has a second factor."""
    provider.person = Person("s-1", email=BEA)
    said = {"issuer": provider.home, "client_id": CLIENT, "client_secret": SECRET, "return_to": [home]}
    answer = running.request("PUT", "/api/v1/auth/users/providers/hangar", said, running.admin_token())
    assert answer.status == 200, answer.body
    visitor._page.reload()
    visitor._page.click("text=Sign in with hangar")
    visitor.sees("One more thing")
    assert visitor._page.url == home
    visitor.press("second-passkey")
    visitor.sees("oauth2, ")


def _takes_its_data(page: Any, visitor: Visitor, folder: Path) -> None:
    with page.expect_download() as download:
        visitor.press("export")
    download.value.save_as(folder / "data.zip")
    with zipfile.ZipFile(folder / "data.zip") as archive:
        assert BEA in archive.read("account.json").decode()
